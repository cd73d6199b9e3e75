/* Fingerprint64, after FarmHash's farmhashna::Hash64 (github.com/google/farmhash), and
 * FingerprintCat64, after TensorFlow's tensorflow/core/platform/fingerprint.h. */

#define FARM_0 UINT64_C(0xc3a5c85c97cb3127)

#define FARM_1 UINT64_C(0xb492b66fbe98f273)

#define FARM_2 UINT64_C(0x9ae16a3b2f90404f)

#define CROSS_MULTIPLIER UINT64_C(0xc6a4a7935bd1e995)

typedef struct {
    uint64_t x, y, z, v[2], w[2];
} farm_state;

static uint32_t fetch32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t fetch64(const unsigned char *at)
{
    return (uint64_t)fetch32(at) | (uint64_t)fetch32(at + 4) << 32;
}

static uint64_t rotated(uint64_t x, int bits)
{
    return x >> bits | x << (64 - bits);
}

static uint64_t folded(uint64_t x)
{
    return x ^ x >> 47;
}

static uint64_t farm_pair(uint64_t u, uint64_t v, uint64_t multiplier)
{
    uint64_t a = folded((u ^ v) * multiplier);
    return folded((v ^ a) * multiplier) * multiplier;
}

static uint64_t farm_to_16(const unsigned char *at, size_t length)
{
    uint64_t multiplier = FARM_2 + (uint64_t)length * 2;
    if (length >= 8) {
        uint64_t a = fetch64(at) + FARM_2, b = fetch64(at + length - 8);
        uint64_t c = rotated(b, 37) * multiplier + a, d = (rotated(a, 25) + b) * multiplier;
        return farm_pair(c, d, multiplier);
    }
    if (length >= 4) {
        uint64_t a = (uint64_t)length + ((uint64_t)fetch32(at) << 3);
        return farm_pair(a, fetch32(at + length - 4), multiplier);
    }
    if (length > 0) {
        uint32_t y = at[0] + ((uint32_t)at[length >> 1] << 8);
        uint32_t z = (uint32_t)length + ((uint32_t)at[length - 1] << 2);
        return folded(y * FARM_2 ^ z * FARM_0) * FARM_2;
    }
    return FARM_2;
}

static uint64_t farm_to_64(const unsigned char *at, size_t length)
{
    uint64_t multiplier = FARM_2 + (uint64_t)length * 2;
    const unsigned char *end = at + length;
    uint64_t a = fetch64(at) * (length <= 32 ? FARM_1 : FARM_2), b = fetch64(at + 8);
    uint64_t c = fetch64(end - 8) * multiplier, d = fetch64(end - 16) * FARM_2;
    uint64_t y = rotated(a + b, 43) + rotated(c, 30) + d;
    uint64_t z = a + rotated(b + FARM_2, 18) + c;
    uint64_t e, f, g, h;
    if (length <= 32) return farm_pair(y, z, multiplier);
    z = farm_pair(y, z, multiplier);
    e = fetch64(at + 16) * multiplier;
    f = fetch64(at + 24);
    g = (y + fetch64(end - 32)) * multiplier;
    h = (z + fetch64(end - 24)) * multiplier;
    return farm_pair(
        rotated(e + f, 43) + rotated(g, 30) + h, e + rotated(f + a, 18) + g, multiplier);
}

static void farm_weak(const unsigned char *at, uint64_t a, uint64_t b, uint64_t *result)
{
    uint64_t w = fetch64(at), z = fetch64(at + 24), c;
    a += w;
    b = rotated(b + a + z, 21);
    c = a;
    a += fetch64(at + 8) + fetch64(at + 16);
    b += rotated(a, 44);
    result[0] = a + z;
    result[1] = b + c;
}

/* Mix 64 bytes in; the last ones of a text have factors of their own. */
static void farm_mix(farm_state *s, const unsigned char *at, uint64_t multiplier, uint64_t ninth)
{
    uint64_t swapped;
    s->x = rotated(s->x + s->y + s->v[0] + fetch64(at + 8), 37) * multiplier;
    s->y = rotated(s->y + s->v[1] + fetch64(at + 48), 42) * multiplier;
    s->x ^= s->w[1] * ninth;
    s->y += s->v[0] * ninth + fetch64(at + 40);
    s->z = rotated(s->z + s->w[0], 33) * multiplier;
    farm_weak(at, s->v[1] * multiplier, s->x + s->w[0], s->v);
    farm_weak(at + 32, s->z + s->w[1], s->y + fetch64(at + 16), s->w);
    swapped = s->z;
    s->z = s->x;
    s->x = swapped;
}

static farm_state farm_start(const unsigned char *at)
{
    farm_state s;
    s.x = 81 * FARM_2 + fetch64(at);
    s.y = 81 * FARM_1 + 113;
    s.z = folded(s.y * FARM_2 + 113) * FARM_2;
    s.v[0] = s.v[1] = s.w[0] = s.w[1] = 0;
    return s;
}

/* Finish with the last 64 bytes, of which `left` are new. */
static uint64_t farm_finish(farm_state *s, const unsigned char *last, size_t left)
{
    uint64_t multiplier = FARM_1 + ((s->z & 0xFF) << 1);
    s->w[0] += (uint64_t)left - 1;
    s->v[0] += s->w[0];
    s->w[0] += s->v[0];
    farm_mix(s, last, multiplier, 9);
    return farm_pair(
        farm_pair(s->v[0], s->w[0], multiplier) + folded(s->y) * FARM_0 + s->z,
        farm_pair(s->v[1], s->w[1], multiplier) + s->x, multiplier);
}

static uint64_t farm_hash(const unsigned char *at, size_t length)
{
    farm_state s;
    if (length <= 16) return farm_to_16(at, length);
    if (length <= 64) return farm_to_64(at, length);
    s = farm_start(at);
    for (; length > 64; at += 64, length -= 64) farm_mix(&s, at, FARM_1, 1);
    return farm_finish(&s, at + length - 64, length);
}

/* The same for a text to be mended, block by block, since it may be of any length. */
static uint64_t farm_hash_mended(const char *text, size_t length, size_t total)
{
    byte_reader reader = reader_of(text, length);
    unsigned char block[128];
    farm_state s;
    if (total <= 64) {
        read_bytes(&reader, block, total);
        return farm_hash(block, total);
    }
    read_bytes(&reader, block + 64, 64);
    s = farm_start(block + 64);
    for (total -= 64;; total -= 64) {
        farm_mix(&s, block + 64, FARM_1, 1);
        memcpy(block, block + 64, 64);
        if (total <= 64) break;
        read_bytes(&reader, block + 64, 64);
    }
    read_bytes(&reader, block + 64, total);
    return farm_finish(&s, block + total, total);
}

static uint64_t fingerprint(const char *text, size_t length)
{
    int whole;
    size_t total = mended_length((const unsigned char *)text, length, &whole);
    return whole ? farm_hash((const unsigned char *)text, length)
                 : farm_hash_mended(text, length, total);
}

static uint64_t concatenated(uint64_t left, uint64_t right)
{
    uint64_t mixed = folded(right * CROSS_MULTIPLIER) * CROSS_MULTIPLIER;
    uint64_t result = (left ^ CROSS_MULTIPLIER ^ mixed) * CROSS_MULTIPLIER;
    return folded(folded(result) * CROSS_MULTIPLIER);
}
