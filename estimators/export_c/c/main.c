/* Read CSV, print predictions as CSV: a row for each row, empty where a row was refused.
 *
 *     model_main [--separator CHARACTER] [FILE]
 *
 * The first line names the columns, in any order; others than the model's are passed over. Fields
 * may be quoted; an empty one is missing. Values of a list lie between separators, '|' unless told
 * otherwise. Blank lines are no rows. Exit status: 0, 1 where a row was refused, 2 where nothing
 * could be read. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *text;
    size_t length, room;
    size_t *ends; /* where each field ends in the text */
    size_t fields, most_fields;
} record;

static void *grown(void *memory, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room && memory) return memory;
    while (*room < needed || !*room) *room = *room ? *room * 2 : 256;
    memory = realloc(memory, *room * size);
    if (!memory) {
        fputs("model_main: out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

static void add_character(record *r, int character)
{
    r->text = (char *)grown(r->text, &r->room, r->length + 1, 1);
    r->text[r->length++] = (char)character;
}

static void end_field(record *r)
{
    r->ends = (size_t *)grown(r->ends, &r->most_fields, r->fields + 1, sizeof *r->ends);
    r->ends[r->fields++] = r->length;
}

static const char *field(const record *r, size_t i, size_t *length)
{
    size_t start = i ? r->ends[i - 1] : 0;
    *length = r->ends[i] - start;
    return r->text ? r->text + start : "";
}

/* Read one record; return 0 at the end of the file, and -1 where a quote is never closed. */
static int read_record(FILE *file, record *r, unsigned long *line)
{
    int quoted = 0, started = 0, character;
    r->length = r->fields = 0;
    while ((character = getc(file)) != EOF) {
        if (character == '\n') ++*line;
        if (quoted) {
            if (character != '"') {
                add_character(r, character);
            } else if ((character = getc(file)) == '"') {
                add_character(r, '"');
            } else {
                quoted = 0;
                ungetc(character, file);
            }
        } else if (character == '"' && r->length == (r->fields ? r->ends[r->fields - 1] : 0)) {
            quoted = started = 1;
        } else if (character == ',') {
            end_field(r);
            started = 1;
        } else if (character == '\n' || character == '\r') {
            if (started) {
                end_field(r);
                return 1;
            }
        } else {
            add_character(r, character);
            started = 1;
        }
    }
    if (started) end_field(r);
    return quoted ? -1 : started;
}

/* Find the model's columns in the header; return whether all are there, once each. */
static int find_columns(const record *header, size_t *places)
{
    int fine = 1;
    for (int column = 0; column < MODEL_COLUMNS; column++) {
        const char *name = model_column_name(column);
        int found = 0;
        for (size_t i = 0; i < header->fields; i++) {
            size_t length;
            const char *text = field(header, i, &length);
            if (!i && length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
                text += 3; /* a byte order mark */
                length -= 3;
            }
            if (length != strlen(name) || memcmp(text, name, length) != 0) continue;
            places[column] = i;
            found++;
        }
        if (found != 1) {
            fprintf(stderr, "model_main: %s column \"%s\"\n", found ? "more than one" : "no", name);
            fine = 0;
        }
    }
    return fine;
}

/* Make a cell of a field; the values of a list are put where `*next` points. */
static int read_field(
    int column, const char *text, size_t length, char separator, model_cell **next,
    model_cell *cell)
{
    model_cell *values = *next;
    size_t start = 0;
    if (!model_column_has_lists(column) || !length) {
        return model_read_cell(column, text, length, cell);
    }
    for (size_t i = 0; i <= length; i++) {
        int status;
        if (i < length && text[i] != separator) continue;
        status = model_read_cell(column, text + start, i - start, (*next)++);
        if (status < 0) return status;
        start = i + 1;
    }
    *cell = model_list(values, (size_t)(*next - values));
    return MODEL_FINE;
}

static int predict_record(
    const record *r, const size_t *places, char separator, float *out, int32_t *classes,
    int *blamed)
{
    static unsigned char scratch[MODEL_SCRATCH_BYTES];
    static model_row row;
    static model_cell *values = NULL;
    static size_t room = 0;
    model_cell *next;
    int status;
    values = (model_cell *)grown(values, &room, r->length + r->fields, sizeof *values);
    next = values;
    for (int column = 0; column < MODEL_COLUMNS; column++) {
        size_t length;
        const char *text = field(r, places[column], &length);
        *blamed = column;
        status = read_field(column, text, length, separator, &next, &row.cells[column]);
        if (status < 0) return status;
    }
#ifdef CLASSES
    status = model_predict_classes(&row, 1, out, classes, scratch);
#else
    (void)classes;
    status = model_predict(&row, 1, out, scratch);
#endif
    *blamed = model_refused_column(scratch);
    return status;
}

#ifdef CLASSES
static void print_quoted(const char *before, const char *name)
{
    printf("\"%s", before);
    for (; *name; name++) {
        if (*name == '"') putchar('"');
        putchar(*name);
    }
    putchar('"');
}
#endif

static void print_header(void)
{
#ifdef CLASSES
    for (int i = 0; i < MODEL_CLASS_IDS; i++) {
        if (i) putchar(',');
        if (MODEL_CLASS_IDS == 1) {
            fputs("class", stdout);
        } else {
            print_quoted("", model_class_name(i));
        }
    }
    for (int i = 0; i < MODEL_OUTPUTS; i++) {
        putchar(',');
        print_quoted("MEANING ", model_class_name(i));
    }
#else
    for (int i = 0; i < MODEL_OUTPUTS; i++) {
        if (i) putchar(',');
        if (MODEL_OUTPUTS == 1) {
            fputs("prediction", stdout);
        } else {
            printf("prediction_%d", i);
        }
    }
#endif
    putchar('\n');
}

static void print_prediction(int status, const float *out, const int32_t *classes)
{
    int first = 1;
#ifdef CLASSES
    for (int i = 0; i < MODEL_CLASS_IDS; i++, first = 0) {
        if (!first) putchar(',');
        if (status < 0) continue;
        if (MODEL_CLASS_IDS == 1) {
            print_quoted("", model_class_name(classes[i]));
        } else {
            printf("%d", (int)classes[i]);
        }
    }
#else
    (void)classes;
#endif
    for (int i = 0; i < MODEL_OUTPUTS; i++, first = 0) {
        if (!first) putchar(',');
        if (status >= 0) printf("%.9g", (double)out[i]);
    }
    putchar('\n');
}

static int predict_file(FILE *file, char separator)
{
    static size_t places[MODEL_COLUMNS > 0 ? MODEL_COLUMNS : 1];
    static record r;
    float out[MODEL_OUTPUTS];
#ifdef CLASSES
    int32_t classes[MODEL_CLASS_IDS];
#else
    int32_t *classes = NULL;
#endif
    unsigned long line = 1, start = 1;
    size_t fields;
    int found, refused = 0, blamed;
    if (read_record(file, &r, &line) <= 0) {
        fputs("model_main: no header\n", stderr);
        return 2;
    }
    if (!find_columns(&r, places)) return 2;
    fields = r.fields;
    print_header();
    while (start = line, (found = read_record(file, &r, &line)) > 0) {
        int status;
        if (r.fields != fields) {
            fprintf(stderr, "model_main: line %lu: %lu fields where the header has %lu\n", start,
                    (unsigned long)r.fields, (unsigned long)fields);
            status = -1;
        } else {
            status = predict_record(&r, places, separator, out, classes, &blamed);
            if (status) {
                fprintf(stderr, "model_main: line %lu: %s: %s\n", start,
                        model_column_name(blamed), model_status_text(status));
            }
        }
        refused |= status < 0;
        print_prediction(status, out, classes);
    }
    if (found < 0) {
        fprintf(stderr, "model_main: line %lu: a quote is never closed\n", start);
        return 2;
    }
    free(r.text);
    free(r.ends);
    return refused;
}

int main(int count, char **arguments)
{
    char separator = '|';
    const char *name = NULL;
    FILE *file = stdin;
    int status;
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--separator") == 0 && i + 1 < count && arguments[i + 1][0]
            && !arguments[i + 1][1]) {
            separator = arguments[++i][0];
        } else if (!name && (arguments[i][0] != '-' || !arguments[i][1])) {
            name = arguments[i];
        } else {
            fputs("usage: model_main [--separator CHARACTER] [FILE]\n", stderr);
            return 2;
        }
    }
    if (name && strcmp(name, "-") != 0) file = fopen(name, "rb");
    if (!file) {
        fprintf(stderr, "model_main: cannot open %s\n", name);
        return 2;
    }
    status = predict_file(file, separator);
    if (file != stdin) fclose(file);
    if (fflush(stdout) || ferror(stdout)) return 2;
    return status;
}
