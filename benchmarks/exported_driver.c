/* Predict rows that `exported.py` wrote to standard input; every text and list in memory of its own,
 * so that a sanitizer sees the smallest step beyond. For a model called "model". */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

static void read_exactly(void *to, size_t size)
{
    if (size && fread(to, 1, size, stdin) != size) {
        fputs("the input ends too early\n", stderr);
        exit(3);
    }
}

static size_t read_size(void)
{
    int64_t size;
    read_exactly(&size, sizeof size);
    return (size_t)size;
}

static void *room_for(size_t size)
{
    void *room = malloc(size); /* of nothing too: a byte read from it would be found */
    if (!room) exit(3);
    return room;
}

static model_cell read_cell(void)
{
    model_cell cell = model_missing();
    int32_t kind;
    read_exactly(&kind, sizeof kind);
    cell.kind = kind;
    if (kind == MODEL_NUMBER || kind == MODEL_ENTRY) read_exactly(&cell.number, sizeof cell.number);
    if (kind == MODEL_INTEGER || kind == MODEL_BOOLEAN || kind == MODEL_ENTRY) {
        read_exactly(&cell.integer, sizeof cell.integer);
    }
    if (kind == MODEL_TEXT) {
        size_t length = read_size();
        char *text = (char *)room_for(length);
        read_exactly(text, length);
        cell = model_text(text, length);
    }
    if (kind == MODEL_LIST) {
        size_t length = read_size();
        model_cell *values = (model_cell *)room_for(length * sizeof *values);
        for (size_t i = 0; i < length; i++) values[i] = read_cell();
        cell = model_list(values, length);
    }
    return cell;
}

static void free_cell(model_cell *cell)
{
    if (cell->kind == MODEL_LIST) {
        for (size_t i = 0; i < cell->length; i++) free_cell((model_cell *)&cell->values[i]);
        free((void *)cell->values);
    }
    if (cell->kind == MODEL_TEXT) free((void *)cell->text);
}

int main(void)
{
    void *scratch = room_for(MODEL_SCRATCH_BYTES);
    size_t rows = read_size();
    model_row row;
    for (size_t i = 0; i < rows; i++) {
        float out[MODEL_OUTPUTS];
        int32_t status;
        for (int column = 0; column < MODEL_COLUMNS; column++) row.cells[column] = read_cell();
#ifdef MODEL_CLASSES
        int32_t classes[MODEL_CLASS_IDS];
        status = model_predict_classes(&row, 1, out, classes, scratch);
        fwrite(&status, sizeof status, 1, stdout);
        fwrite(classes, sizeof classes, 1, stdout);
#else
        status = model_predict(&row, 1, out, scratch);
        fwrite(&status, sizeof status, 1, stdout);
#endif
        fwrite(out, sizeof out, 1, stdout);
        for (int column = 0; column < MODEL_COLUMNS; column++) free_cell(&row.cells[column]);
    }
    free(scratch);
    return fflush(stdout) ? 3 : 0;
}
