/* Natural numbers of up to 4096 bits: what exact conversion between text and double needs. */

#define BIG_WORDS 128

typedef struct {
    uint32_t words[BIG_WORDS];
    int count;
} big;

static big big_of(uint64_t number)
{
    big x;
    x.count = 0;
    for (; number; number >>= 32) x.words[x.count++] = (uint32_t)number;
    return x;
}

static void big_multiply(big *x, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;
    for (int i = 0; i < x->count; i++) {
        carry += (uint64_t)x->words[i] * factor;
        x->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry) x->words[x->count++] = (uint32_t)carry;
}

static void big_times_power_of_ten(big *x, int power)
{
    for (; power >= 9; power -= 9) big_multiply(x, 1000000000, 0);
    for (; power > 0; power--) big_multiply(x, 10, 0);
}

static void big_shift(big *x, int bits)
{
    int whole = bits / 32, part = bits % 32;
    if (!x->count || !bits) return;
    if (part) big_multiply(x, (uint32_t)1 << part, 0);
    if (!whole) return;
    memmove(x->words + whole, x->words, (size_t)x->count * sizeof x->words[0]);
    memset(x->words, 0, (size_t)whole * sizeof x->words[0]);
    x->count += whole;
}

static int big_bits(const big *x)
{
    int bits = 32 * x->count;
    if (!bits) return 0;
    for (uint32_t top = x->words[x->count - 1]; !(top >> 31); top <<= 1) bits--;
    return bits;
}

static int big_compare(const big *a, const big *b)
{
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    for (int i = a->count - 1; i >= 0; i--) {
        if (a->words[i] != b->words[i]) return a->words[i] < b->words[i] ? -1 : 1;
    }
    return 0;
}

static void big_add(big *a, const big *b)
{
    uint64_t carry = 0;
    for (int i = 0; i < b->count || carry; i++) {
        if (i == a->count) a->words[a->count++] = 0;
        carry += (uint64_t)a->words[i] + (i < b->count ? b->words[i] : 0);
        a->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

/* Subtract what is not larger. */
static void big_subtract(big *a, const big *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < a->count; i++) {
        uint64_t taken = (i < b->count ? b->words[i] : 0) + borrow;
        borrow = a->words[i] < taken;
        a->words[i] = (uint32_t)(a->words[i] - taken);
    }
    while (a->count && !a->words[a->count - 1]) a->count--;
}

/* Divide by a small number and return the rest. */
static uint32_t big_divide(big *x, uint32_t divisor)
{
    uint64_t rest = 0;
    for (int i = x->count - 1; i >= 0; i--) {
        rest = rest << 32 | x->words[i];
        x->words[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
    }
    while (x->count && !x->words[x->count - 1]) x->count--;
    return (uint32_t)rest;
}
