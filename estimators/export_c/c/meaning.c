#ifdef NUMBERS
/* A whole number has digits alone; what is no number stays a text. */
static void read_number_text(model_cell *cell)
{
    decimal read;
    int64_t whole;
    int digits = cell->text[cell->length - 1] != '0' || cell->length < 2
        || cell->text[cell->length - 2] != '.';
    if (cell->text[0] != 'T' && cell->text[0] != 'F' && digits
        && read_whole(cell->text, cell->length, &whole)) {
        *cell = model_integer(whole);
    } else if (read_decimal(cell->text, cell->length, &read)) {
        *cell = model_number(decimal_value(&read));
    }
}

#endif
#ifdef BOOLEANS
static void read_boolean_text(model_cell *cell)
{
    static const char *const words[] = {"False", "True", "false", "true", "FALSE", "TRUE"};
    for (int i = 0; i < 6; i++) {
        if (strlen(words[i]) == cell->length && memcmp(words[i], cell->text, cell->length) == 0) {
            *cell = model_boolean(i % 2);
            return;
        }
    }
}

#endif
#ifdef ENTRIES
/* An entry of a sparse row is COLUMN:NUMBER. */
static void read_entry_text(model_cell *cell)
{
    const char *colon = (const char *)memchr(cell->text, ':', cell->length);
    size_t before = colon ? (size_t)(colon - cell->text) : 0;
    decimal read;
    int64_t place;
    if (!before || !read_whole(cell->text, before, &place)) return;
    if (!read_decimal(colon + 1, cell->length - before - 1, &read)) return;
    *cell = model_number(decimal_value(&read));
    cell->kind = MODEL_ENTRY;
    cell->integer = place;
}

#endif
static void read_meaning(char meaning, model_cell *cell)
{
    switch (meaning) {
#ifdef NUMBERS
    case 'n': read_number_text(cell); break;
#endif
#ifdef BOOLEANS
    case 'b': read_boolean_text(cell); break;
#endif
#ifdef ENTRIES
    case 'e': read_entry_text(cell); break;
#endif
    default: (void)cell; break;
    }
}
