static inline int64_t share_of_rows(const struct worker *w, int64_t rows, int64_t number) {
  const int64_t threads = w->run->threads;
  return number == threads ? rows : rows * number / threads / 4 * 4;
}

/* Whether a worker met an id that is too large. */
static int64_t has_bad_ids(const struct run *r) {
  int64_t found = 0;
  for (int64_t t = 0; t < r->threads; t++) found |= r->workers[t].bad[0] >= 0;
  return found;
}

static void refuse(struct run *r, int64_t step) {
  r->stopped = step;
  for (int64_t t = 0; t < r->threads; t++) {
    if (r->workers[t].bad[0] >= 0) memcpy(r->bad, r->workers[t].bad, sizeof r->bad);
  }
}

static int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Whether the first thread wants the loop left after a step. */
static int is_over(struct run *r, int64_t step, int64_t start) {
  if (step + 1 == r->steps) return 1;
  if (r->threads == 1 || (step - start) % r->stride) return 0;
  const int64_t now = nanoseconds();
  if (r->begun < 0) {
    if (now < r->warm) return 0;
    r->begun = now;
    r->skipped = step + 1 - start;
    return 0;
  }
  return now >= r->until;
}

#define EACH for (struct worker *w = from; w < to; w++)

/* Do the steps from one on, with some of the workers, until the first thread wants to leave. */
static void steps_of(struct run *r, struct worker *from, struct worker *to, const int64_t start) {
  for (int64_t step = start;; step++) {
    const int64_t done = step * r->batch_size;
    const int64_t batch = r->rows - done < r->batch_size ? r->rows - done : r->batch_size;
/* STEP */
    if (from->number == 0) {
      r->next = step + 1;
      if (is_over(r, step, start)) __atomic_store_n(&r->last, step, __ATOMIC_RELAXED);
    }
    meet(from, to);
    /* The first thread may be at work alone again, and further on. */
    if (__atomic_load_n(&r->last, __ATOMIC_RELAXED) >= step) return;
  }
}

#ifdef __linux__
typedef cpu_set_t cores_t;
#else
typedef int cores_t;
#endif

/* A thread beside the first sleeps while the first works alone. */
struct crew {
  pthread_mutex_t lock;
  pthread_cond_t called;
  int64_t calls; /* how often all were called; negative when they may go home */
  int64_t start; /* the step to begin with */
  int64_t size;  /* the threads beside the first */
  cores_t cores; /* that threads may have */
  int core;      /* where the first thread was when it called */
  pthread_t threads[MOST_WORKERS];
};

/* Keep a thread from the core of the first: waiting without sleep, they would hold each other up. */
static void avoid(int core, const cores_t *all) {
#ifdef __linux__
  cores_t cores = *all;
  if (core < 0) return;
  CPU_CLR(core, &cores);
  if (CPU_COUNT(&cores)) pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
#else
  (void)core, (void)all;
#endif
}

/* Whether all threads of a run may be at work at the same time; the cores that they may have. */
static int has_cores(int64_t threads, cores_t *cores) {
#ifdef __linux__
  return sched_getaffinity(0, sizeof *cores, cores) || CPU_COUNT(cores) >= threads;
#else
  (void)threads, (void)cores;
  return 1;
#endif
}

static int this_core(void) {
#ifdef __linux__
  return sched_getcpu();
#else
  return -1;
#endif
}

struct member {
  struct crew *crew;
  struct worker *worker;
};

static void *help(void *argument) {
  struct member member = *(struct member *)argument;
  struct crew *const crew = member.crew;
  free(argument);
  for (int64_t seen = 0;; seen++) {
    pthread_mutex_lock(&crew->lock);
    while (crew->calls == seen) pthread_cond_wait(&crew->called, &crew->lock);
    const int64_t calls = crew->calls, start = crew->start;
    const int core = crew->core;
    pthread_mutex_unlock(&crew->lock);
    if (calls < 0) return NULL;
    avoid(core, &crew->cores);
    steps_of(member.worker->run, member.worker, member.worker + 1, start);
  }
}

static void call(struct crew *crew, int64_t calls, int64_t start) {
  pthread_mutex_lock(&crew->lock);
  crew->calls = calls;
  crew->start = start;
  crew->core = this_core();
  pthread_cond_broadcast(&crew->called);
  pthread_mutex_unlock(&crew->lock);
}

/* Start a thread for each worker but the first; whether all are there. */
static int hire(struct run *r, struct crew *crew) {
  while (crew->size < r->threads - 1) {
    struct member *const member = malloc(sizeof *member);
    if (member == NULL) return 0;
    member->crew = crew;
    member->worker = r->workers + crew->size + 1;
    if (pthread_create(&crew->threads[crew->size], NULL, help, member)) {
      free(member);
      return 0;
    }
    crew->size++;
  }
  return 1;
}

static void send_home(struct crew *crew) {
  call(crew, -1, 0);
  for (int64_t t = 0; t < crew->size; t++) pthread_join(crew->threads[t], NULL);
}

/* Nanoseconds: a try of one way to work; how long the better one is kept to, at least and at most,
   and at most after a try that took long; the work and the gain that are worth starting threads for. */
#define TRIAL 3000000
#define SHORTEST 32000000
#define LONGEST 256000000
#define MOST 2000000000
#define WORK 2000000
#define GAIN 200000

/* Work alone or together, whichever is faster by the clock; the other way is tried now and then.
   Kept from run to run: nanoseconds a step alone and together, how long to keep to the better way,
   and how much of that is left. */
static void lead(struct run *r, struct crew *crew) {
  struct worker *const first = r->workers, *const end = first + r->threads;
  double unused[4] = {0};
  double *const pace = r->threads > 1 ? r->pace : unused;
  int can = r->threads > 1 && has_cores(r->threads, &crew->cores);
  for (int64_t calls = 1; r->next < r->steps && r->stopped < 0;) {
    const int64_t start = r->next, now = nanoseconds();
    const double left = (double)(r->steps - start);
    const int known = pace[0] > 0 && pace[1] > 0, better = known && pace[1] < pace[0];
    const int keeps = known && pace[3] > 0;
    const int asked = known ? keeps == better : pace[0] > 0;
    const int pays = known ? left * (pace[0] - pace[1]) > GAIN : left * pace[0] > WORK;
    int together = can && asked && (crew->size || pays);
    if (together && !hire(r, crew)) can = together = 0;
    r->until = !can ? INT64_MAX : now + (keeps ? (int64_t)pace[3] : TRIAL);
    /* Caches are cold at first. */
    r->warm = now + TRIAL / 2;
    r->begun = -1;
    r->skipped = 0;
    r->stride = pace[0] > 20000 ? 1 : pace[0] > 0 ? 1 + (int64_t)(20000 / pace[0]) : 1;
    if (together) call(crew, calls++, start);
    steps_of(r, first, together ? first + 1 : end, start);
    const int64_t then = nanoseconds(), steps = r->next - start - r->skipped;
    if (steps < 1) break; /* refused, or over before it was warm */
    const double each = (double)(then - (r->begun < 0 ? now : r->begun)) / (double)steps;
    pace[together] = pace[together] > 0 && !keeps ? 0.5 * (pace[together] + each) : each;
    const int same = (pace[0] > 0 && pace[1] > 0 && pace[1] < pace[0]) == better;
    if (!keeps || !same) {
      pace[2] = same && known ? 2 * pace[2] : SHORTEST;
      if (pace[2] > LONGEST) pace[2] = LONGEST;
      /* Where threads wait for busy cores, a few steps together take long: try that less often. */
      const double dear = 32.0 * (double)(then - now);
      if (!keeps && together && pace[2] < dear) pace[2] = dear < MOST ? dear : MOST;
      pace[3] = pace[2];
    } else {
      pace[3] -= (double)(then - now);
    }
  }
}

/* Run all steps; return the step that was refused, or -1. */
int64_t run(struct run *r, struct worker *workers) {
  struct crew crew = {.lock = PTHREAD_MUTEX_INITIALIZER, .called = PTHREAD_COND_INITIALIZER};
  r->workers = workers;
  r->work = NULL;
  r->arrived = r->left = r->work_size = r->next = 0;
  r->stopped = r->last = r->bad[0] = -1;
  for (int64_t t = 0; t < r->threads; t++) {
    workers[t].run = r;
    workers[t].number = t;
    workers[t].sense = 0;
    workers[t].bad[0] = -1;
  }
/* ONCE */
  lead(r, &crew);
  if (crew.size) send_home(&crew);
  if (r->stopped < 0 && has_bad_ids(r)) refuse(r, r->steps - 1); /* only an update looks them up */
  free(r->work);
  return r->stopped;
}
