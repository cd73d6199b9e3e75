/* Ranks of ids among the distinct ones, by a radix sort of (id, place) pairs. */

struct pair {
  uint64_t id;
  int64_t place;
};

/* Bits sorted by at a time: counting few pairs in many places takes longer than one pass more. */
#define BROAD_DIGIT 11
#define NARROW_DIGIT 8

static void sort_pairs(struct pair *pairs, struct pair *other, int64_t size, uint64_t largest) {
  struct pair *from = pairs, *to = other;
  const int bits = size < 4096 ? NARROW_DIGIT : BROAD_DIGIT;
  const int64_t places = (int64_t)1 << bits;
  int64_t starts[1 << BROAD_DIGIT];
  for (int shift = 0; shift < 64 && (largest >> shift) != 0; shift += bits) {
    int64_t total = 0;
    memset(starts, 0, (size_t)places * sizeof *starts);
    for (int64_t i = 0; i < size; i++) starts[(int64_t)(from[i].id >> shift) & (places - 1)]++;
    for (int64_t d = 0; d < places; d++) {
      const int64_t count = starts[d];
      starts[d] = total;
      total += count;
    }
    for (int64_t i = 0; i < size; i++) {
      to[starts[(int64_t)(from[i].id >> shift) & (places - 1)]++] = from[i];
    }
    struct pair *swap = from;
    from = to;
    to = swap;
  }
  if (from != pairs) memcpy(pairs, from, (size_t)size * sizeof *pairs);
}

/* Room for as many pairs, and as much again to sort them. */
static struct pair *pairs_for(struct worker *w, int64_t size) {
  return workspace(w->run, (size_t)size * 2 * sizeof(struct pair));
}

static inline int64_t keep_id(
    struct pair *pairs, int64_t kept, int64_t id, int64_t place, uint64_t *largest) {
  if (id < 0) return kept;
  pairs[kept].id = (uint64_t)id;
  pairs[kept].place = place;
  if ((uint64_t)id > *largest) *largest = (uint64_t)id;
  return kept + 1;
}

static void rank_pairs(
    struct pair *pairs, int64_t size, int64_t kept, uint64_t largest, int32_t *ranks) {
  sort_pairs(pairs, pairs + size, kept, largest);
  int32_t rank = -1;
  for (int64_t k = 0; k < kept; k++) {
    if (k == 0 || pairs[k].id != pairs[k - 1].id) rank++;
    ranks[pairs[k].place] = rank;
  }
}
