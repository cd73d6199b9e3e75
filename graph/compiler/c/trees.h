/* Rows followed through decision trees; see ops/trees.py for what a node is.

   A row at a node waits for memory most of the time, so eight walks take turns: of several rows through
   one tree or, where rows are few, of one row through several trees. What the tables say is data, so
   each number is compared with the end of what it counts in, and a walk ends at most after as many
   steps as there are nodes. */

/* Whether an id goes left, or -1 for a subset that is not there. */
static inline int id_goes_left(
    const int32_t *subsets, int64_t words, int32_t start, int32_t id, int missing_left) {
  if (start < 0 || start >= words) return -1;
  if (id < 0 || id >= subsets[start]) return missing_left;
  const int64_t word = (int64_t)start + 1 + (id >> 5);
  if (word >= words) return -1;
  return (int)((uint32_t)subsets[word] >> (id & 31)) & 1;
}

/* Follow eight walks from `at`, nodes or ~leaf, to ~leaf; a stray ends at a node that is not there. */
static inline void walk_trees(
    const int32_t *nodes, uint32_t count, const int32_t *subsets, int64_t words,
    const float *const *numbers, uint32_t width, const int32_t *const *ids, uint32_t id_width,
    int32_t *at) {
  int going = 1;
  for (uint32_t step = 0; going && step <= count; step++) {
    going = 0;
    for (int k = 0; k < 8; k++) {
      if ((uint32_t)at[k] >= count) continue;
      const int32_t *const node = nodes + 4 * (int64_t)at[k];
      const uint32_t column = (uint32_t)(node[0] >> 1);
      const int missing_left = node[0] & 1;
      int left = -1;
      going = 1;
      if (column < width) {
        const float x = numbers[k][column];
        left = x <= float_of((uint32_t)node[1]);
        if (x != x) left = missing_left;
      } else if (column - width < id_width) {
        left = id_goes_left(subsets, words, node[1], ids[k][column - width], missing_left);
      }
      at[k] = left < 0 ? (int32_t)count : node[3 - left];
    }
  }
  for (int k = 0; going && k < 8; k++) {
    if (at[k] >= 0) at[k] = (int32_t)count;
  }
}

/* The leaves of all trees for some rows; `bad` notes a walk that strayed. */
static inline void leaves_of(
    const int32_t *nodes, int64_t count, const int32_t *subsets, int64_t words,
    const int32_t *roots, int64_t trees, const float *numbers, int64_t number_stride,
    const int64_t *number_order, int64_t width, const int32_t *ids, int64_t id_stride,
    const int64_t *id_order, int64_t id_width, int64_t rows, int32_t *leaves, int64_t *bad,
    int64_t where) {
  const int few = rows < 8;
  const float *x[8];
  const int32_t *c[8];
  int32_t at[8];
  /* Tree by tree, each of which stays in cache; or row by row. */
  for (int64_t outer = 0; outer < (few ? rows : trees); outer++) {
    const int64_t size = few ? trees : rows;
    for (int64_t first = 0; first < size; first += 8) {
      const int walks = size - first < 8 ? (int)(size - first) : 8;
      for (int k = 0; k < 8; k++) {
        const int64_t inner = first + (k < walks ? k : 0);
        const int64_t row = few ? outer : inner;
        x[k] = numbers + (number_order ? number_order[row] : row) * number_stride;
        c[k] = ids + (id_order ? id_order[row] : row) * id_stride;
        at[k] = k < walks ? roots[few ? inner : outer] : -1;
      }
      walk_trees(nodes, (uint32_t)count, subsets, words, x, (uint32_t)width, c,
                 (uint32_t)id_width, at);
      for (int k = 0; k < walks; k++) {
        const int64_t place = few ? outer * trees + first + k : (first + k) * trees + outer;
        leaves[place] = ~at[k];
        if (at[k] < 0) continue;
        bad[0] = where;
        bad[1] = at[k];
        bad[2] = count;
      }
    }
  }
}
