/* Stochastic dual coordinate ascent for linear support vector machines; see ascent.py.
 *
 * minimise  |w|^2 / 2 + sum_i (d_i v_i^2 / 2 + margin |v_i| - t_i v_i),  w = sum_i v_i x_i,
 * over  low_i <= v_i <= high_i  with  sum_i v_i = 0,  whose multiplier is the bias.
 */
#include <math.h>
#include <stdint.h>

typedef struct {
    double value;      /* v: the dual variable, with the sign of its pull on the score */
    double target;     /* t: 1 or -1, or the number to predict */
    double low, high;  /* the box, which holds 0 */
    double own;        /* the squared length of x in columns where no other row has anything */
    double loss;       /* d: the curvature of the loss's conjugate, 0 for a loss of lines */
    double length;     /* the squared length of x in all other columns */
    double unused;     /* a row is one line of the cache */
} Row;

typedef struct {
    int64_t width;          /* dense numbers a row */
    int64_t sparse;         /* the weights of sparse columns come first */
    const int64_t *starts;  /* row i has ids[starts[i]] ... ids[starts[i + 1] - 1] */
    const int32_t *ids;
    const double *weights; /* of ids, or NULL where all are 1 */
    const float *numbers;  /* (rows, width) */
} Design;

typedef struct {
    double margin;       /* what an error may be without a loss */
    double stiffness;    /* how much the bias gives way to the sum of all v */
    double center;       /* the bias where that sum is 0 */
    double sum;          /* of all v */
    double bound;        /* rows that lie further inside than this may rest */
    double violation;    /* the largest step that was wanted in the last pass */
    double gap;          /* about the duality gap, as the last pass met its rows */
    uint64_t random;     /* the generator's counter */
    int64_t active;      /* how many rows of `order` take part */
} State;

static uint64_t next_random(uint64_t *counter) {
    uint64_t z = (*counter += 0x9e3779b97f4a7c15u); /* splitmix64: Steele, Lea and Flood 2014 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void shuffle(int32_t *order, int64_t count, uint64_t *counter) {
    for (int64_t i = count - 1; i > 0; i--) {
        uint64_t draw = next_random(counter) >> 32;
        int64_t j = (int64_t)((draw * (uint64_t)(i + 1)) >> 32);
        int32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

static double score(const Design *x, const double *w, int64_t row) {
    double total = 0.0;
    const int32_t *ids = x->ids + x->starts[row];
    const int64_t count = x->starts[row + 1] - x->starts[row];
    if (x->weights) {
        const double *weights = x->weights + x->starts[row];
        for (int64_t k = 0; k < count; k++) total += weights[k] * w[ids[k]];
    } else {
        /* Four sums, for each waits for its last addition. */
        double a = 0.0, b = 0.0, c = 0.0;
        int64_t k = 0;
        for (; k + 4 <= count; k += 4) {
            total += w[ids[k]];
            a += w[ids[k + 1]];
            b += w[ids[k + 2]];
            c += w[ids[k + 3]];
        }
        for (; k < count; k++) total += w[ids[k]];
        total += a + b + c;
    }
    const float *numbers = x->numbers + row * x->width;
    const double *dense = w + x->sparse;
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < x->width; k++) sum += numbers[k] * dense[k];
    return total + sum;
}

static void move(const Design *x, double *w, int64_t row, double step) {
    const int32_t *ids = x->ids + x->starts[row];
    const int64_t count = x->starts[row + 1] - x->starts[row];
    if (x->weights) {
        const double *weights = x->weights + x->starts[row];
        for (int64_t k = 0; k < count; k++) w[ids[k]] += step * weights[k];
    } else {
        for (int64_t k = 0; k < count; k++) w[ids[k]] += step;
    }
    const float *numbers = x->numbers + row * x->width;
    double *dense = w + x->sparse;
#pragma omp simd
    for (int64_t k = 0; k < x->width; k++) dense[k] += step * numbers[k];
}

/* The loss at the error `short_of` = target - score, and its conjugate, and what pairs them. */
static double row_gap(const Row *row, double margin, double short_of) {
    double over = fabs(short_of) - margin, loss = 0.0;
    double end = short_of > 0 ? row->high : -row->low;
    if (over > 0 && end > 0) loss = row->loss > 0 ? over * over / (2 * row->loss) : end * over;
    double value = row->value;
    return loss + value * (row->loss * value / 2 - short_of) + margin * fabs(value);
}

static void look_ahead(const Design *x, const double *w, const Row *rows, int64_t row, int depth) {
    if (depth == 2) {
        __builtin_prefetch(rows + row);
        __builtin_prefetch(x->starts + row);
    } else if (depth == 1) {
        const char *ids = (const char *)(x->ids + x->starts[row]);
        __builtin_prefetch(ids);
        __builtin_prefetch(ids + 64);
    } else {
        const int32_t *ids = x->ids + x->starts[row];
        const int64_t count = x->starts[row + 1] - x->starts[row];
        for (int64_t k = 0; k < count; k++) __builtin_prefetch(w + ids[k]);
    }
}

/* Passes over the rows that take part, in random order; returns how many were made.
 *
 * Stops where the gap seems below `gap`, or no step was larger than `violation`.
 */
int64_t ascend(
    const Design *x, Row *rows, double *w, int32_t *order, State *state, int64_t passes,
    double gap, double violation
) {
    const double margin = state->margin, stiffness = state->stiffness;
    const int64_t far = x->sparse > 100000;
    int64_t pass = 0;
    while (pass < passes) {
        int64_t active = state->active, kept = 0;
        double center = state->center, sum = state->sum, found = 0.0, largest = 0.0;
        shuffle(order, active, &state->random);
        for (int64_t k = 0; k < active; k++) {
            if (k + 12 < active) look_ahead(x, w, rows, order[k + 12], 2);
            if (k + 6 < active) look_ahead(x, w, rows, order[k + 6], 1);
            if (far && k + 2 < active) look_ahead(x, w, rows, order[k + 2], 0);
            const int32_t i = order[k];
            Row *row = rows + i;
            const double value = row->value;
            const double z = score(x, w, i) + center + stiffness * sum + row->own * value;
            const double slope = z - row->target + row->loss * value;
            found += row_gap(row, margin, row->target - z);
            /* How far the slope is from a value that would let v stay. */
            double wanted;
            int rests = 0;
            if (value > 0) wanted = slope + margin;
            else if (value < 0) wanted = slope - margin;
            else wanted = slope > margin ? slope - margin : slope < -margin ? slope + margin : 0.0;
            if ((value >= row->high && wanted < 0) || (value <= row->low && wanted > 0)) {
                rests = fabs(wanted) > state->bound;
                wanted = 0.0;
            } else if (value == 0 && margin > 0 && wanted == 0) {
                rests = margin - fabs(slope) > state->bound;
            }
            if (rests) continue; /* its place in `order` is given up below */
            order[kept++] = i;
            if (fabs(wanted) > largest) largest = fabs(wanted);
            if (fabs(wanted) < 1e-12) continue;
            const double curvature = row->length + row->own + row->loss + stiffness + 1e-300;
            double point = value - slope / curvature; /* then the margin, then the box */
            const double shrink = margin / curvature;
            point = point > shrink ? point - shrink : point < -shrink ? point + shrink : 0.0;
            point = point < row->low ? row->low : point > row->high ? row->high : point;
            const double step = point - value;
            row->value = point;
            sum += step;
            move(x, w, i, step);
        }
        state->active = kept;
        state->sum = sum;
        state->gap = found;
        state->violation = largest;
        state->bound = largest > 0 ? largest : INFINITY;
        state->center = center + stiffness * sum;
        pass++;
        if (found < gap || largest < violation) break;
    }
    return pass;
}
