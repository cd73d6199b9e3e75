/* TITLE
 *
 * Written by cannery; everything there is to know of it stands here. C99 or later, and C++. It needs
 * the C library's headers and the functions of <string.h> and <math.h> alone: it allocates nothing,
 * reads and writes no files and keeps nothing between calls, so that any number of threads may call
 * it at once, each with scratch memory of its own.
 *
 *     model_row row;
 *     float out[MODEL_OUTPUTS];
 *     unsigned char scratch[MODEL_SCRATCH_BYTES];
 *     int status;
 *
 *     memset(&row, 0, sizeof row);  (zero bytes: every cell is missing)
EXAMPLE
 *     status = model_predict(&row, 1, out, scratch);
 *     if (status < 0) puts(model_status_text(status));
 */
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when what is declared here does. Of the library one links with, `model_abi_version`. */
#define MODEL_ABI_VERSION 1

/* How much scratch memory a call needs, at any address. */
#define MODEL_SCRATCH_BYTES SCRATCH_BYTES

/* How many values of one list are kept. */
#define MODEL_MAX_VALUES MAX_VALUES

/* How many floats a row has in `out`: OUTPUTS_TEXT. */
#define MODEL_OUTPUTS OUTPUTS
#ifdef CLASSES

/* The classes, or labels, and how many numbers a row has in `classes`: its class from 0 on, or 0 and
 * 1 for each of several labels. */
#define MODEL_CLASSES CLASS_COUNT
#define MODEL_CLASS_IDS CLASS_WIDTH
#endif

/* The raw columns, which are the cells of a row. */
COLUMN_MACROS

ROW_TYPES

/* Cells to put into a row. Texts and lists are not copied: they must last until the prediction. */
static inline model_cell model_missing(void)
{
    model_cell cell;
    cell.kind = MODEL_MISSING;
    cell.text = NULL;
    cell.values = NULL;
    cell.length = 0;
    cell.integer = 0;
    cell.number = 0;
    return cell;
}

static inline model_cell model_number(double number)
{
    model_cell cell = model_missing();
    cell.kind = MODEL_NUMBER;
    cell.number = number;
    return cell;
}

static inline model_cell model_integer(int64_t integer)
{
    model_cell cell = model_missing();
    cell.kind = MODEL_INTEGER;
    cell.integer = integer;
    return cell;
}

static inline model_cell model_boolean(int truth)
{
    model_cell cell = model_missing();
    cell.kind = MODEL_BOOLEAN;
    cell.integer = truth != 0;
    return cell;
}

static inline model_cell model_text(const char *text, size_t length)
{
    model_cell cell = model_missing();
    cell.kind = MODEL_TEXT;
    cell.text = text;
    cell.length = length;
    return cell;
}

static inline model_cell model_list(const model_cell *values, size_t length)
{
    model_cell cell = model_missing();
    cell.kind = MODEL_LIST;
    cell.values = values;
    cell.length = length;
    return cell;
}

/* Predict `n` rows: row i is written to out[i * MODEL_OUTPUTS] and what follows. `scratch` is
 * memory of MODEL_SCRATCH_BYTES bytes. A row that is refused gets NaN, and the next ones are
 * predicted all the same; the status of the first such row is returned. Where there is none,
 * MODEL_DROPPED if a list of some row was too long, else MODEL_FINE. */
int model_predict(const model_row *rows, long n, float *out, void *scratch);
#ifdef CLASSES

/* The same, with the class of each row: classes[i * MODEL_CLASS_IDS] and what follows, -1 where a
 * row is refused. `out` may be NULL. */
int model_predict_classes(
    const model_row *rows, long n, float *out, int32_t *classes, void *scratch);

/* Return the name of a class, or of a label; NULL where there is no such one. */
const char *model_class_name(long number);
#endif

/* Return the column to blame when the last row of a call was refused, as MODEL_COLUMN_... name it. */
int model_refused_column(const void *scratch);

/* Return what a status means, in English. */
const char *model_status_text(int status);

/* Return the name that a column had in training; NULL where there is no such column. */
const char *model_column_name(int column);

/* Return whether the cells of a column are lists. */
int model_column_has_lists(int column);

/* Make a cell, or one value of a list, of a text as a CSV file holds it: of an empty one a missing
 * cell, of digits a number where the column held numbers in training, True or False where it held
 * booleans, else the text itself, which is not copied. Returns a status. */
int model_read_cell(int column, const char *text, size_t length, model_cell *cell);

/* Return the MODEL_ABI_VERSION that the model was compiled with. */
int model_abi_version(void);

#ifdef __cplusplus
}
#endif

#endif
