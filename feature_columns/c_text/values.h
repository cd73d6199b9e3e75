/* What a raw cell means to a categorical column. */

#define UNSEEN (-1)

#define ABSENT (-2)

/* An id from which `status_of` gets the status back. */
#define REFUSED(status) ((int64_t)(status) - 100)

/* A value of a raw cell; of a missing one, `cell` is NULL. */
typedef struct {
    const model_cell *cell;
    uint64_t hash;
    int hashed;
} value;

static int status_of(int64_t id)
{
    return (int)(id + 100);
}

static int is_missing(const model_cell *cell)
{
    return cell->kind == MODEL_MISSING || (cell->kind == MODEL_TEXT && !cell->length)
        || (cell->kind == MODEL_NUMBER && cell->number != cell->number);
}

static int read_value(const model_cell *cell, value *x)
{
    x->hashed = 0;
    x->cell = NULL;
    if (cell->kind == MODEL_LIST) return MODEL_BAD_LIST;
    if (cell->kind < MODEL_MISSING || cell->kind > MODEL_TEXT) return MODEL_BAD_CELL;
    if (is_missing(cell)) return MODEL_FINE;
    if (cell->kind == MODEL_TEXT && !cell->text) return MODEL_BAD_CELL;
    x->cell = cell;
    return MODEL_FINE;
}

/* Read a cell that may hold several values: a list, or one value, or none where it is missing. */
static int read_values(
    const model_cell *cell, size_t capacity, value *values, size_t *count, size_t *dropped)
{
    *count = 1;
    *dropped = 0;
    if (cell->kind == MODEL_LIST) {
        if (!cell->values && cell->length) return MODEL_BAD_CELL;
        *count = cell->length < capacity ? cell->length : capacity;
        *dropped = cell->length - *count;
        for (size_t i = 0; i < *count; i++) {
            int status = read_value(&cell->values[i], &values[i]);
            if (status < 0) return status;
        }
        return MODEL_FINE;
    }
    if (is_missing(cell)) *count = 0;
    return read_value(cell, values);
}

static int check_kind(const model_cell *cell, unsigned known)
{
    int kind = is_missing(cell) ? MODEL_MISSING : cell->kind;
    return kind >= MODEL_MISSING && kind < MODEL_LIST && (known >> kind & 1) ? MODEL_FINE
                                                                           : MODEL_UNSEEN;
}

/* Refuse kinds of values that were not there before. */
static int check_kinds(const model_cell *cell, unsigned known)
{
    if (cell->kind != MODEL_LIST) return check_kind(cell, known);
    for (size_t i = 0; cell->values && i < cell->length; i++) {
        if (check_kind(&cell->values[i], known) < 0) return MODEL_UNSEEN;
    }
    return MODEL_FINE;
}

/* Return the canonical text of a value; that of a number is written to `room`. */
static const char *text_of(const model_cell *cell, char *room, size_t *length)
{
    if (cell->kind == MODEL_TEXT) {
        *length = cell->length;
        return cell->text;
    }
    if (cell->kind == MODEL_BOOLEAN) {
        *length = cell->integer ? 4 : 5;
        return cell->integer ? "True" : "False";
    }
    *length = cell->kind == MODEL_INTEGER ? write_integer(cell->integer, room)
                                          : write_number(cell->number, room);
    return room;
}

/* Return the fingerprint of a value's text, which is taken once. */
static uint64_t fingerprint_of(value *x)
{
    if (!x->hashed) {
        char room[NUMBER_BYTES];
        size_t length;
        const char *text = text_of(x->cell, room, &length);
        x->hash = fingerprint(text, length);
        x->hashed = 1;
    }
    return x->hash;
}

/* The integer -1 stands for nothing; the number -1.0 and the text "-1" do not. */
static int is_minus_one(const value *x)
{
    return x->cell->kind == MODEL_INTEGER && x->cell->integer == -1;
}

/* Find the 64-bit whole number that a text stands for: "5", "-5" and "5.0", "True" and "False". */
static int read_whole(const char *text, size_t length, int64_t *number)
{
    uint64_t found = 0, largest = (uint64_t)INT64_MAX;
    size_t at = 0;
    *number = length == 4;
    if (length == 4 && memcmp(text, "True", 4) == 0) return 1;
    if (length == 5 && memcmp(text, "False", 5) == 0) return 1;
    if (length > 25) return 0;
    if (length > 2 && text[length - 2] == '.' && text[length - 1] == '0') length -= 2;
    if (length && text[0] == '-') at = 1;
    largest += at;
    if (at == length) return 0;
    for (size_t i = at; i < length; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || found > (largest - digit) / 10) return 0;
        found = found * 10 + digit;
    }
    *number = at && found ? -(int64_t)(found - 1) - 1 : (int64_t)found;
    return 1;
}

/* Return whether a value is a 64-bit whole number, in any form. */
static int is_whole(const model_cell *cell, int64_t *number)
{
    *number = cell->kind == MODEL_BOOLEAN ? cell->integer != 0 : cell->integer;
    if (cell->kind == MODEL_TEXT) return read_whole(cell->text, cell->length, number);
    if (cell->kind != MODEL_NUMBER) return 1;
    if (!(cell->number >= -9223372036854775808.0 && cell->number < 9223372036854775808.0)) return 0;
    *number = (int64_t)cell->number;
    return (double)*number == cell->number;
}
