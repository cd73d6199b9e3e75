/* A whole tree, and the leaves of rows in it. */

static void release(work *w)
{
    void *all[] = {w->rows, w->aside, w->packed, w->local, w->squared, w->labels, w->local_class,
                   w->present, w->sums, w->counts, w->squares, w->total, w->run,
                   w->running_weight, w->running_sum, w->scores, w->running_count, w->places, w->permutation, w->swaps,
                   w->order_keys, w->direction, w->order, w->spare, w->side, w->best_side};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* Make what a tree of `count` rows is grown with; return -1 where memory does not suffice. */
static int prepare(work *w, int64_t count)
{
    const forest_data *d = w->data;
    int64_t groups = BINS, columns = (int64_t)d->numbers + d->categoricals;
    for (int32_t c = 0; c < d->categoricals; c++)
        if (d->sizes[c] + (int64_t)1 > groups) groups = d->sizes[c] + (int64_t)1;
    const int64_t stride = 1 + (int64_t)d->outputs, kept = d->classes ? 1 : stride;
#define MAKE(field, number) w->field = calloc((number) + 1, sizeof *w->field)
    MAKE(rows, count);
    MAKE(aside, count);
    MAKE(packed, d->rows * kept);
    MAKE(local, count * kept);
    MAKE(squared, needs_squares(d) ? d->rows : 0);
    MAKE(local_class, d->classes ? count : 0);
    MAKE(labels, d->outputs);
    MAKE(present, d->outputs);
    MAKE(sums, groups * stride);
    MAKE(counts, groups);
    MAKE(squares, groups);
    MAKE(total, stride);
    MAKE(run, groups * stride);
    MAKE(running_weight, groups);
    MAKE(running_sum, groups);
    MAKE(scores, groups);
    MAKE(running_count, groups);
    MAKE(places, groups);
    MAKE(permutation, columns);
    MAKE(swaps, columns);
    MAKE(order_keys, groups);
    MAKE(direction, stride);
    MAKE(order, groups);
    MAKE(spare, groups);
    MAKE(side, groups);
    MAKE(best_side, groups);
#undef MAKE
    void *all[] = {w->rows, w->aside, w->packed, w->local, w->squared, w->labels, w->local_class,
                   w->present, w->sums, w->counts, w->squares, w->total, w->run,
                   w->running_weight, w->running_sum, w->scores, w->running_count, w->places, w->permutation, w->swaps,
                   w->order_keys, w->direction, w->order, w->spare, w->side, w->best_side};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!all[i]) return -1;
    for (int64_t c = 0; c < columns; c++) w->permutation[c] = (int32_t)c;
    return 0;
}

static void pack(work *w, const double *weights)
{
    const forest_data *d = w->data;
    const int64_t stride = d->classes ? 1 : 1 + (int64_t)d->outputs;
    int64_t found = 0;
    w->outputs = d->outputs;
    for (int64_t r = 0; r < d->rows; r++) {
        if (!(weights[r] > 0.0)) continue;
        double *at = w->packed + r * stride;
        w->rows[found++] = (int32_t)r;
        at[0] = weights[r];
        double squares = 0.0;
        for (int64_t q = 1; q < stride; q++) {
            at[q] = weights[r] * d->targets[r * (stride - 1) + q - 1];
            squares += at[q] * at[q] / at[0];
        }
        if (needs_squares(d)) w->squared[r] = squares;
    }
}

/* Grow `tree` from the rows of positive weight. Its arrays have room for twice as many nodes, and
   are zero. Return 0, or -1 where memory does not suffice. */
int forest_grow(const forest_data *data, const double *weights, uint64_t key, forest_tree *tree)
{
    work w = {.data = data, .tree = tree};
    int64_t count = 0, room = 64, waiting = 0;
    for (int64_t r = 0; r < data->rows; r++) count += weights[r] > 0.0;
    task *stack = malloc(sizeof(task) * room), children[2];
    int status = stack && prepare(&w, count) == 0 ? 0 : -1;
    if (status == 0) {
        pack(&w, weights);
        tree->nodes = 1;
        stack[waiting++] = (task){.count = count, .key = key, .least = -INFINITY, .most = INFINITY};
    }
    while (waiting && status == 0) {
        task node = stack[--waiting];
        int more = grow_node(&w, &node, children);
        if (more < 0) status = -1;
        if (waiting + 2 > room) {
            task *grown = realloc(stack, sizeof(task) * 2 * room);
            if (grown) stack = grown, room *= 2;
            else status = more = -1;
        }
        for (int i = 0; i < more; i++) stack[waiting++] = children[i];
    }
    free(stack);
    release(&w);
    return status;
}

void forest_release(forest_tree *tree)
{
    free(tree->words);
    tree->words = NULL;
}

/* Find the leaf that each of some rows ends in. */
void forest_leaves(const forest_data *d, const forest_tree *tree, const int32_t *rows,
                   int64_t count, int32_t *leaves)
{
    for (int64_t i = 0; i < count; i++) {
        int32_t node = 0, feature;
        while ((feature = tree->feature[node]) >= 0) {
            int goes;
            if (feature < d->numbers) {
                uint8_t bin = d->bins[(int64_t)feature * d->rows + rows[i]];
                goes = bin == MISSING_BIN ? tree->missing_left[node] : bin <= tree->cut[node];
            } else {
                const uint32_t *subset = tree->words + tree->cut[node];
                int32_t id = d->ids[(int64_t)(feature - d->numbers) * d->rows + rows[i]];
                goes = id < 0 || id >= (int32_t)subset[0]
                       ? tree->missing_left[node] : subset[1 + id / 32] >> (id % 32) & 1;
            }
            node = tree->left[node] + !goes;
        }
        leaves[i] = node;
    }
}

/* Put numbers into bins: how many of the edges they lie above, or MISSING_BIN. */
void forest_bin(const float *numbers, int64_t rows, int64_t stride, const float *edges,
                int32_t count, uint8_t *bins)
{
    for (int64_t i = 0; i < rows; i++) {
        float x = numbers[i * stride];
        int32_t low = 0;
        for (int32_t left = count; left > 0;) {
            int32_t half = left / 2;
            int above = x > edges[low + half];
            low = above ? low + half + 1 : low;
            left = above ? left - half - 1 : half;
        }
        bins[i] = x != x ? MISSING_BIN : (uint8_t)low;
    }
}
