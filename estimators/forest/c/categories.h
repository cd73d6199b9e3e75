/* Columns of categories: sums by category, put in the order of their means, and the best cut. */

/* Sort `order` by (key, number); `spare` is as long. */
static void sort_by_key(int32_t *order, int32_t *spare, const double *keys, int32_t count)
{
    for (int32_t start = 0; start < count; start += 16) {
        int32_t stop = start + 16 < count ? start + 16 : count;
        for (int32_t i = start + 1; i < stop; i++) {
            int32_t x = order[i], j = i;
            for (; j > start && keys[order[j - 1]] > keys[x]; j--) order[j] = order[j - 1];
            order[j] = x;
        }
    }
    for (int64_t width = 16; width < count; width *= 2) {
        for (int64_t start = 0; start < count; start += 2 * width) {
            int64_t a = start, middle = start + width < count ? start + width : count;
            int64_t stop = middle + width < count ? middle + width : count, b = middle;
            for (int64_t i = start; i < stop; i++)
                spare[i] = a < middle && (b >= stop || !(keys[order[b]] < keys[order[a]]))
                           ? order[a++] : order[b++];
        }
        memcpy(order, spare, sizeof(int32_t) * count);
    }
}

static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Fill `order_keys` with what categories are ordered by: their mean. Of several outputs, the means
   are laid along one direction: one step of the power method, from the output that varies most
   between categories, towards the first principal direction. */
static void find_keys(work *w, int32_t groups)
{
    const int outputs = w->outputs, stride = 1 + outputs;
    const double *total = w->total;
    double *direction = w->direction;
    if (outputs == 1) {
        for (int32_t g = 0; g < groups; g++) {
            const double *at = w->sums + 2 * (int64_t)w->places[g];
            w->order_keys[g] = at[1] / at[0];
        }
        return;
    }
    double most = -1.0;
    int axis = 0;
    for (int q = 0; q < outputs; q++) {
        double mean = total[1 + q] / total[0], spread = 0.0;
        for (int32_t g = 0; g < groups; g++) {
            const double *at = w->sums + stride * (int64_t)w->places[g];
            double deviation = at[1 + q] - at[0] * mean;
            spread += deviation * deviation / at[0];
        }
        if (spread > most) {
            most = spread;
            axis = q;
        }
    }
    double middle = total[1 + axis] / total[0];
    for (int q = 0; q < outputs; q++) {
        double mean = total[1 + q] / total[0], sum = 0.0;
        for (int32_t g = 0; g < groups; g++) {
            const double *at = w->sums + stride * (int64_t)w->places[g];
            sum += (at[1 + q] - at[0] * mean) * (at[1 + axis] - at[0] * middle) / at[0];
        }
        direction[q] = sum;
    }
    for (int32_t g = 0; g < groups; g++) {
        const double *at = w->sums + stride * (int64_t)w->places[g];
        double sum = 0.0;
        for (int q = 0; q < outputs; q++)
            sum += (at[1 + q] - at[0] * (total[1 + q] / total[0])) * direction[q];
        w->order_keys[g] = sum / at[0];
    }
}

/* What the order of categories gains of chance alone, where each stands at the mean of few rows.

   A category's sum deviates by the variance within categories times `q`, the sum of its rows'
   squared weights; those that deviate upwards go left. By Cauchy and Schwarz the gain expected of
   that is at most the variance times (sum of sqrt(q))^2 / the node's weight. Where each row has a
   category of its own it is all there is to gain. One is taken off, so that a single group gains
   nothing. The variance within is an estimate from few rows where categories are many, so the
   node's whole variance joins in as if PRIOR_ROWS more rows had shown it. */
static double gain_by_chance(work *w, int32_t groups, int64_t rows)
{
    const int criterion = w->data->criterion, stride = 1 + w->outputs;
    const double weight = w->total[0], second = criterion == SQUARES ? w->second : 0.0;
    const double whole = second - score_of(criterion, w->total + 1, weight, w->outputs);
    double between = 0.0, freedom = 0.0, roots = 0.0;
    for (int32_t g = 0; g < groups; g++) {
        const double *at = w->sums + stride * (int64_t)w->places[g];
        const double q = w->squares[w->places[g]];
        w->squares[w->places[g]] = 0.0;
        between += score_of(criterion, at + 1, at[0], w->outputs);
        freedom += at[0] - q / at[0];
        roots += sqrt(q);
    }
    const double more = PRIOR_ROWS * weight / (double)rows;
    double variance = (second - between + more * whole / weight) / (freedom + more);
    variance = variance > 0.0 ? variance : 0.0;
    return variance * (roots * roots / weight - 1.0);
}

/* Sum the node's rows by category, and put those it has into `places` in their order. */
static inline __attribute__((always_inline)) int32_t
sum_categories(work *w, const int32_t *ids, int32_t size, const task *node, const int outputs,
               const int of_classes, const int listed)
{
    const int32_t *rows = w->rows + node->start;
    const int kept = of_classes ? 1 : 1 + outputs;
    int32_t groups = 0;
    for (int64_t i = 0; i < node->count; i++) {
        int32_t place = 1 + ids[rows[i]];
        double weight = w->local[i * kept];
        if (listed && w->counts[place] == 0) w->places[groups++] = place;
        w->counts[place] += 1;
        add_row(w, place, i, outputs, of_classes);
        w->squares[place] += weight * weight;
    }
    if (listed) {
        qsort(w->places, groups, sizeof(int32_t), by_number);
        return groups;
    }
    for (int32_t place = 0; place <= size; place++) {
        w->places[groups] = place;
        groups += w->counts[place] > 0;
    }
    return groups;
}

static void try_category(work *w, int32_t feature, const task *node, split *best)
{
    const forest_data *d = w->data;
    const int32_t size = d->sizes[feature - d->numbers];
    const int32_t *ids = d->ids + (int64_t)(feature - d->numbers) * d->rows;
    /* Few rows list the categories they meet; otherwise all categories are looked at. */
    const int listed = size / 8 > node->count, of_classes = d->classes != NULL;
    int32_t groups;
    if (of_classes || w->outputs != 1)
        groups = sum_categories(w, ids, size, node, w->outputs, of_classes, listed);
    else
        groups = listed ? sum_categories(w, ids, size, node, 1, 0, 1)
                        : sum_categories(w, ids, size, node, 1, 0, 0);
    if (groups < 2) {
        memset(w->sums + (1 + w->outputs) * (int64_t)w->places[0], 0,
               sizeof(double) * (1 + w->outputs));
        w->counts[w->places[0]] = 0;
        w->squares[w->places[0]] = 0.0;
        return;
    }
    const double by_chance = gain_by_chance(w, groups, node->count);
    find_keys(w, groups);
    for (int32_t g = 0; g < groups; g++) w->order[g] = g;
    sort_by_key(w->order, w->spare, w->order_keys, groups);
    for (int32_t g = 0; g < groups; g++) w->spare[g] = w->places[w->order[g]];
    memcpy(w->places, w->spare, sizeof(int32_t) * groups);
    run_up(w, groups, w->outputs, 1);
    double score = -INFINITY;
    int32_t at = scan(w, groups - 1, NULL, 0, 0, node, &score);
    score -= by_chance;
    if (at < 0 || !(score > best->score)) return;
    best->score = score;
    /* Categories the node does not have go to the heavier child. */
    int elsewhere = w->run[(1 + w->outputs) * (int64_t)at] * 2 >= w->total[0];
    memset(w->side, elsewhere, 1 + size);
    for (int32_t g = 0; g < groups; g++) w->side[w->places[g]] = g <= at;
    uint8_t *swapped = w->best_side;
    w->best_side = w->side;
    w->side = swapped;
    best->missing_left = w->best_side[0];
    best->feature = feature;
    best->middle = w->middle;
    best->found = 1;
}
