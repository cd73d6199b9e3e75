/* Ranks of ids among the distinct ones, by a radix sort of (id, place) pairs. */

struct pair {
  uint64_t id;
  int64_t place;
};

#define RADIX 11

static void sort_pairs(struct pair *pairs, struct pair *other, int64_t size, uint64_t largest) {
  struct pair *from = pairs, *to = other;
  for (int shift = 0; shift < 64 && (largest >> shift) != 0; shift += RADIX) {
    int64_t starts[1 << RADIX] = {0};
    int64_t total = 0;
    for (int64_t i = 0; i < size; i++) starts[(from[i].id >> shift) & ((1 << RADIX) - 1)]++;
    for (int64_t d = 0; d < 1 << RADIX; d++) {
      const int64_t count = starts[d];
      starts[d] = total;
      total += count;
    }
    for (int64_t i = 0; i < size; i++) {
      to[starts[(from[i].id >> shift) & ((1 << RADIX) - 1)]++] = from[i];
    }
    struct pair *swap = from;
    from = to;
    to = swap;
  }
  if (from != pairs) memcpy(pairs, from, (size_t)size * sizeof *pairs);
}

#define GROUP_ROWS(name, type) \
  static void group_rows_##name(struct worker *w, const type *ids, int32_t *ranks, int64_t size) { \
    struct pair *const pairs = workspace(w->run, (size_t)size * 2 * sizeof *pairs); \
    int64_t kept = 0; \
    uint64_t largest = 0; \
    for (int64_t i = 0; i < size; i++) { \
      ranks[i] = -1; \
      if (ids[i] < 0) continue; \
      pairs[kept].id = (uint64_t)ids[i]; \
      pairs[kept++].place = i; \
      if ((uint64_t)ids[i] > largest) largest = (uint64_t)ids[i]; \
    } \
    sort_pairs(pairs, pairs + size, kept, largest); \
    int32_t rank = -1; \
    for (int64_t k = 0; k < kept; k++) { \
      if (k == 0 || pairs[k].id != pairs[k - 1].id) rank++; \
      ranks[pairs[k].place] = rank; \
    } \
  }
GROUP_ROWS(int32, int32_t)
GROUP_ROWS(int64, int64_t)
