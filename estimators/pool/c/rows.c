/* Makes what several workers say of rows of tables one.

   All is computed in double precision and in the order in which numpy does it in merge.py, without
   fused products and sums, so that both come to the same bits. */
#include <stdint.h>
#include <string.h>

enum { AT_ONCE = 1024 }; /* rows */
enum { ADASUM, SUM, MEAN };

#define ALWAYS static inline __attribute__((always_inline))

/* The products are added half by half: `products` is overwritten. */
ALWAYS double dot(const double *x, const double *y, int64_t width, double *products)
{
    if (width == 1) return x[0] * y[0];
    for (int64_t j = 0; j < width; j++) products[j] = x[j] * y[j];
    while (width > 1) {
        int64_t half = (width + 1) / 2;
        for (int64_t j = 0; j < width - half; j++) products[j] += products[half + j];
        width = half;
    }
    return products[0];
}

ALWAYS double at_least_tiny(double x)
{
    return x < 1e-300 ? 1e-300 : x;
}

/* `to` may be x. */
ALWAYS void adasum_of_two(const double *x, const double *y, double *to, int64_t width,
                          double *products)
{
    double common = dot(x, y, width, products) / 2;
    double of_x = 1 - common / at_least_tiny(dot(x, x, width, products));
    double of_y = 1 - common / at_least_tiny(dot(y, y, width, products));
    for (int64_t j = 0; j < width; j++) to[j] = of_x * x[j] + of_y * y[j];
}

/* Makes the changes of all workers one, in the place of the first. */
ALWAYS void combine(int kind, double *changes, int64_t workers, int64_t width, double *products)
{
    if (kind != ADASUM) {
        for (int64_t w = 1; w < workers; w++)
            for (int64_t j = 0; j < width; j++) changes[j] += changes[w * width + j];
        return;
    }
    for (int64_t left = workers; left > 1; left = (left + 1) / 2) {
        for (int64_t pair = 0; pair < left / 2; pair++) {
            double *x = changes + 2 * pair * width;
            adasum_of_two(x, x + width, changes + pair * width, width, products);
        }
        if (left % 2)
            memmove(changes + left / 2 * width, changes + (left - 1) * width,
                    width * sizeof *changes);
    }
}

/* Some rows that workers have changed: those of one alone, and those of several. Where the new
   values of each go is said beside its row. */
typedef struct {
    int64_t alone, several;
    int32_t alone_to[AT_ONCE], who[AT_ONCE], place[AT_ONCE];
    int32_t rows[AT_ONCE], to[AT_ONCE];
    int32_t *places; /* of several, for each row and worker: where the worker has it, or -1 */
    double x[AT_ONCE], y[AT_ONCE];
} Rows;

/* Notes the next row, which so many workers have, and the last of them at some place of its own.
   Both lists are written and one grows: which it is, no processor can foretell. */
ALWAYS void note(Rows *found, int64_t count, int32_t *merged, int32_t row, int32_t times,
                 int32_t who, int32_t place)
{
    int32_t to = merged ? (int32_t)count : row;
    if (merged) merged[count] = row;
    found->alone_to[found->alone] = to;
    found->who[found->alone] = who;
    found->place[found->alone] = place;
    found->rows[found->several] = row;
    found->to[found->several] = to;
    found->alone += times == 1;
    found->several += times > 1;
}

/* Finds the next rows of two workers, until one has no more. */
static int64_t next_of_two(const int32_t *const *ids, const int64_t *counts, int64_t *at,
                           int32_t *merged, Rows *found)
{
    const int32_t *x = ids[0], *y = ids[1];
    int64_t i = at[0], j = at[1], count = 0;
    for (; count < AT_ONCE && i < counts[0] && j < counts[1]; count++) {
        int32_t *places = found->places + 2 * found->several;
        int32_t a = x[i], b = y[j], first = a <= b, second = b <= a;
        places[0] = (int32_t)i;
        places[1] = (int32_t)j;
        note(found, count, merged, first ? a : b, first + second, !first,
             (int32_t)(first ? i : j));
        i += first;
        j += second;
    }
    at[0] = i;
    at[1] = j;
    return count;
}

/* Finds the next rows that any worker has, in rising order; returns how many. */
static int64_t next_rows(int64_t workers, const int32_t *const *ids, const int64_t *counts,
                         int64_t *at, int32_t *merged, Rows *found)
{
    found->alone = found->several = 0;
    int64_t count = workers == 2 ? next_of_two(ids, counts, at, merged, found) : 0;
    for (; count < AT_ONCE; count++) {
        int32_t next = INT32_MAX, times = 0, who = 0, place = 0;
        for (int64_t w = 0; w < workers; w++)
            if (at[w] < counts[w] && ids[w][at[w]] < next) next = ids[w][at[w]];
        if (next == INT32_MAX) break;
        int32_t *places = found->places + found->several * workers;
        for (int64_t w = 0; w < workers; w++) {
            int here = at[w] < counts[w] && ids[w][at[w]] == next;
            places[w] = here ? (int32_t)at[w] : -1;
            if (here) who = (int32_t)w, place = (int32_t)at[w], times++, at[w]++;
        }
        note(found, count, merged, next, times, who, place);
    }
    return count;
}

/* Merges a row of several workers. */
static void merge_row(int kind, int64_t width, int64_t workers, const int32_t *places,
                      const float *const *values, const double *shares, const float *base,
                      float *to, double *room)
{
    double *changes = room, *products = room + workers * width, weight = 0;
    for (int64_t w = 0; w < workers; w++) {
        double *change = changes + w * width;
        if (places[w] < 0) {
            for (int64_t j = 0; j < width; j++) change[j] = 0;
            continue;
        }
        const float *said = values[w] + places[w] * width;
        for (int64_t j = 0; j < width; j++) change[j] = (double)said[j] - base[j];
        if (kind != MEAN) continue;
        for (int64_t j = 0; j < width; j++) change[j] *= shares[w];
        weight += shares[w];
    }
    combine(kind, changes, workers, width, products);
    for (int64_t j = 0; j < width; j++)
        to[j] = (float)(base[j] + (kind == MEAN ? changes[j] / weight : changes[j]));
}

/* Merges single numbers of two workers: most tables are like that. */
static void merge_numbers(int kind, Rows *rows, const float *const *values, const double *shares,
                          const float *old, float *new)
{
    double *restrict x = rows->x, *restrict y = rows->y;
    const float *of_x = values[0], *of_y = values[1];
    for (int64_t k = 0; k < rows->several; k++) {
        double base = old[rows->rows[k]];
        x[k] = of_x[rows->places[2 * k]] - base;
        y[k] = of_y[rows->places[2 * k + 1]] - base;
    }
    if (kind == ADASUM)
        for (int64_t k = 0; k < rows->several; k++) adasum_of_two(x + k, y + k, x + k, 1, NULL);
    else if (kind == SUM)
        for (int64_t k = 0; k < rows->several; k++) x[k] += y[k];
    else
        for (int64_t k = 0; k < rows->several; k++)
            x[k] = (x[k] * shares[0] + y[k] * shares[1]) / (shares[0] + shares[1]);
    for (int64_t k = 0; k < rows->several; k++)
        new[rows->to[k]] = (float)(old[rows->rows[k]] + x[k]);
}

/* Merges some rows of one table. */
static void merge_table(int kind, int64_t width, int64_t workers, Rows *rows,
                        const float *const *values, const double *shares, const float *old,
                        float *new, double *room)
{
    if (width == 1) /* what one alone has changed is as it says */
        for (int64_t k = 0; k < rows->alone; k++)
            new[rows->alone_to[k]] = values[rows->who[k]][rows->place[k]];
    else
        for (int64_t k = 0; k < rows->alone; k++)
            memcpy(new + rows->alone_to[k] * width, values[rows->who[k]] + rows->place[k] * width,
                   width * sizeof *new);
    if (width == 1 && workers == 2) {
        merge_numbers(kind, rows, values, shares, old, new);
        return;
    }
    for (int64_t k = 0; k < rows->several; k++)
        merge_row(kind, width, workers, rows->places + k * workers, values, shares,
                  old + rows->rows[k] * width, new + rows->to[k] * width, room);
}

/* Merges rows of tables that share their ids, of each worker those of `ids`. New values are written
   into `into`: at their rows, or one after the other where `merged` is given, which then gets the
   rows. `places` has room for AT_ONCE rows of all workers, `room` for the changes of all workers
   and one more. Returns how many rows any worker has. */
int64_t pool_merge(int64_t workers, int64_t tables, const int32_t *const *ids,
                   const int64_t *counts, const double *shares, const int64_t *widths,
                   const int32_t *kinds, const float *const *values, const float *const *state,
                   float *const *into, int32_t *merged, int64_t *at, int32_t *places, double *room)
{
    Rows rows = {.places = places};
    int64_t done = 0, count;
    do {
        int32_t *listed = merged ? merged + done : NULL;
        count = next_rows(workers, ids, counts, at, listed, &rows);
        for (int64_t t = 0; t < tables; t++)
            merge_table(kinds[t], widths[t], workers, &rows, values + t * workers, shares,
                        state[t], into[t] + (merged ? done * widths[t] : 0), room);
        done += count;
    } while (count == AT_ONCE);
    return done;
}
