/* What a split is worth, and the best cut of groups in their order. */

static inline double logarithm(double x)
{
    /* ln, by operations that round alike everywhere: x = m 2^e, m in [sqrt(1/2), sqrt(2)),
       ln m = 2 artanh((m - 1) / (m + 1)). */
    int exponent;
    double m = frexp(x, &exponent);
    if (m < 0.70710678118654752440) {
        m = m + m;
        exponent -= 1;
    }
    double t = (m - 1.0) / (m + 1.0), u = t * t, sum = 0.0;
    for (int k = 23; k > 0; k -= 2) sum = sum * u + 1.0 / k;
    return exponent * 0.69314718055994530942 + 2.0 * t * sum;
}

static inline double entropy_term(double x)
{
    return x > 0.0 ? x * logarithm(x) : 0.0;
}

/* What a child with these sums adds to the score of a split: more is better. */
static inline __attribute__((always_inline)) double
score_of(int criterion, const double *sums, double weight, int outputs)
{
    double found = 0.0;
    if (criterion == SQUARES) {
        for (int q = 0; q < outputs; q++) found += sums[q] * sums[q];
        return found / weight;
    }
    for (int q = 0; q < outputs; q++) {
        found += entropy_term(sums[q]);
        if (criterion == ENTROPY_OF_OUTPUTS) {
            found += entropy_term(weight - sums[q]);
            found -= entropy_term(weight);
        }
    }
    return criterion == ENTROPY_OF_CLASSES ? found - entropy_term(weight) : found;
}

/* The best of the cuts after each of `cuts` groups, whose running sums are in `run`; `base` is added
   to the left side. Return the cut and put its score into `best`, or return -1. */
static int32_t scan_one(work *w, int32_t cuts, const double *base, int32_t base_count, int64_t count,
                        double *best)
{
    const forest_data *d = w->data;
    const double *restrict weights = w->running_weight, *restrict sums = w->running_sum;
    double *restrict scores = w->scores;
    const double W = w->total[0], S = w->total[1], least = d->min_weight_leaf;
    const double bw = base ? base[0] : 0.0, bs = base ? base[1] : 0.0;
    for (int32_t i = 0; i < cuts; i++) {
        double lw = weights[i] + bw, ls = sums[i] + bs, rw = W - lw, rs = S - ls;
        double score = ls * ls / lw + rs * rs / rw;
        scores[i] = (lw >= least) & (rw >= least) ? score : -INFINITY;
    }
    if (d->min_samples_leaf > 1)
        for (int32_t i = 0; i < cuts; i++) {
            int64_t left = w->running_count[i] + base_count;
            if (left < d->min_samples_leaf || count - left < d->min_samples_leaf)
                scores[i] = -INFINITY;
        }
    int32_t found = -1;
    for (int32_t i = 0; i < cuts; i++)
        if (scores[i] > *best) {
            *best = scores[i];
            found = i;
        }
    return found;
}

static int32_t scan_several(work *w, int32_t cuts, const double *base, int32_t base_count,
                            int64_t count, int sign, const task *node, double *best)
{
    const forest_data *d = w->data;
    const int outputs = w->outputs, stride = 1 + outputs;
    double left[stride], right[stride];
    int32_t found = -1;
    for (int32_t i = 0; i < cuts; i++) {
        int64_t n = w->running_count[i] + base_count;
        if (n < d->min_samples_leaf || count - n < d->min_samples_leaf) continue;
        for (int q = 0; q < stride; q++) {
            left[q] = w->run[(int64_t)i * stride + q] + (base ? base[q] : 0.0);
            right[q] = w->total[q] - left[q];
        }
        if (left[0] < d->min_weight_leaf || right[0] < d->min_weight_leaf) continue;
        if (d->monotonic) {
            double l = left[1] / left[0], r = right[1] / right[0];
            if (l < node->least || l > node->most || r < node->least || r > node->most) continue;
            if (sign * (r - l) < 0) continue;
        }
        double score = score_of(d->criterion, left + 1, left[0], outputs)
                       + score_of(d->criterion, right + 1, right[0], outputs);
        if (score > *best) {
            *best = score;
            found = i;
            w->middle = (left[1] / left[0] + right[1] / right[0]) / 2;
        }
    }
    return found;
}

static int32_t scan(work *w, int32_t cuts, const double *base, int32_t base_count, int sign,
                    const task *node, double *best)
{
    if (w->outputs == 1 && w->data->criterion == SQUARES && !w->data->monotonic)
        return scan_one(w, cuts, base, base_count, node->count, best);
    return scan_several(w, cuts, base, base_count, node->count, sign, node, best);
}
