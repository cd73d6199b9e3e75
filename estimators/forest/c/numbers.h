/* Columns of numbers: sums by bin, and the best cut between two bins. */

/* Running sums over the groups whose sums stand at `places`, which are cleared. */
static inline __attribute__((always_inline)) void run_up(work *w, int32_t groups, const int outputs,
                                                         const int counted)
{
    const int stride = 1 + outputs;
    if (outputs == 1) {
        double weight = 0.0, sum = 0.0;
        for (int32_t i = 0; i < groups; i++) {
            double *at = w->sums + 2 * (int64_t)w->places[i];
            weight += at[0];
            sum += at[1];
            at[0] = at[1] = 0.0;
            w->running_weight[i] = w->run[2 * i] = weight;
            w->running_sum[i] = w->run[2 * i + 1] = sum;
        }
    } else {
        double *before = NULL;
        for (int32_t i = 0; i < groups; i++) {
            double *at = w->sums + stride * (int64_t)w->places[i];
            double *now = w->run + stride * (int64_t)i;
            for (int q = 0; q < stride; q++) {
                now[q] = before ? before[q] + at[q] : at[q];
                at[q] = 0.0;
            }
            before = now;
        }
    }
    if (counted) {
        int32_t count = 0;
        for (int32_t i = 0; i < groups; i++) {
            count += w->counts[w->places[i]];
            w->counts[w->places[i]] = 0;
            w->running_count[i] = count;
        }
    }
}

static inline __attribute__((always_inline)) void
add_row(work *w, int64_t place, int64_t i, const int outputs, const int of_classes)
{
    if (of_classes) {
        double *at = w->sums + (1 + outputs) * place;
        at[0] += w->local[i];
        at[1 + w->local_class[i]] += w->local[i];
    } else if (outputs == 1) {
        ((pair *)w->sums)[place] += ((const pair *)w->local)[i];
    } else {
        double *at = w->sums + (1 + outputs) * place;
        const double *row = w->local + (1 + outputs) * i;
        for (int q = 0; q < 1 + outputs; q++) at[q] += row[q];
    }
}

static inline __attribute__((always_inline)) int32_t
sum_bins(work *w, const uint8_t *bins, const task *node, const int outputs, const int of_classes,
         const int counted)
{
    const int32_t *rows = w->rows + node->start;
    for (int64_t i = 0; i < node->count; i++) {
        uint8_t bin = bins[rows[i]];
        w->seen[bin] = 1;
        add_row(w, bin, i, outputs, of_classes);
        if (counted) w->counts[bin] += 1;
    }
    int32_t found = 0;
    for (int start = 0; start < BINS; start += 8) {
        uint64_t eight;
        memcpy(&eight, w->seen + start, 8);
        if (!eight) continue;
        for (int bin = start; bin < start + 8; bin++) {
            w->places[found] = bin;
            found += w->seen[bin];
        }
        memset(w->seen + start, 0, 8);
    }
    return found;
}

static int32_t sum_number(work *w, const uint8_t *bins, const task *node)
{
    const forest_data *d = w->data;
    int32_t groups;
    if (d->classes) {
        groups = sum_bins(w, bins, node, w->outputs, 1, 1);
    } else if (w->outputs != 1) {
        groups = sum_bins(w, bins, node, w->outputs, 0, 1);
    } else if (d->min_samples_leaf > 1 || d->monotonic || d->criterion != SQUARES) {
        groups = sum_bins(w, bins, node, 1, 0, 1);
    } else {
        groups = sum_bins(w, bins, node, 1, 0, 0);
        run_up(w, groups, 1, 0);
        return groups;
    }
    run_up(w, groups, w->outputs, 1);
    return groups;
}

static void try_number(work *w, int32_t feature, const task *node, split *best)
{
    const forest_data *d = w->data;
    int32_t groups = sum_number(w, d->bins + (int64_t)feature * d->rows, node);
    if (groups < 2) return;
    const int sign = d->monotonic ? d->monotonic[feature] : 0, stride = 1 + w->outputs;
    if (w->places[groups - 1] != MISSING_BIN) {
        int32_t at = scan(w, groups - 1, NULL, 0, sign, node, &best->score);
        if (at < 0) return;
        best->missing_left = -1;  /* whoever is heavier */
        best->cut = w->places[at] + (w->places[at + 1] - w->places[at] - 1) / 2;
    } else {
        double missing[stride];
        int32_t known = groups - 1, missing_count = 0, at, left;
        for (int q = 0; q < stride; q++)
            missing[q] = w->total[q] - w->run[(int64_t)(known - 1) * stride + q];
        if (d->min_samples_leaf > 1)
            missing_count = (int32_t)node->count - w->running_count[known - 1];
        at = scan(w, known, NULL, 0, sign, node, &best->score);
        left = scan(w, known - 1, missing, missing_count, sign, node, &best->score);
        if (at < 0 && left < 0) return;
        best->missing_left = left >= 0;
        at = left >= 0 ? left : at;
        int32_t next = at + 1 < known ? w->places[at + 1] : w->places[at] + 1;
        best->cut = w->places[at] + (next - w->places[at] - 1) / 2;
    }
    best->feature = feature;
    best->middle = w->middle;
    best->found = 1;
}
