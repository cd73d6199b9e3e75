/* Matrix products of single precision, for matrices small enough to stay in cache.

   c = a b, or c += a b: a is read at any strides, b and c row by row. Rows of c end in padding up to
   a multiple of LANES numbers, which may be written and means nothing; b need not. */

#if defined(__AVX512F__)
#define LANES 16
#define TALL 8
#define BROAD 3
#elif defined(__AVX__)
#define LANES 8
#define TALL 4
#define BROAD 3
#else
#define LANES 4
#define TALL 4
#define BROAD 2
#endif

#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#define ROLLED _Pragma("clang loop unroll(disable)")
#else
#define UNROLLED _Pragma("GCC unroll 8")
#define ROLLED _Pragma("GCC unroll 1")
#endif

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));

struct product {
  int64_t inner;
  const float *a;
  int64_t a_row, a_column;
  const float *b;
  int64_t b_row;
  const float *b_last; /* its last row, with room behind it */
  float *c;
  int64_t c_row;
  int adds;
};

/* A block of `tall` rows and `broad` vectors, and half a vector if `half`, is summed in registers. */
static inline __attribute__((always_inline)) void block(
    const struct product *p, const int tall, const int broad, const int half) {
  lanes sums[TALL][BROAD];
  eight last[TALL];
  UNROLLED
  for (int i = 0; i < tall; i++) {
    const float *const c = p->c + i * p->c_row;
    UNROLLED
    for (int j = 0; j < broad; j++) {
      sums[i][j] = p->adds ? *(const lanes *)(c + LANES * j) : (lanes){0};
    }
    if (half) last[i] = p->adds ? *(const eight *)(c + LANES * broad) : (eight){0};
  }
  const float *a = p->a, *b = p->b;
  const int64_t a_row = p->a_row, a_column = p->a_column, b_row = p->b_row;
  ROLLED
  for (int64_t k = 0; k < p->inner; k++) {
    if (k == p->inner - 1) b = p->b_last;
    lanes row[BROAD];
    UNROLLED
    for (int j = 0; j < broad; j++) row[j] = *(const lanes *)(b + LANES * j);
    eight end;
    if (half) end = *(const eight *)(b + LANES * broad);
    UNROLLED
    for (int i = 0; i < tall; i++) {
      const lanes factor = a[i * a_row] - (lanes){0};
      UNROLLED
      for (int j = 0; j < broad; j++) sums[i][j] += factor * row[j];
      if (half) last[i] += (a[i * a_row] - (eight){0}) * end;
    }
    a += a_column;
    b += b_row;
  }
  UNROLLED
  for (int i = 0; i < tall; i++) {
    UNROLLED
    for (int j = 0; j < broad; j++) *(lanes *)(p->c + i * p->c_row + LANES * j) = sums[i][j];
    if (half) *(eight *)(p->c + i * p->c_row + LANES * broad) = last[i];
  }
}

#define BLOCK(tall, broad, half) \
  static __attribute__((noinline)) void block_##tall##_##broad##_##half(const struct product *p) { \
    block(p, tall, broad, half); \
  }
#if LANES == 16
#define HALVES(tall) BLOCK(tall, 0, 1) BLOCK(tall, 1, 1) BLOCK(tall, 2, 1)
#define ROW_OF_HALVES(tall) , block_##tall##_0_1, block_##tall##_1_1, block_##tall##_2_1
#define KINDS (BROAD + 3)
#else
#define HALVES(tall)
#define ROW_OF_HALVES(tall)
#define KINDS BROAD
#endif
#if BROAD == 3
#define BROADEST(tall) BLOCK(tall, 1, 0) BLOCK(tall, 2, 0) BLOCK(tall, 3, 0) HALVES(tall)
#define ROW_OF_BLOCKS(tall) \
  {block_##tall##_1_0, block_##tall##_2_0, block_##tall##_3_0 ROW_OF_HALVES(tall)}
#else
#define BROADEST(tall) BLOCK(tall, 1, 0) BLOCK(tall, 2, 0)
#define ROW_OF_BLOCKS(tall) {block_##tall##_1_0, block_##tall##_2_0}
#endif
BROADEST(1)
BROADEST(2)
BROADEST(4)
#if TALL == 8
BROADEST(8)
#endif

typedef void (*block_function)(const struct product *);
static const block_function block_functions[][KINDS] = {
    ROW_OF_BLOCKS(1), ROW_OF_BLOCKS(2), ROW_OF_BLOCKS(4),
#if TALL == 8
    ROW_OF_BLOCKS(8)
#endif
};

static void multiply(
    int64_t rows, int64_t columns, int64_t inner, const float *a, int64_t a_row, int64_t a_column,
    const float *b, int64_t b_row, float *c, int64_t c_row, int adds) {
  /* Half a vector is enough for the last columns, where half the time is what it takes. */
  const int half = LANES == 16 && columns % LANES > 0 && columns % LANES <= 8;
  const int64_t vectors = (columns + LANES - 1) / LANES - half;
  struct product p = {inner, a, a_row, a_column, b, b_row, b, c, c_row, adds};
  float last[BROAD * LANES] = {0};
  for (int64_t j = 0; j < vectors + half;) {
    const int64_t left = vectors - j;
    const int ends = half && left <= 2;
    /* Four are two and two, not three and one; beside half a vector there is room for two. */
    const int64_t most = left >= BROAD && left != BROAD + 1 - half && left != BROAD + 1 ? BROAD : 2;
    const int64_t broad = left < most ? left : most;
    const int64_t kind = ends ? BROAD + broad : broad - 1;
    p.b = b + LANES * j;
    p.b_last = p.b + (inner - 1) * b_row;
    if (left == broad && columns % LANES && inner > 0) {
      memcpy(last, p.b_last, (size_t)(columns - LANES * j) * sizeof *last);
      p.b_last = last;
    }
    int64_t i = 0;
    for (int size = sizeof block_functions / sizeof *block_functions - 1; size >= 0; size--) {
      const int64_t tall = (int64_t)1 << size;
      for (; i + tall <= rows; i += tall) {
        p.a = a + i * a_row;
        p.c = c + i * c_row + LANES * j;
        block_functions[size][kind](&p);
      }
    }
    j += broad + ends;
  }
}

/* to[j][i] = from[i][j] in blocks of 8 by 8, which fit into registers. */
typedef int32_t order __attribute__((vector_size(32)));

#if defined(__clang__)
#define MIX(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define MIX(x, y, ...) __builtin_shuffle(x, y, (order){__VA_ARGS__})
#endif

static inline void transpose_block(const float *from, int64_t from_row, float *to, int64_t to_row) {
  eight r[8], s[8];
  for (int i = 0; i < 8; i++) r[i] = *(const eight *)(from + i * from_row);
  for (int i = 0; i < 8; i += 2) {
    s[i] = MIX(r[i], r[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    s[i + 1] = MIX(r[i], r[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int k = 0; k < 2; k++) {
      r[i + k] = MIX(s[i + k], s[i + k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      r[i + k + 2] = MIX(s[i + k], s[i + k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int k = 0; k < 4; k++) {
    *(eight *)(to + k * to_row) = MIX(r[k], r[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    *(eight *)(to + (k + 4) * to_row) = MIX(r[k], r[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

static void transpose(
    int64_t rows, int64_t columns, const float *from, int64_t from_row, float *to, int64_t to_row) {
  const int64_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
  for (int64_t i = 0; i < whole_rows; i += 8) {
    for (int64_t j = 0; j < whole_columns; j += 8) {
      transpose_block(from + i * from_row + j, from_row, to + j * to_row + i, to_row);
    }
  }
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = i < whole_rows ? whole_columns : 0; j < columns; j++) {
      to[j * to_row + i] = from[i * from_row + j];
    }
  }
}
