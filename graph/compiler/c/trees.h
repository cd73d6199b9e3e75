/* Rows followed through decision trees; see ops/trees.py for what a node is.

   One row at one node waits for memory most of the time, so sixteen walks take turns, of several rows
   through one tree or, where there are few rows, of one row through several trees. */

/* Whether an id goes left, or -1 for a subset that is not there. */
static inline int id_goes_left(
    const int32_t *subsets, int64_t words, int32_t start, int32_t id, int missing_left) {
  if (start < 0 || start >= words) return -1;
  if (id < 0 || id >= subsets[start]) return missing_left;
  const int64_t word = (int64_t)start + 1 + (id >> 5);
  if (word >= words) return -1;
  return (int)((uint32_t)subsets[word] >> (id & 31)) & 1;
}

/* Follow walks from `at`, nodes or ~leaf, to ~leaf; a stray ends at a node that is not there. */
static inline void walk_trees(
    const int32_t *nodes, uint32_t count, const int32_t *subsets, int64_t words,
    const float *const *numbers, uint32_t width, const int32_t *const *ids, uint32_t id_width,
    int32_t *at, int walks) {
  uint32_t going = 1;
  for (uint32_t step = 0; going && step <= count; step++) {
    going = 0;
    for (int k = 0; k < walks; k++) {
      if ((uint32_t)at[k] >= count) continue;
      const int32_t *const node = nodes + 4 * (int64_t)at[k];
      const uint32_t column = (uint32_t)(node[0] >> 1);
      const int missing_left = node[0] & 1;
      int left;
      going = 1;
      if (column < width) {
        const float x = numbers[k][column];
        left = (x <= float_of((uint32_t)node[1])) | ((x != x) & missing_left);
      } else {
        left = -1;
        if (column - width < id_width) {
          left = id_goes_left(subsets, words, node[1], ids[k][column - width], missing_left);
        }
        if (left < 0) {
          at[k] = (int32_t)count;
          continue;
        }
      }
      at[k] = node[3 - left];
    }
  }
  for (int k = 0; going && k < walks; k++) {
    if (at[k] >= 0) at[k] = (int32_t)count;
  }
}

/* The leaves of all trees for some rows; `bad` notes walks that strayed. */
static inline void leaves_of(
    const int32_t *nodes, int64_t count, const int32_t *subsets, int64_t words,
    const int32_t *roots, int64_t trees, const float *numbers, int64_t number_stride,
    const int64_t *number_order, int64_t width, const int32_t *ids, int64_t id_stride,
    const int64_t *id_order, int64_t id_width, int64_t rows, int32_t *leaves, int64_t *bad,
    int64_t where) {
  const float *x[64];
  const int32_t *c[64];
  int32_t at[16];
  for (int64_t first = 0; first < rows; first += 64) {
    const int64_t some = rows - first < 64 ? rows - first : 64;
    for (int64_t i = 0; i < some; i++) {
      x[i] = numbers + (number_order ? number_order[first + i] : first + i) * number_stride;
      c[i] = ids + (id_order ? id_order[first + i] : first + i) * id_stride;
    }
    for (int64_t t = 0; t < trees; t++) {
      for (int64_t low = 0; low < some; low += 16) {
        const int walks = some - low < 16 ? (int)(some - low) : 16;
        for (int k = 0; k < walks; k++) at[k] = roots[t];
        walk_trees(nodes, (uint32_t)count, subsets, words, x + low, (uint32_t)width, c + low,
                   (uint32_t)id_width, at, walks);
        for (int k = 0; k < walks; k++) leaves[(first + low + k) * trees + t] = ~at[k];
      }
    }
  }
  for (int64_t i = 0; i < rows * trees; i++) {
    if (leaves[i] < 0) {
      bad[0] = where;
      bad[1] = ~leaves[i];
      bad[2] = count;
    }
  }
}
