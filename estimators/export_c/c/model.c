/* TITLE: see model.h for how to use it. */
#include "model.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "missing numbers are NaN, which -ffast-math does not know"
#endif

/* What raw cells mean. */

LIBRARY

ENCODER

READ_MEANING

/* What the model computes. */

PROGRAM

/* The answer. */

enum { ENCODED_BYTES = ENCODED_SIZE, ALIGNED = 16 };

/* Fails to compile where the scratch memory would be too small. */
typedef char scratch_is_enough[sizeof(row_scratch) <= ENCODED_BYTES ? 1 : -1];

static unsigned char *aligned(const void *scratch)
{
    uintptr_t over = (uintptr_t)scratch % ALIGNED;
    return (unsigned char *)(uintptr_t)scratch + (over ? ALIGNED - over : 0);
}

static int predict_row(
    const model_row *row, float *out, int32_t *classes, unsigned char *scratch)
{
    row_scratch *s = (row_scratch *)(void *)scratch;
    graph_feeds feeds;
    graph_outputs outputs;
#ifdef CLASSES
    int64_t ids[MODEL_CLASS_IDS];
#endif
    int status = encode(row, s);
    if (status < 0) {
        for (int i = 0; i < MODEL_OUTPUTS; i++) out[i] = NAN;
#ifdef CLASSES
        for (int i = 0; i < MODEL_CLASS_IDS; i++) classes[i] = -1;
#endif
        return status;
    }
FEEDS
    outputs.VALUES = out;
#ifdef CLASSES
    outputs.CLASS_OUTPUT = ids;
#endif
    graph_program(&feeds, &outputs, scratch + ENCODED_BYTES);
#ifdef CLASSES
    for (int i = 0; i < MODEL_CLASS_IDS; i++) classes[i] = (int32_t)ids[i];
#else
    (void)classes;
#endif
    return status;
}

/* Predict rows; what nobody wants goes to the stack. */
static int predict_rows(
    const model_row *rows, long n, float *out, int32_t *classes, void *scratch)
{
    unsigned char *memory = aligned(scratch);
    float values[MODEL_OUTPUTS];
#ifdef CLASSES
    int32_t found[MODEL_CLASS_IDS];
#endif
    int result = MODEL_FINE;
    if (n < 0 || !scratch || (n && !rows)) return MODEL_BAD_ARGUMENT;
    for (long i = 0; i < n; i++) {
        float *to = out ? out + i * MODEL_OUTPUTS : values;
#ifdef CLASSES
        int status = predict_row(
            &rows[i], to, classes ? classes + i * MODEL_CLASS_IDS : found, memory);
#else
        int status = predict_row(&rows[i], to, classes, memory);
#endif
        if (result >= 0 && (status < 0 || status > result)) result = status;
    }
    return result;
}

int model_predict(const model_row *rows, long n, float *out, void *scratch)
{
    if (n > 0 && !out) return MODEL_BAD_ARGUMENT;
    return predict_rows(rows, n, out, NULL, scratch);
}

#ifdef CLASSES
int model_predict_classes(
    const model_row *rows, long n, float *out, int32_t *classes, void *scratch)
{
    if (n > 0 && !classes) return MODEL_BAD_ARGUMENT;
    return predict_rows(rows, n, out, classes, scratch);
}

const char *model_class_name(long number)
{
    static const char *const names[] = {
CLASS_NAMES
    };
    return number < 0 || number >= MODEL_CLASSES ? NULL : names[number];
}

#endif
int model_refused_column(const void *scratch)
{
    const row_scratch *s = (const row_scratch *)(const void *)aligned(scratch);
    return scratch ? s->column : -1;
}

const char *model_status_text(int status)
{
    switch (status) {
    case MODEL_FINE: return "fine";
    case MODEL_DROPPED: return "a list had more values than are kept";
    case MODEL_BAD_ARGUMENT: return "a null pointer, or a number out of range";
    case MODEL_BAD_CELL: return "a cell of a kind that does not exist or not in this column";
    case MODEL_NOT_A_NUMBER: return "not a number, or an infinite one";
    case MODEL_NOT_A_DATE: return "not an ISO 8601 date";
    case MODEL_BAD_LIST: return "a list where one value belongs, or one of another length";
    case MODEL_BAD_WEIGHTS: return "not as many weights as values";
    case MODEL_NO_NUMBER: return "missing, which this column refuses";
    case MODEL_UNSEEN: return "not seen in training, which the model refuses";
    default: return "no such status";
    }
}

const char *model_column_name(int column)
{
    static const char *const names[] = {
COLUMN_NAMES
    };
    return column < 0 || column >= MODEL_COLUMNS ? NULL : names[column];
}

int model_column_has_lists(int column)
{
    static const unsigned char lists[] = {COLUMN_LISTS};
    return column < 0 || column >= MODEL_COLUMNS ? 0 : lists[column];
}

int model_read_cell(int column, const char *text, size_t length, model_cell *cell)
{
    static const char meant[] = "COLUMN_MEANINGS";
    if (column < 0 || column >= MODEL_COLUMNS || !cell || (length && !text)) {
        return MODEL_BAD_ARGUMENT;
    }
    *cell = length ? model_text(text, length) : model_missing();
    if (length) read_meaning(meant[column], cell);
    return MODEL_FINE;
}

int model_abi_version(void)
{
    return MODEL_ABI_VERSION;
}
