/* Functions of one number, written so that a compiler can vectorise them.

   Polynomials after Moshier's Cephes library; relative errors below 2e-7 in single precision. */

static inline uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline float exp_f32(float x) {
  /* exp(x) = 2^n exp(r), n the nearest whole number to x / log(2); NaN passes both bounds. */
  const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number */
  const float low = x < -104.0f ? -104.0f : x;
  const float bounded = low > 89.0f ? 89.0f : low;
  const float shifted = bounded * 1.44269504f + magic;
  const float n = shifted - magic;
  const float r = bounded - n * 0.693359375f - n * -2.12194440e-4f;
  const int32_t whole = (int32_t)(bits_of(shifted) - bits_of(magic));
  const int32_t half = whole >> 1;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  /* Two factors, so that results below the normal range come out as such. */
  return p * float_of((uint32_t)(half + 127) << 23) * float_of((uint32_t)(whole - half + 127) << 23);
}

static inline float log_f32(float x) {
  /* x = m 2^e with m between sqrt(1/2) and sqrt(2). */
  const int tiny = x < 1.17549435e-38f;
  const float scaled = tiny ? x * 8388608.0f : x;
  const uint32_t bits = bits_of(scaled);
  const uint32_t moved = bits + (0x3f800000u - 0x3f3504f3u);
  const float e = (float)((int32_t)(moved >> 23) - 127 - (tiny ? 23 : 0));
  const float m = float_of((moved & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  const float z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  p = p * m * z + e * -2.12194440e-4f - 0.5f * z;
  const float y = m + p + e * 0.693359375f;
  const float above = x < INFINITY ? y : x; /* infinity and NaN stay */
  return x > 0.0f ? above : x == 0.0f ? -INFINITY : NAN;
}

static inline float log1p_f32(float x) {
  /* The second term gives back what rounding took from 1 + x. */
  const float u = 1.0f + x;
  const float y = log_f32(u) - ((u - 1.0f) - x) / u;
  return u == 1.0f ? x : u < INFINITY && u > 0.0f ? y : log_f32(u);
}

static inline float tanh_f32(float x) {
  const float a = fabsf(x);
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float small = p * z * x + x;
  const float large = 1.0f - 2.0f / (exp_f32(2.0f * a) + 1.0f);
  return copysignf(a < 0.625f ? small : large, x); /* -0.0 stays as well */
}

static inline float expm1_f32(float x) { return expm1f(x); }
static inline float pow_f32(float x, float y) { return powf(x, y); }
static inline float sin_f32(float x) { return sinf(x); }
static inline float cos_f32(float x) { return cosf(x); }
static inline float erf_f32(float x) { return erff(x); }
static inline float sqrt_f32(float x) { return sqrtf(x); }
static inline float floor_f32(float x) { return floorf(x); }
static inline float ceil_f32(float x) { return ceilf(x); }
static inline float rint_f32(float x) { return rintf(x); }
static inline float fabs_f32(float x) { return fabsf(x); }

static inline double exp_f64(double x) { return exp(x); }
static inline double log_f64(double x) { return log(x); }
static inline double log1p_f64(double x) { return log1p(x); }
static inline double tanh_f64(double x) { return tanh(x); }
static inline double expm1_f64(double x) { return expm1(x); }
static inline double pow_f64(double x, double y) { return pow(x, y); }
static inline double sin_f64(double x) { return sin(x); }
static inline double cos_f64(double x) { return cos(x); }
static inline double erf_f64(double x) { return erf(x); }
static inline double sqrt_f64(double x) { return sqrt(x); }
static inline double floor_f64(double x) { return floor(x); }
static inline double ceil_f64(double x) { return ceil(x); }
static inline double rint_f64(double x) { return rint(x); }
static inline double fabs_f64(double x) { return fabs(x); }
static inline int32_t fabs_i32(int32_t x) { return x < 0 ? -x : x; }
static inline int64_t fabs_i64(int64_t x) { return x < 0 ? -x : x; }
static inline uint64_t fabs_u64(uint64_t x) { return x; }

/* Python's // and %: the remainder has the sign of the divisor. */
#define FLOOR_DIVIDE(size, type, of) \
  static inline type remainder_f##size(type x, type y) { \
    const type rest = fmod##of(x, y); \
    if (y == 0) return rest; \
    if (rest == 0) return copysign##of(0, y); \
    return (y < 0) != (rest < 0) ? rest + y : rest; \
  } \
  static inline type floor_divide_f##size(type x, type y) { \
    if (y == 0) return x / y; \
    const type rest = fmod##of(x, y); \
    const type whole = (x - rest) / y - (rest != 0 && (y < 0) != (rest < 0)); \
    if (whole == 0) return copysign##of(0, x / y); \
    const type low = floor##of(whole); \
    return whole - low > (type)0.5 ? low + 1 : low; \
  }
FLOOR_DIVIDE(32, float, f)
FLOOR_DIVIDE(64, double, )

/* What C leaves undefined: NaN, infinity and numbers out of range give the smallest integer. */
static inline int32_t int32_of(double x) {
  return x > -2147483649.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN;
}

static inline int64_t int64_of(double x) {
  return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}

static inline uint64_t uint64_of(double x) {
  if (x >= 9223372036854775808.0) {
    return x < 18446744073709551616.0 ? (uint64_t)x : 0x8000000000000000u;
  }
  return (uint64_t)int64_of(x);
}

/* Squares (Widynski 2022): random bits that depend on a key and a counter alone. */
static inline uint64_t squares(uint64_t key, uint64_t counter) {
  const uint64_t y = counter * key;
  const uint64_t z = y + key;
  uint64_t x = y * y + y;
  x = (x >> 32) | (x << 32);
  x = x * x + z;
  x = (x >> 32) | (x << 32);
  x = x * x + y;
  x = (x >> 32) | (x << 32);
  const uint64_t t = x * x + z;
  x = (t >> 32) | (t << 32);
  return t ^ ((x * x + y) >> 32);
}

/* An id below `rows`, or -1 for none; one that is too large is noted and counts as none. */
static inline int64_t row_of(int64_t id, int64_t rows, int64_t *bad, int64_t where) {
  if (id >= rows) {
    bad[0] = where;
    bad[1] = id;
    bad[2] = rows;
    return -1;
  }
  return id;
}

/* The first place from one on where a mask holds, or `end`. */
static inline int64_t next_true(const bool *mask, int64_t from, int64_t end) {
  const bool *const found = from < end ? memchr(mask + from, 1, (size_t)(end - from)) : NULL;
  return found == NULL ? end : found - mask;
}

/* The list beside a mask of rows: how many there are, then these in the order in which ids name them. */
static inline int32_t *rows_named(bool *mask, int64_t size) {
  return (int32_t *)(void *)(mask + (size + 63) / 64 * 64);
}

/* Have no row named. */
static inline void forget_rows(bool *mask, int32_t *names) {
  for (int64_t i = 1; i <= names[0]; i++) mask[names[i]] = false;
  names[0] = 0;
}

/* Have one more row named, if it is not yet; return how many are. No branch depends on that. */
static inline int32_t name_row(bool *mask, int32_t *names, int32_t count, int64_t row) {
  if (row < 0) return count;
  names[1 + count] = (int32_t)row;
  count += !mask[row];
  mask[row] = true;
  return count;
}
