/* One node: its sums, its split, and its rows parted. */

/* Only a category's gain by chance asks for the variance of targets. */
static int needs_squares(const forest_data *d)
{
    return d->categoricals > 0 && d->criterion == SQUARES && !d->classes;
}

static void sum_squares(work *w, const task *node)
{
    const int32_t *rows = w->rows + node->start;
    w->second = 0.0;
    if (needs_squares(w->data))
        for (int64_t i = 0; i < node->count; i++) w->second += w->squared[rows[i]];
}

/* Gather what the node's rows weigh, sum it, and say whether all their targets are alike. */
static int gather(work *w, const task *node)
{
    const forest_data *d = w->data;
    const int32_t *rows = w->rows + node->start;
    const int32_t first = d->alike[rows[0]];
    int pure = 1;
    if (d->classes) {
        /* Classes are numbered anew, in their order, without those the node lacks. */
        int32_t *number = w->labels;
        for (int64_t i = 0; i < node->count; i++) {
            w->local_class[i] = d->classes[rows[i]];
            number[w->local_class[i]] = 1;
        }
        w->outputs = 0;
        for (int32_t k = 0; k < d->outputs; k++)
            if (number[k]) {
                w->present[w->outputs] = k;
                number[k] = w->outputs++;
            }
        memset(w->total, 0, sizeof(double) * (1 + w->outputs));
        for (int64_t i = 0; i < node->count; i++) {
            double weight = w->packed[rows[i]];
            w->local_class[i] = number[w->local_class[i]];
            w->local[i] = weight;
            w->total[0] += weight;
            w->total[1 + w->local_class[i]] += weight;
        }
        pure = w->outputs == 1;
        w->second = w->total[0];
        for (int32_t k = 0; k < w->outputs; k++) number[w->present[k]] = 0;
        return pure;
    }
    if (d->outputs == 1) {
        const pair *packed = (const pair *)w->packed;
        pair *local = (pair *)w->local, total = {0.0, 0.0};
        for (int64_t i = 0; i < node->count; i++) {
            local[i] = packed[rows[i]];
            total += local[i];
            pure &= d->alike[rows[i]] == first;
        }
        w->total[0] = total[0];
        w->total[1] = total[1];
        sum_squares(w, node);
        return pure;
    }
    const int stride = 1 + d->outputs;
    memset(w->total, 0, sizeof(double) * stride);
    for (int64_t i = 0; i < node->count; i++) {
        const double *packed = w->packed + (int64_t)rows[i] * stride;
        for (int q = 0; q < stride; q++) {
            w->local[i * stride + q] = packed[q];
            w->total[q] += packed[q];
        }
        pure &= d->alike[rows[i]] == first;
    }
    sum_squares(w, node);
    return pure;
}

static void record_value(work *w, int32_t node)
{
    const forest_data *d = w->data;
    double *value = w->tree->value + (int64_t)node * d->outputs;
    w->tree->weight[node] = w->total[0];
    for (int32_t q = 0; q < w->outputs; q++)
        value[d->classes ? w->present[q] : q] = w->total[1 + q] / w->total[0];
}

static split search(work *w, const task *node)
{
    const forest_data *d = w->data;
    const int32_t columns = d->numbers + d->categoricals;
    split best = {.score = -INFINITY};
    int32_t drawn = 0;
    for (; drawn < columns && (drawn < d->max_features || !best.found); drawn++) {
        uint64_t among = columns - drawn;
        int32_t at = drawn + (int32_t)(((draw(node->key, drawn) >> 32) * among) >> 32);
        int32_t feature = w->permutation[at];
        w->permutation[at] = w->permutation[drawn];
        w->permutation[drawn] = feature;
        w->swaps[drawn] = at;
        if (feature < d->numbers)
            try_number(w, feature, node, &best);
        else
            try_category(w, feature, node, &best);
    }
    while (drawn-- > 0) {  /* the permutation starts anew at each node */
        int32_t feature = w->permutation[drawn], at = w->swaps[drawn];
        w->permutation[drawn] = w->permutation[at];
        w->permutation[at] = feature;
    }
    return best;
}

/* Part the node's rows, left ones first, each part in the order it had; return the left ones. */
static int64_t part(work *w, const task *node, const split *best, double *left_weight)
{
    const forest_data *d = w->data;
    int32_t *rows = w->rows + node->start, *aside = w->aside;
    const int stride = d->classes ? 1 : 1 + d->outputs;
    int64_t left = 0, right = 0;
    double weight = 0.0;
    if (best->feature < d->numbers) {
        const uint8_t *bins = d->bins + (int64_t)best->feature * d->rows;
        const uint8_t last = (uint8_t)best->cut;
        for (int64_t i = 0; i < node->count; i++) {
            int32_t row = rows[i];
            uint8_t bin = bins[row];
            int goes = bin == MISSING_BIN ? best->missing_left > 0 : bin <= last;
            rows[left] = row;
            aside[right] = row;
            left += goes;
            right += !goes;
        }
    } else {
        const int32_t *ids = d->ids + (int64_t)(best->feature - d->numbers) * d->rows;
        for (int64_t i = 0; i < node->count; i++) {
            int32_t row = rows[i];
            int goes = w->best_side[1 + ids[row]];
            rows[left] = row;
            aside[right] = row;
            left += goes;
            right += !goes;
        }
    }
    memcpy(rows + left, aside, sizeof(int32_t) * right);
    for (int64_t i = 0; i < left; i++) weight += w->packed[(int64_t)rows[i] * stride];
    *left_weight = weight;
    return left;
}

/* Append the subset of categories that go left: how many it covers, then a bit for each. Those
   after the last that goes another way than missing ones are left out, for they count as missing. */
static int record_subset(forest_tree *tree, const uint8_t *side, int32_t size)
{
    while (size && side[size] == side[0]) size--;
    int64_t words = 1 + ((int64_t)size + 31) / 32;
    if (tree->word_count + words > tree->word_room) {
        int64_t room = 2 * tree->word_room + words;
        uint32_t *grown = realloc(tree->words, sizeof(uint32_t) * room);
        if (!grown) return -1;
        tree->words = grown;
        tree->word_room = room;
    }
    uint32_t *at = tree->words + tree->word_count;
    memset(at, 0, sizeof(uint32_t) * words);
    at[0] = (uint32_t)size;
    for (int32_t i = 0; i < size; i++) at[1 + i / 32] |= (uint32_t)side[1 + i] << (i % 32);
    tree->word_count += words;
    return 0;
}

static double score_of_node(const work *w)
{
    return score_of(w->data->criterion, w->total + 1, w->total[0], w->outputs);
}

/* Make one node; where it splits, put its children on the stack and return how many they are. */
static int grow_node(work *w, const task *node, task *children)
{
    const forest_data *d = w->data;
    forest_tree *tree = w->tree;
    const int32_t i = node->node;
    int pure = gather(w, node);
    tree->feature[i] = -1;
    record_value(w, i);
    if (d->monotonic) {
        double *value = tree->value + i;
        if (*value < node->least) *value = node->least;
        if (*value > node->most) *value = node->most;
    }
    if (pure || node->count < d->min_samples_split || node->depth >= d->max_depth
        || node->count < 2 * (int64_t)d->min_samples_leaf)
        return 0;
    split best = search(w, node);
    if (!best.found) return 0;
    double weight = w->total[0], left_weight;
    tree->gain[i] = best.score - score_of_node(w);
    tree->feature[i] = best.feature;
    tree->cut[i] = best.cut;
    if (best.feature >= d->numbers) {
        tree->cut[i] = (int32_t)tree->word_count;
        if (record_subset(tree, w->best_side, d->sizes[best.feature - d->numbers])) return -1;
    }
    int64_t left = part(w, node, &best, &left_weight);
    tree->missing_left[i] = best.missing_left < 0 ? 2.0 * left_weight >= weight
                                                  : best.missing_left;
    tree->left[i] = (int32_t)tree->nodes;
    children[1] = (task){.start = node->start, .count = left, .least = node->least,
                         .most = node->most, .key = draw(node->key, 1u << 31)};
    children[0] = (task){.start = node->start + left, .count = node->count - left,
                         .least = node->least, .most = node->most,
                         .key = draw(node->key, (1u << 31) + 1)};
    children[0].depth = children[1].depth = node->depth + 1;
    children[1].node = (int32_t)tree->nodes++;
    children[0].node = (int32_t)tree->nodes++;
    const int sign = d->monotonic ? d->monotonic[best.feature] : 0;
    if (sign > 0) children[1].most = children[0].least = best.middle;
    if (sign < 0) children[1].least = children[0].most = best.middle;
    return 2;
}
