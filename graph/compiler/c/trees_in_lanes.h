/* Rows followed through decision trees sixteen at a time, where the processor can gather. */

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include <immintrin.h>

/* Rows that go through a tree one after the other. */
#define TREE_ROWS 2048

/* One step of sixteen walks, through nodes whose words are `bound` and `link`; `going` are those that
   are at no leaf. Where they go on, or UINT32_MAX where a test is none. gcc would call it, and have
   every vector go through memory. */
static inline __attribute__((always_inline)) __m512i step_down(
    __m512i at, __m512i bound, __m512i link, __mmask16 going, const int32_t *subsets, int64_t words,
    int bits, const int32_t *cells, __m512i row, int64_t width, int64_t id_width) {
  const __m512i one = _mm512_set1_epi32(1), stride = _mm512_set1_epi32((int32_t)(width + id_width));
  const __m512i test = _mm512_maskz_and_epi32(going, link, _mm512_set1_epi32((1 << bits) - 1));
  const __m512i missing_right = _mm512_and_si512(test, one), column = _mm512_srli_epi32(test, 1);
  __mmask16 stray = 0;
  __m512i cell = _mm512_add_epi32(_mm512_mullo_epi32(row, stride), column);
  const __mmask16 outside = _mm512_cmpge_epi32_mask(column, stride);
  if (outside) {
    const __m512i ids = _mm512_set1_epi32((int32_t)id_width);
    stray = _mm512_cmpge_epi32_mask(column, _mm512_add_epi32(stride, ids));
    cell = _mm512_mask_sub_epi32(cell, outside, cell, ids);
    cell = _mm512_maskz_mov_epi32((__mmask16)~stray, cell);
  }
  /* Without a mask, which would cost more than reading what nobody asks for. */
  const __m512i x = _mm512_i32gather_epi32(cell, cells, 4);
  __mmask16 right = _mm512_cmpgt_epi32_mask(_mm512_sub_epi32(x, missing_right), bound);
  if (id_width) {
    /* Both tests are made: which is the right one follows no pattern. */
    __mmask16 seen = _mm512_cmplt_epu32_mask(x, _mm512_set1_epi32(32));
    __m512i inside = bound;
    const __mmask16 large = outside & (__mmask16)~stray;
    if (large) {
      const __m512i end = _mm512_set1_epi32((int32_t)words), none = _mm512_setzero_si512();
      const __mmask16 there = _mm512_mask_cmplt_epu32_mask(large, bound, end);
      const __m512i size = _mm512_mask_i32gather_epi32(none, there, bound, subsets, 4);
      const __mmask16 known = _mm512_mask_cmplt_epi32_mask(there, x, size) & ~_mm512_movepi32_mask(x);
      const __m512i past = _mm512_add_epi32(bound, _mm512_srli_epi32(x, 5));
      const __m512i word = _mm512_add_epi32(past, one);
      const __mmask16 held = _mm512_mask_cmplt_epu32_mask(known, word, end);
      const __m512i found = _mm512_mask_i32gather_epi32(none, held, word, subsets, 4);
      inside = _mm512_mask_xor_epi32(inside, large, found, _mm512_set1_epi32(-1));
      seen = (seen & (__mmask16)~large) | known;
      stray |= (large & (__mmask16)~there) | (known & (__mmask16)~held);
    }
    const __m512i bit = _mm512_and_si512(x, _mm512_set1_epi32(31));
    const __mmask16 in_subset = _mm512_test_epi32_mask(_mm512_srlv_epi32(inside, bit), one);
    const __mmask16 by_number = _mm512_cmplt_epi32_mask(column, _mm512_set1_epi32((int32_t)width));
    const __mmask16 by_id = (in_subset & seen) |
                            (_mm512_test_epi32_mask(missing_right, one) & (__mmask16)~seen);
    right = (right & by_number) | (by_id & (__mmask16)~by_number);
  }
  const __m512i jump = _mm512_srl_epi32(link, _mm_cvtsi32_si128(bits));
  const __m512i left = _mm512_add_epi32(_mm512_add_epi32(at, jump), one);
  const __m512i next = _mm512_mask_add_epi32(left, right, left, one);
  return _mm512_mask_mov_epi32(next, stray, _mm512_set1_epi32(-1));
}

/* The leaves of one tree for at most TREE_ROWS rows, whether none strayed. Lanes whose walk has ended
   take the next rows at once, without a branch that none could foresee; those for which there is no row
   left stay at the root. */
static inline __attribute__((always_inline)) int leaves_of_tree(
    const int32_t *nodes, int64_t count, int bits, const int32_t *subsets, int64_t words,
    int32_t root, const int32_t *cells, int64_t width, int64_t id_width, int32_t rows,
    int32_t *leaves, int64_t trees, int64_t ahead, int64_t ahead_end) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  const __m512i lane = _mm512_srli_epi32(even, 1), first = _mm512_set1_epi32(root);
  const __m512i end = _mm512_set1_epi32((int32_t)count), all = _mm512_set1_epi32(rows);
  const __m512i last = _mm512_set1_epi32(rows - 1);
  int32_t ended_rows[TREE_ROWS + 64], links[TREE_ROWS + 64];
  __m512i at[2] = {first, first}, row[2];
  int32_t started = 32, ended = 0;
  row[0] = lane;
  row[1] = _mm512_add_epi32(lane, _mm512_set1_epi32(16));
  if (root < 0 || root >= count) return 0;
  while (ended < rows) {
    fetch_nodes(nodes, ahead, ahead_end);
    ahead += 64;
    for (int g = 0; g < 2; g++) {
      const __m256i low_at = _mm512_castsi512_si256(at[g]);
      const __m512i low = _mm512_i32gather_epi64(low_at, nodes, 8);
      const __m512i high = _mm512_i32gather_epi64(_mm512_extracti64x4_epi64(at[g], 1), nodes, 8);
      const __m512i bound = _mm512_permutex2var_epi32(low, even, high);
      const __m512i link = _mm512_permutex2var_epi32(low, odd, high);
      const __mmask16 there = _mm512_cmplt_epi32_mask(row[g], all);
      const __mmask16 leaf = _mm512_movepi32_mask(link) & there, going = there & (__mmask16)~leaf;
      const __m512i here = _mm512_min_epi32(row[g], last);
      _mm512_storeu_si512(ended_rows + ended, _mm512_maskz_compress_epi32(leaf, row[g]));
      _mm512_storeu_si512(links + ended, _mm512_maskz_compress_epi32(leaf, link));
      const __m512i next = _mm512_add_epi32(lane, _mm512_set1_epi32(started));
      row[g] = _mm512_mask_expand_epi32(row[g], leaf, next);
      started += __builtin_popcount(leaf);
      ended += __builtin_popcount(leaf);
      const __m512i on = step_down(at[g], bound, link, going, subsets, words, bits, cells, here,
                                   width, id_width);
      if (_mm512_mask_cmpge_epu32_mask(going, on, end)) return 0;
      at[g] = _mm512_mask_mov_epi32(first, going, on);
    }
  }
  for (int32_t k = 0; k < rows; k++) leaves[ended_rows[k] * trees] = ~links[k];
  return 1;
}

/* As `leaves_of`: by lanes where that pays; what strays there is left to `leaves_of` to report. */
static inline void leaves_in_lanes(
    const int32_t *nodes, int64_t count, int size, int bits, const int32_t *subsets, int64_t words,
    const int32_t *roots, int64_t trees, const int32_t *cells, int64_t stride,
    const int64_t *order, int64_t width, int64_t id_width, int64_t rows, int32_t *leaves,
    int64_t *bad, int64_t where) {
  int fine = rows >= 128 && size == 2 && !order && stride == width + id_width &&
             stride > 0 && stride < INT32_MAX / TREE_ROWS && count < INT32_MAX && words < INT32_MAX;
  for (int64_t low = 0; fine && low < rows; low += TREE_ROWS) {
    const int32_t some = rows - low < TREE_ROWS ? (int32_t)(rows - low) : TREE_ROWS;
    for (int64_t tree = 0; fine && tree < trees; tree++) {
      const int64_t ahead = tree + 1 < trees ? 2 * (int64_t)roots[tree + 1] : 2 * count;
      const int64_t ahead_end = 2 * (tree + 2 < trees ? (int64_t)roots[tree + 2] : count);
      fine = leaves_of_tree(nodes, count, bits, subsets, words, roots[tree], cells + low * stride,
                            width, id_width, some, leaves + low * trees + tree, trees, ahead,
                            ahead_end);
    }
  }
  if (!fine)
    leaves_of(nodes, count, size, bits, subsets, words, roots, trees, cells, stride, order, width,
              id_width, rows, leaves, bad, where);
}
#define leaves_of leaves_in_lanes
#endif
