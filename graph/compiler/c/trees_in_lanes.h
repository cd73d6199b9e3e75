/* Rows followed through decision trees sixteen at a time, where the processor can gather. */

#if defined(__AVX512F__)
#include <immintrin.h>

/* Whether no walk can stray: each test reads what is there and leads to a leaf or a node further on.
   `plain` tells whether all tests are of numbers. */
static inline int is_sound(
    const int32_t *nodes, int64_t count, const int32_t *subsets, int64_t words, int64_t width,
    int64_t id_width, int *plain) {
  int sound = 1, numbers = 1;
  for (int64_t n = 0; n < count; n++) {
    const int32_t *const node = nodes + 4 * n;
    const int64_t column = node[0] >> 1;
    sound &= (node[2] < 0) | ((node[2] > n) & (node[2] < count));
    sound &= (node[3] < 0) | ((node[3] > n) & (node[3] < count));
    sound &= (column >= 0) & (column < width + id_width);
    if (column < width) continue;
    const int64_t start = node[1];
    numbers = 0;
    sound &= start >= 0 && start < words && subsets[start] >= 0 &&
             start + 1 + ((int64_t)subsets[start] + 31) / 32 <= words;
  }
  *plain = numbers;
  return sound;
}

/* One step of the walks in `going`, through sound trees. Both kinds of test are made at each node:
   which it is follows no pattern, and a wrong guess would cost more. */
static inline __m512i step_down(
    const int32_t *nodes, const int32_t *subsets, const float *numbers, __m512i number_rows,
    __m512i width, const int32_t *ids, __m512i id_rows, int plain, __m512i at, __mmask16 going) {
  const __m512i zero = _mm512_setzero_si512(), one = _mm512_set1_epi32(1);
  const __m512i place = _mm512_slli_epi32(at, 2);
  /* A test and its bound lie side by side and are read as one. */
  const __m512i low = _mm512_mask_i32gather_epi64(
      zero, (__mmask8)going, _mm512_castsi512_si256(place), nodes, 4);
  const __m512i high = _mm512_mask_i32gather_epi64(
      zero, (__mmask8)(going >> 8), _mm512_extracti64x4_epi64(place, 1), nodes, 4);
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i test = _mm512_permutex2var_epi32(low, even, high);
  const __m512i bound = _mm512_permutex2var_epi32(low, _mm512_add_epi32(even, one), high);
  const __m512i column = _mm512_srai_epi32(test, 1);
  const __mmask16 missing_left = _mm512_test_epi32_mask(test, one);
  const __mmask16 by_number =
      plain ? going : _mm512_mask_cmplt_epi32_mask(going, column, width);
  const __m512 x = _mm512_mask_i32gather_ps(
      _mm512_setzero_ps(), by_number, _mm512_add_epi32(number_rows, column), numbers, 4);
  __mmask16 left = _mm512_cmp_ps_mask(x, _mm512_castsi512_ps(bound), _CMP_LE_OQ);
  left |= _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q) & missing_left;
  if (!plain) {
    const __mmask16 by_id = going & (__mmask16)~by_number;
    const __m512i cell = _mm512_add_epi32(id_rows, _mm512_sub_epi32(column, width));
    const __m512i id = _mm512_mask_i32gather_epi32(zero, by_id, cell, ids, 4);
    const __m512i size = _mm512_mask_i32gather_epi32(zero, by_id, bound, subsets, 4);
    const __mmask16 known = _mm512_mask_cmplt_epu32_mask(by_id, id, size);
    const __m512i at_word = _mm512_add_epi32(bound, _mm512_srli_epi32(id, 5));
    const __m512i word = _mm512_mask_i32gather_epi32(zero, known, at_word, subsets + 1, 4);
    const __m512i bit = _mm512_and_si512(id, _mm512_set1_epi32(31));
    const __mmask16 inside = _mm512_test_epi32_mask(_mm512_srlv_epi32(word, bit), one) & known;
    left = (left & by_number) | inside | (by_id & (__mmask16)~known & missing_left);
  }
  const __m512i right = _mm512_mask_add_epi32(place, (__mmask16)~left, place, one);
  return _mm512_mask_i32gather_epi32(at, going, right, nodes + 2, 4);
}

/* The leaves of sound trees, tree by tree, each of which stays in cache; the number of rows is a
   multiple of 32. */
static inline void leaves_of_sound(
    const int32_t *nodes, const int32_t *subsets, const int32_t *roots, int64_t trees,
    const float *numbers, int64_t number_stride, const int64_t *number_order, int64_t width,
    const int32_t *ids, int64_t id_stride, const int64_t *id_order, int64_t rows, int32_t *leaves,
    int plain) {
  const __m512i columns = _mm512_set1_epi32((int32_t)width), zero = _mm512_setzero_si512();
  int32_t number_rows[32], id_rows[32], found[32];
  for (int64_t tree = 0; tree < trees; tree++) {
    for (int64_t first = 0; first < rows; first += 32) {
      for (int k = 0; k < 32; k++) {
        const int64_t row = first + k;
        number_rows[k] = (int32_t)((number_order ? number_order[row] : row) * number_stride);
        id_rows[k] = (int32_t)((id_order ? id_order[row] : row) * id_stride);
      }
      const __m512i x0 = _mm512_loadu_si512(number_rows);
      const __m512i x1 = _mm512_loadu_si512(number_rows + 16);
      const __m512i c0 = _mm512_loadu_si512(id_rows), c1 = _mm512_loadu_si512(id_rows + 16);
      __m512i a = _mm512_set1_epi32(roots[tree]), b = a;
      __mmask16 going_a = _mm512_cmpge_epi32_mask(a, zero), going_b = going_a;
      while (going_a | going_b) {
        a = step_down(nodes, subsets, numbers, x0, columns, ids, c0, plain, a, going_a);
        b = step_down(nodes, subsets, numbers, x1, columns, ids, c1, plain, b, going_b);
        going_a = _mm512_cmpge_epi32_mask(a, zero);
        going_b = _mm512_cmpge_epi32_mask(b, zero);
      }
      _mm512_storeu_si512(found, a);
      _mm512_storeu_si512(found + 16, b);
      for (int k = 0; k < 32; k++) leaves[(first + k) * trees + tree] = ~found[k];
    }
  }
}

/* Whether offsets of all rows fit into a lane. */
static inline int fits_lanes(int64_t stride, const int64_t *order, int64_t rows) {
  int64_t last = rows - 1;
  for (int64_t n = 0; order && n < rows; n++) last = order[n] > last ? order[n] : last;
  return last < INT32_MAX / (stride > 0 ? stride + 1 : 1) - 1;
}

/* As `leaves_of`: blocks of rows in lanes where that pays and the trees are sound. */
static inline void leaves_in_lanes(
    const int32_t *nodes, int64_t count, const int32_t *subsets, int64_t words,
    const int32_t *roots, int64_t trees, const float *numbers, int64_t number_stride,
    const int64_t *number_order, int64_t width, const int32_t *ids, int64_t id_stride,
    const int64_t *id_order, int64_t id_width, int64_t rows, int32_t *leaves, int64_t *bad,
    int64_t where) {
  int plain = 0;
  int sound = rows >= 64 && rows * trees * 4 >= count && count < INT32_MAX / 4 &&
              fits_lanes(number_stride, number_order, rows) &&
              fits_lanes(id_stride, id_order, rows);
  for (int64_t tree = 0; sound && tree < trees; tree++) sound = roots[tree] < count;
  int64_t done = 0;
  if (sound && is_sound(nodes, count, subsets, words, width, id_width, &plain)) {
    done = rows / 32 * 32;
    if (plain)
      leaves_of_sound(nodes, subsets, roots, trees, numbers, number_stride, number_order, width,
                      ids, id_stride, id_order, done, leaves, 1);
    else
      leaves_of_sound(nodes, subsets, roots, trees, numbers, number_stride, number_order, width,
                      ids, id_stride, id_order, done, leaves, 0);
  }
  leaves_of(nodes, count, subsets, words, roots, trees,
            number_order ? numbers : numbers + done * number_stride, number_stride,
            number_order ? number_order + done : 0, width,
            id_order ? ids : ids + done * id_stride, id_stride, id_order ? id_order + done : 0,
            id_width, rows - done, leaves + done * trees, bad, where);
}
#define leaves_of leaves_in_lanes
#endif
