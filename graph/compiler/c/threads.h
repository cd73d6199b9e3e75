/* The rows of a step are dealt to workers, whose number decides how sums are rounded. The work is done
   by one thread for all workers or by a thread for each, which meet and wait without sleeping. */

struct run {
  const void *const *feeds;
  void *const *variables;
  const int64_t *lengths; /* how many rows each of them has */
  void *const *outputs;
  const int64_t *order; /* the rows to visit */
  int64_t rows, batch_size, steps;
  int64_t guard; /* the output that must be finite, or -1 */
  int64_t threads; /* how many workers there are */
  int64_t tile;    /* the rows taken at a time */
  char *memory;         /* values without a batch axis */
  char *memory_of_rows; /* values of all rows of a step */
  int64_t capacity;     /* the most rows of a step */
  char *const *ragged;  /* values of ragged feeds */
  const int64_t *counts; /* the most values of each ragged feed in a step */
  int64_t *found;        /* how many there are in this step */
  int64_t bad[3];
  int64_t stopped; /* the step that was refused, or -1 */
  struct worker *workers;
  void *work;
  int64_t work_size;
  int64_t arrived, left;
  int64_t next;          /* the step to do next */
  int64_t last;          /* the step after which all threads leave the loop, or -1 */
  int64_t until, warm;   /* nanoseconds: when the first thread wants to leave; when to take times */
  int64_t begun, skipped; /* when times were first taken, and how many steps before */
  int64_t stride;        /* steps between two looks at the clock */
  double *pace;          /* see loop.h */
  int64_t *times; /* of each worker in each kernel, where they are taken */
};

struct worker {
  struct run *run;
  int64_t number;
  int64_t sense;
  char *own;
  int64_t bad[3];
  char padding[64]; /* so that no two workers write to one cache line */
};

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

static void meet(struct worker *from, struct worker *to) {
  struct run *r = from->run;
  if (to - from == r->threads) return;
  from->sense = !from->sense;
  if (__atomic_add_fetch(&r->arrived, 1, __ATOMIC_ACQ_REL) == r->threads) {
    r->arrived = 0;
    __atomic_store_n(&r->left, from->sense, __ATOMIC_RELEASE);
    return;
  }
  for (int i = 0; __atomic_load_n(&r->left, __ATOMIC_ACQUIRE) != from->sense; i++) {
    relax();
    if (i > 4000) sched_yield();
  }
}

/* A worker's share of `size` things, in whole cache lines of floats. */
static inline int64_t share(const struct worker *w, int64_t size, int64_t number) {
  const int64_t threads = w->run->threads;
  if (number == threads) return size;
  return size * number / threads / 16 * 16;
}

/* Have the cache fetch a row that is read soon. gcc takes a function that does no more for one without
   effect and drops the calls that it has not inlined by then, hence the empty statement. */
static inline void fetch_row(const void *table, int64_t row, int64_t width) {
  const char *const first = (const char *)table + row * width;
  __asm__ volatile("");
  for (int64_t k = 0; k < width && k < 512; k += 64) __builtin_prefetch(first + k);
  if (width % 64 && 64 % width) __builtin_prefetch(first + width - 1);
}

/* Have it fetch the rows of a feed that are visited next. */
static inline void fetch(
    const struct run *r, const void *feed, int64_t width, int64_t place, int64_t rows) {
  if (rows > r->rows - place) rows = r->rows - place;
  for (int64_t i = 0; i < rows; i++) fetch_row(feed, r->order[place + i], width);
}

#define ADD_SUMS(type) \
  static void add_sums_##type(struct worker *w, int64_t start, int64_t size) { \
    struct worker *all = w->run->workers; \
    type *to = (type *)(all[0].own + start); \
    const int64_t low = share(w, size, w->number), high = share(w, size, w->number + 1); \
    for (int64_t t = 1; t < w->run->threads; t++) { \
      const type *from = (const type *)(all[t].own + start); \
      for (int64_t i = low; i < high; i++) to[i] += from[i]; \
    } \
  }

static int finite_f32(const float *x, int64_t size) {
  int found = 1;
  for (int64_t i = 0; i < size; i++) found &= isfinite(x[i]) != 0;
  return found;
}

static int finite_f64(const double *x, int64_t size) {
  int found = 1;
  for (int64_t i = 0; i < size; i++) found &= isfinite(x[i]) != 0;
  return found;
}

/* Memory for one kernel at a time; it lasts until the run ends. */
static void *workspace(struct run *r, size_t size) {
  if ((int64_t)size > r->work_size) {
    free(r->work);
    r->work = malloc(size);
    if (r->work == NULL) abort();
    r->work_size = (int64_t)size;
  }
  return r->work;
}
