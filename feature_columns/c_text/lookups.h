/* From values to ids, and from ids to what a program is fed. */

/* Find the id of each value: a missing one has none. */
static int look_up(value *values, size_t count, int64_t (*id_of)(value *), int64_t *ids)
{
    for (size_t i = 0; i < count; i++) {
        ids[i] = values[i].cell ? id_of(&values[i]) : ABSENT;
        if (ids[i] < ABSENT) return status_of(ids[i]);
    }
    return MODEL_FINE;
}

/* Texts in a row, and an open hash table that leads to them: a place holds an id and 1, or 0. */
typedef struct {
    const uint32_t *places, *starts;
    const unsigned char *bytes;
    uint32_t mask;
} vocabulary;

/* Find a text in a vocabulary. */
static int64_t find_token(const char *text, size_t length, uint64_t hash, const vocabulary *tokens)
{
    for (uint32_t place = (uint32_t)hash;; place++) {
        uint32_t at = tokens->places[place & tokens->mask];
        if (!at) return UNSEEN;
        at--;
        if (same_text(text, length, tokens->bytes + tokens->starts[at],
                      tokens->starts[at + 1] - tokens->starts[at])) {
            return at;
        }
    }
}

static int64_t id_of_token(value *x, const vocabulary *tokens)
{
    char room[NUMBER_BYTES];
    size_t length;
    const char *text = text_of(x->cell, room, &length);
    return find_token(text, length, fingerprint_of(x), tokens);
}

/* Among tokens that are numbers, "5.0" is "5". */
static int64_t id_of_number_token(value *x, const vocabulary *tokens)
{
    char room[NUMBER_BYTES];
    size_t length;
    const char *text = text_of(x->cell, room, &length);
    int64_t found = find_token(text, length, fingerprint_of(x), tokens);
    if (found >= 0 || length < 2 || memcmp(text + length - 2, ".0", 2) != 0) return found;
    return find_token(text, length - 2, fingerprint(text, length - 2), tokens);
}

/* Count the boundaries that are at most each number: all of them where it is NaN. */
static void bucketize(
    const float *numbers, size_t count, const float *boundaries, size_t cuts, int64_t *ids)
{
    for (size_t i = 0; i < count; i++) {
        size_t low = 0, high = cuts;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (numbers[i] < boundaries[middle]) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        ids[i] = (int64_t)(low + i * (cuts + 1));
    }
}

static void mark_missing(const float *numbers, size_t count, int64_t *ids)
{
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] != numbers[i]) ids[i] = ABSENT;
    }
}

/* What a raw value is in a cross: where the column held numbers, a whole one is itself. */
static uint64_t text_hash(value *x)
{
    return x->cell ? fingerprint_of(x) : FARM_2;
}

static uint64_t number_hash(value *x)
{
    int64_t number;
    if (x->cell && is_whole(x->cell, &number)) return (uint64_t)number;
    return text_hash(x);
}

/* Read one weight for each id, and those of ids beyond the capacity not at all. */
static int read_weights(const model_cell *cell, size_t count, size_t dropped, float *weights)
{
    size_t length = cell->kind == MODEL_LIST ? cell->length : 1;
    if (cell->kind == MODEL_LIST && length && !cell->values) return MODEL_BAD_CELL;
    /* One weight beside a missing cell belongs to nothing. */
    if (length != count + dropped && (length != 1 || count)) return MODEL_BAD_WEIGHTS;
    for (size_t i = 0; i < length; i++) {
        double weight;
        int status = read_number(cell->kind == MODEL_LIST ? &cell->values[i] : cell, &weight);
        if (status < 0) return status;
        if (i < count) weights[i] = weight != weight ? 0.0f : to_float(weight);
    }
    return MODEL_FINE;
}

/* Read a row of a sparse matrix: a list of entries. */
static int read_entries(const model_cell *cell, int64_t size, size_t capacity, int64_t *ids,
                        float *weights, size_t *count, size_t *dropped)
{
    *count = *dropped = 0;
    if (cell->kind == MODEL_MISSING) return MODEL_FINE;
    if (cell->kind != MODEL_LIST) return MODEL_BAD_LIST;
    if (cell->length && !cell->values) return MODEL_BAD_CELL;
    for (size_t i = 0; i < cell->length; i++) {
        const model_cell *entry = &cell->values[i];
        if (entry->kind != MODEL_ENTRY) return MODEL_BAD_CELL;
        if (entry->integer < 0 || entry->integer >= size) return MODEL_BAD_CELL;
        if (!(fabs(entry->number) <= DBL_MAX)) return MODEL_NOT_A_NUMBER;
        if (*count == capacity) {
            ++*dropped;
            continue;
        }
        ids[*count] = entry->integer;
        weights[(*count)++] = to_float(entry->number);
    }
    return MODEL_FINE;
}

/* Keep the ids that are there; one outside the vocabulary is -1. */
static int32_t keep_int32(const int64_t *ids, size_t count, int32_t *kept)
{
    int32_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (ids[i] != ABSENT) kept[length++] = (int32_t)ids[i];
    }
    return length;
}

static int32_t keep_int64(const int64_t *ids, size_t count, int64_t *kept)
{
    int32_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (ids[i] != ABSENT) kept[length++] = ids[i];
    }
    return length;
}

static void keep_weights(const int64_t *ids, size_t count, const float *weights, float *kept)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (ids[i] != ABSENT) kept[length++] = weights[i];
    }
}

static int64_t single_id(int64_t id)
{
    return id < UNSEEN ? UNSEEN : id;
}
