/* Texts are meant to be UTF-8; what is not becomes U+FFFD, as where Python decodes with "replace". */

#define REPLACEMENT 0xFFFDu

typedef struct {
    const unsigned char *at, *end;
    unsigned char pending[4];
    size_t next, held;
} byte_reader;

/* Return how many bytes at the start form one character, or together are none. */
static size_t next_character(const unsigned char *at, const unsigned char *end, uint32_t *character)
{
    unsigned char first = at[0], low = 0x80, high = 0xBF;
    size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    uint32_t found = first & (0x7Fu >> length);
    if (first < 0x80) {
        *character = first;
        return 1;
    }
    *character = REPLACEMENT;
    if (first < 0xC2 || first > 0xF4) return 1;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
    for (size_t i = 1; i < length; i++) {
        if (at + i == end || at[i] < low || at[i] > high) return i;
        found = found << 6 | (at[i] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    *character = found;
    return length;
}

/* Return the length in bytes once all is UTF-8, and whether it was already. */
static size_t mended_length(const unsigned char *text, size_t length, int *whole)
{
    const unsigned char *at = text, *end = text + length;
    size_t total = 0;
    *whole = 1;
    while (at < end) {
        uint32_t character = *at;
        size_t count = character < 0x80 ? 1 : next_character(at, end, &character);
        if (character == REPLACEMENT && (count < 3 || at[0] != 0xEF || at[1] != 0xBF)) {
            *whole = 0;
            total += 3;
        } else {
            total += count;
        }
        at += count;
    }
    return total;
}

/* Return the next byte of the mended text, or -1 at its end. */
static int next_byte(byte_reader *reader)
{
    if (reader->next == reader->held) {
        uint32_t character;
        if (reader->at == reader->end) return -1;
        reader->held = next_character(reader->at, reader->end, &character);
        memcpy(reader->pending, reader->at, reader->held);
        reader->at += reader->held;
        if (character == REPLACEMENT) {
            reader->held = 3;
            memcpy(reader->pending, "\xEF\xBF\xBD", 3);
        }
        reader->next = 0;
    }
    return reader->pending[reader->next++];
}

static void read_bytes(byte_reader *reader, unsigned char *to, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] = (unsigned char)next_byte(reader);
}

static byte_reader reader_of(const char *text, size_t length)
{
    byte_reader reader;
    reader.at = (const unsigned char *)text;
    reader.end = reader.at + length;
    reader.next = reader.held = 0;
    return reader;
}

/* Return whether a text, mended, is these bytes. */
static int same_text(const char *text, size_t length, const unsigned char *bytes, size_t count)
{
    byte_reader reader;
    if (length == count && memcmp(text, bytes, length) == 0) return 1;
    /* A replacement takes the place of one to three bytes. */
    if (length > count || count > 3 * length) return 0;
    reader = reader_of(text, length);
    for (size_t i = 0; i < count; i++) {
        if (next_byte(&reader) != bytes[i]) return 0;
    }
    return next_byte(&reader) < 0;
}
