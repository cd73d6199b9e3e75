/* Rows followed through decision trees; see ops/tree_table.py for what a node is.

   A row at a node waits for memory most of the time, so twelve walks take turns; one that ends makes
   place for the next. What the tables say is data, so each number is compared with the end of what it
   counts in. As children come after their parent, every walk ends. */

/* A whole number in the order of floats, of which NaN is the least; -0.0 is 0.0. */
static inline int32_t order_of(float x) {
  const int32_t bits = (int32_t)bits_of(x + 0.0f);
  return x != x ? INT32_MIN : bits ^ ((bits >> 31) & INT32_MAX);
}

/* Whether an id goes right by a subset outside its node, or -1 for a subset that is not there. */
static inline int by_subset(
    const int32_t *subsets, int64_t words, int32_t start, int32_t id, int missing_right) {
  if (start < 0 || start >= words) return -1;
  if (id < 0 || id >= subsets[start]) return missing_right;
  const int64_t word = (int64_t)start + 1 + (id >> 5);
  if (word >= words) return -1;
  return (int)(~((uint32_t)subsets[word] >> (id & 31)) & 1);
}

/* Have the cache fetch four lines of the next tree, while this one is walked: it cannot foresee jumps.
   See fetch_row for the empty statement. */
static inline void fetch_nodes(const int32_t *nodes, int64_t first, int64_t end) {
#if defined(__GNUC__)
  __asm__ volatile("");
  if (first < 0) return;
  for (int64_t n = first; n < first + 64 && n < end; n += 16) __builtin_prefetch(nodes + n);
#else
  (void)nodes, (void)first, (void)end;
#endif
}

/* A branch that is seldom taken stands aside: the walk is a few instructions long. */
static inline int likely(int x) {
#if defined(__GNUC__)
  return (int)__builtin_expect(x, 1);
#else
  return x;
#endif
}

/* The leaves of all trees for some rows; `bad` notes a walk that strayed. */
static inline void leaves_of(
    const int32_t *nodes, int64_t count, int size, int bits, const int32_t *subsets, int64_t words,
    const int32_t *roots, int64_t trees, const int32_t *cells, int64_t stride,
    const int64_t *order, int64_t width, int64_t id_width, int64_t rows, int32_t *leaves,
    int64_t *bad, int64_t where) {
  const int64_t walks = rows * trees, columns = width + id_width;
  const int32_t *row[12];
  int32_t *leaf[12];
  int64_t at[12], started = 0, ended = 0;
  for (int k = 0; k < 12; k++) at[k] = -1;
  while (ended < walks) {
    for (int k = 0; k < 12; k++) {
      if (likely((uint64_t)at[k] < (uint64_t)count)) {
        const int32_t *const node = nodes + size * at[k];
        const uint32_t link = (uint32_t)node[1];
        if (likely(node[1] >= 0)) {
          const uint32_t test = size == 2 ? link & ((1u << bits) - 1) : link, column = test >> 1;
          const int64_t jump = size == 2 ? (int64_t)(link >> bits) : node[2];
          uint32_t right;
          if (likely(column < columns)) {
            const uint32_t x = (uint32_t)row[k][column];
            right = (int32_t)(x - (test & 1)) > node[0];
            if (id_width) {
              /* Both tests are made, for which it is follows no pattern. An id that the subset
                 does not cover finds `missing_right` next to the bits. */
              const uint64_t both = (uint64_t)link << 32 | (uint32_t)node[0];
              const uint32_t by_id = (uint32_t)(both >> (x < 32 ? x : 32)) & 1;
              right = by_id ^ ((by_id ^ right) & -(uint32_t)(column < width));
            }
          } else {
            const int64_t cell = column - id_width;
            const int found = cell < columns ? by_subset(subsets, words, node[0], row[k][cell],
                                                         (int)(test & 1)) : -1;
            right = found < 0 ? (uint32_t)count : (uint32_t)found;
          }
          at[k] += 1 + jump + right;
          if (size == 3 && jump < 0) at[k] = count;
          continue;
        }
        *leaf[k] = (int32_t)~link;
        ended++;
      } else if (at[k] >= 0) {
        *leaf[k] = -1;
        ended++;
        bad[0] = where;
        bad[1] = bad[2] = count;
      }
      at[k] = -1;
      if (started == walks) continue;
      /* Tree by tree, each of which stays in cache. */
      const int64_t tree = started / rows, i = started % rows;
      started++;
      row[k] = cells + (order ? order[i] : i) * stride;
      leaf[k] = leaves + i * trees + tree;
      at[k] = roots[tree] >= 0 ? roots[tree] : count;
      if (rows < 64 || tree + 1 == trees) continue;
      fetch_nodes(nodes, size * (int64_t)roots[tree + 1] + 64 * i,
                  size * (tree + 2 < trees ? (int64_t)roots[tree + 2] : count));
    }
  }
}
