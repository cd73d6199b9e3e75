static inline int64_t share_of_rows(const struct worker *w, int64_t rows, int64_t number) {
  const int64_t threads = w->run->threads;
  return number == threads ? rows : rows * number / threads / 4 * 4;
}

static void note_bad_ids(struct run *r, int64_t step) {
  for (int64_t t = 0; t < r->threads; t++) {
    if (r->workers[t].bad[0] < 0) continue;
    memcpy(r->bad, r->workers[t].bad, sizeof r->bad);
    r->stopped = step;
  }
}

static void *work(void *argument) {
  struct worker *const w = (struct worker *)argument;
  struct run *const r = w->run;
  /* How many workers there are is known once all have started. */
  while (!__atomic_load_n(&r->ready, __ATOMIC_ACQUIRE)) relax();
/* ONCE */
  for (int64_t step = 0; step < r->steps; step++) {
    const int64_t done = step * r->batch_size;
    const int64_t batch = r->rows - done < r->batch_size ? r->rows - done : r->batch_size;
    int64_t low = 0, high = 0;
    (void)low, (void)high;
/* STEP */
  }
  return NULL;
}

/* Run all steps; return the step that was refused, or -1. */
int64_t run(struct run *r, struct worker *workers) {
  pthread_t threads[MOST_WORKERS];
  int64_t started = 1;
  r->workers = workers;
  r->work = NULL;
  r->arrived = r->left = r->ready = r->work_size = 0;
  r->stopped = r->bad[0] = -1;
  for (int64_t t = 0; t < r->threads; t++) {
    workers[t].run = r;
    workers[t].number = t;
    workers[t].sense = 0;
    workers[t].bad[0] = -1;
  }
  while (started < r->threads && !pthread_create(&threads[started], NULL, work, &workers[started])) {
    started++;
  }
  r->threads = started;
  __atomic_store_n(&r->ready, 1, __ATOMIC_RELEASE);
  work(&workers[0]);
  for (int64_t t = 1; t < started; t++) pthread_join(threads[t], NULL);
  if (r->stopped < 0) note_bad_ids(r, r->steps - 1); /* those that only an update looks up */
  free(r->work);
  return r->stopped;
}
