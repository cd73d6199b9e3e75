/* Between text and double as Python does it: read correctly rounded, written by the shortest digits
 * that read back the same (Burger and Dybvig, "Printing Floating-Point Numbers Quickly and
 * Accurately", 1996). */

/* Halfway between two doubles there are at most 767 digits; one more stands for all that follow. */
#define MAX_DIGITS 769

#define NUMBER_BYTES 320

typedef struct {
    unsigned char digits[MAX_DIGITS];
    int count, negative;
    int64_t exponent;
} decimal;

/* Return the ASCII character that Python's float() sees here, and step over it; -1 at the end. */
static int next_symbol(const unsigned char **at, const unsigned char *end)
{
    uint32_t character;
    if (*at == end) return -1;
    if (**at < 0x80) return *(*at)++;
    *at += next_character(*at, end, &character);
    for (size_t i = 0; i < sizeof UNICODE_SPACES / sizeof UNICODE_SPACES[0]; i++) {
        if (character == UNICODE_SPACES[i]) return ' ';
    }
    for (size_t i = 0; i < sizeof UNICODE_ZEROS / sizeof UNICODE_ZEROS[0]; i++) {
        if (character - UNICODE_ZEROS[i] < 10) return '0' + (int)(character - UNICODE_ZEROS[i]);
    }
    return '?';
}

static int is_space(int symbol)
{
    return symbol == ' ' || (symbol >= '\t' && symbol <= '\r');
}

static int is_digit(int symbol)
{
    return symbol >= '0' && symbol <= '9';
}

static void add_digit(decimal *x, int digit, int after_point)
{
    if (x->count < MAX_DIGITS) {
        if (x->count || digit) x->digits[x->count++] = (unsigned char)digit;
        x->exponent -= after_point;
    } else {
        if (digit) x->digits[MAX_DIGITS - 1] |= 1;
        x->exponent += !after_point;
    }
}

/* Read a text as digits and an exponent; return whether all of it is a number. */
static int read_decimal(const char *text, size_t length, decimal *x)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + length;
    int symbol, found = 0, point = 0;
    x->count = x->negative = 0;
    x->exponent = 0;
    do symbol = next_symbol(&at, end);
    while (is_space(symbol));
    if (symbol == '+' || symbol == '-') {
        x->negative = symbol == '-';
        symbol = next_symbol(&at, end);
    }
    for (; is_digit(symbol) || (symbol == '.' && !point); symbol = next_symbol(&at, end)) {
        if (symbol == '.') {
            point = 1;
        } else {
            add_digit(x, symbol - '0', point);
            found = 1;
        }
    }
    if (!found) return 0;
    if (symbol == 'e' || symbol == 'E') {
        int64_t exponent = 0;
        int negative;
        symbol = next_symbol(&at, end);
        negative = symbol == '-';
        if (symbol == '+' || symbol == '-') symbol = next_symbol(&at, end);
        if (!is_digit(symbol)) return 0;
        for (; is_digit(symbol); symbol = next_symbol(&at, end)) {
            if (exponent < INT64_C(1000000000000000000)) exponent = exponent * 10 + symbol - '0';
            if (exponent > INT64_C(100000000000000000)) exponent = INT64_C(100000000000000000);
        }
        x->exponent += negative ? -exponent : exponent;
    }
    while (is_space(symbol)) symbol = next_symbol(&at, end);
    return symbol < 0;
}

/* Return quotient * 2**exponent, rounded half to even; `sticky` says that a rest was left. */
static double rounded(uint64_t quotient, int exponent, int sticky)
{
    int bits = 64, dropped;
    uint64_t rest, half;
    while (!(quotient >> (bits - 1))) bits--;
    dropped = bits - 53;
    if (dropped + exponent < -1074) dropped = -1074 - exponent;
    if (dropped > bits) return 0.0;
    rest = quotient & (((uint64_t)1 << dropped) - 1);
    half = (uint64_t)1 << (dropped - 1);
    quotient >>= dropped;
    if (rest > half || (rest == half && (sticky || (quotient & 1)))) quotient++;
    return ldexp((double)quotient, exponent + dropped);
}

/* Return the nearest double by long division of big numbers. */
static double exact_value(const decimal *x)
{
    big above = big_of(0), below = big_of(1);
    uint64_t quotient = 0;
    int exponent = (int)x->exponent, shift;
    for (int i = 0; i < x->count; i++) big_multiply(&above, 10, x->digits[i]);
    if (exponent > 0) big_times_power_of_ten(&above, exponent);
    if (exponent < 0) big_times_power_of_ten(&below, -exponent);
    shift = big_bits(&above) - big_bits(&below);
    if (shift > 0) big_shift(&below, shift);
    if (shift < 0) big_shift(&above, -shift);
    for (int i = 0; i < 63; i++) {
        quotient <<= 1;
        if (big_compare(&above, &below) >= 0) {
            big_subtract(&above, &below);
            quotient |= 1;
        }
        big_shift(&above, 1);
    }
    return rounded(quotient, shift - 62, above.count > 0);
}

static double decimal_value(const decimal *x)
{
    double found = 0.0;
    if (!x->count || x->exponent + x->count < -330) {
        found = 0.0;
    } else if (x->exponent + x->count > 310) {
        found = HUGE_VAL;
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0
    } else if (x->count <= 15 && x->exponent >= -22 && x->exponent <= 22) {
        /* Both are exact in a double, so one operation rounds correctly. */
        double power = 1.0;
        for (int i = 0; i < x->count; i++) found = found * 10.0 + x->digits[i];
        for (int64_t i = x->exponent < 0 ? -x->exponent : x->exponent; i > 0; i--) power *= 10.0;
        found = x->exponent < 0 ? found / power : found * power;
#endif
    } else {
        found = exact_value(x);
    }
    return x->negative ? -found : found;
}

static size_t write_integer(int64_t number, char *to)
{
    char digits[20];
    size_t count = 0, length = 0;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do digits[count++] = (char)('0' + left % 10);
    while (left /= 10);
    if (number < 0) to[length++] = '-';
    while (count) to[length++] = digits[--count];
    return length;
}

/* Write a whole number of any size, digit by digit. */
static size_t write_whole(double number, char *to)
{
    int exponent, count = 0;
    double fraction = frexp(number, &exponent);
    big left = big_of((uint64_t)ldexp(fraction, 53));
    big_shift(&left, exponent - 53);
    while (left.count) {
        uint32_t part = big_divide(&left, 1000000000);
        for (int i = 0; i < 9; i++, part /= 10) to[count++] = (char)('0' + part % 10);
    }
    while (to[count - 1] == '0') count--;
    for (int i = 0; i < count / 2; i++) {
        char kept = to[i];
        to[i] = to[count - 1 - i];
        to[count - 1 - i] = kept;
    }
    return (size_t)count;
}

/* Find the shortest digits of a number above 0 that has a fraction; return how many stand before
 * the point. */
static int shortest_digits(double number, char *digits, int *count)
{
    int exponent, point, even, low, high;
    uint64_t mantissa = (uint64_t)ldexp(frexp(number, &exponent), 53);
    double estimate = (exponent - 1) * 0.30102999566398114 - 1e-10;
    big rest, whole, above, below, sum;
    exponent -= 53;
    for (; exponent < -1074; exponent++) mantissa >>= 1;
    even = !(mantissa & 1);
    rest = big_of(mantissa);
    whole = big_of(1);
    above = big_of(1);
    below = big_of(1);
    big_shift(&rest, 1);
    big_shift(&whole, 1 - exponent);
    if (mantissa == (uint64_t)1 << 52 && exponent > -1074) {
        /* The next double below is half as far. */
        big_shift(&rest, 1);
        big_shift(&whole, 1);
        big_shift(&above, 1);
    }
    point = (int)estimate + (estimate > 0);
    if (point > 0) big_times_power_of_ten(&whole, point);
    big_times_power_of_ten(&rest, -point);
    big_times_power_of_ten(&above, -point);
    big_times_power_of_ten(&below, -point);
    sum = rest;
    big_add(&sum, &above);
    if (big_compare(&sum, &whole) >= !even) {
        point++;
    } else {
        big_multiply(&rest, 10, 0);
        big_multiply(&above, 10, 0);
        big_multiply(&below, 10, 0);
    }
    for (*count = 0;; (*count)++) {
        int digit = 0;
        for (; big_compare(&rest, &whole) >= 0; digit++) big_subtract(&rest, &whole);
        sum = rest;
        big_add(&sum, &above);
        low = big_compare(&rest, &below) < even;
        high = big_compare(&sum, &whole) >= !even;
        if (low && high) {
            int half;
            big_shift(&rest, 1);
            half = big_compare(&rest, &whole);
            digit += half > 0 || (half == 0 && (digit & 1));
        } else {
            digit += high;
        }
        digits[*count] = (char)('0' + digit);
        if (low || high) break;
        big_multiply(&rest, 10, 0);
        big_multiply(&above, 10, 0);
        big_multiply(&below, 10, 0);
    }
    ++*count;
    return point;
}

/* Write a number above 0 that has a fraction, as Python's repr does. */
static size_t write_fraction(double number, char *to)
{
    char digits[20];
    int count, point = shortest_digits(number, digits, &count), written = 0;
    size_t length = 0;
    if (point <= -4) {
        to[length++] = digits[0];
        if (count > 1) to[length++] = '.';
        for (written = 1; written < count; written++) to[length++] = digits[written];
        to[length++] = 'e';
        to[length++] = '-';
        if (1 - point < 10) to[length++] = '0';
        return length + write_integer(1 - point, to + length);
    }
    if (point <= 0) to[length++] = '0';
    while (written < point) to[length++] = digits[written++];
    to[length++] = '.';
    for (int i = point; i < 0; i++) to[length++] = '0';
    while (written < count) to[length++] = digits[written++];
    return length;
}

/* Write a number that is not NaN as cannery's canonical text; return its length. */
static size_t write_number(double number, char *to)
{
    size_t sign = number < 0;
    if (number >= -9007199254740992.0 && number <= 9007199254740992.0
        && number == (double)(int64_t)number) {
        return write_integer((int64_t)number, to);
    }
    to[0] = '-';
    number = fabs(number);
    if (number > DBL_MAX) {
        memcpy(to + sign, "inf", 3);
        return sign + 3;
    }
    if (number >= 9007199254740992.0) return sign + write_whole(number, to + sign);
    return sign + write_fraction(number, to + sign);
}
