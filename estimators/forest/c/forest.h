/* Grows one tree of a forest from binned columns, and finds the leaves of rows among them.

   A node looks at a few columns drawn at random. Each gives sums by bin or by category, the same
   scan finds the best cut of both, and the rows are parted in place, in the order they had. Every
   sum is taken in the order of rows, bins and outputs, so that `levels.py` grows the same trees. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 256, MISSING_BIN = 255, PRIOR_ROWS = 300 };
enum { SQUARES, ENTROPY_OF_CLASSES, ENTROPY_OF_OUTPUTS };

typedef double pair __attribute__((vector_size(16)));

typedef struct {
    int64_t rows;
    int32_t numbers, categoricals;         /* columns; numbers come first */
    int32_t outputs;                       /* sums that are kept of each node beside its weight */
    int32_t criterion, max_features, max_depth;
    int32_t min_samples_split, min_samples_leaf;
    double min_weight_leaf;
    const uint8_t *bins;                   /* (numbers, rows) */
    const int32_t *ids;                    /* (categoricals, rows); -1 is missing */
    const int32_t *sizes;                  /* (categoricals,) */
    const double *targets;                 /* (rows, outputs), NULL where rows have classes */
    const int32_t *classes;                /* (rows,), below outputs */
    const int32_t *alike;                  /* (rows,): rows of equal targets have equal numbers */
    const int8_t *monotonic;               /* (columns,), NULL where there are no constraints */
} forest_data;

typedef struct {
    int32_t *feature;                      /* -1 in a leaf */
    int32_t *cut;                          /* last bin that goes left, or first word of a subset */
    int32_t *left;                         /* the right child is the next one */
    uint8_t *missing_left;
    double *gain, *weight, *value;         /* value has as many numbers a node as outputs */
    int64_t nodes;
    uint32_t *words;                       /* subsets of categories that go left */
    int64_t word_count, word_room;
} forest_tree;

typedef struct {
    int64_t start, count;
    uint64_t key;
    int32_t node, depth;
    double least, most;                    /* what monotonic constraints leave for its mean */
} task;

/* The best split of a node so far; a subset is kept by the side of each category. */
typedef struct {
    double score;
    int32_t feature, cut, missing_left, found;
    double middle;                         /* between the means of its sides */
} split;

typedef struct {
    const forest_data *data;
    forest_tree *tree;
    int32_t *rows, *aside;                 /* the tree's rows, node by node */
    double *packed;                        /* (rows, 1 + outputs): weight and weighted targets */
    double *local;                         /* the same of the node at hand */
    double *squared;                       /* weighted squares of the targets of each row */
    int32_t *labels, *local_class, *present;
    int32_t outputs;                       /* of the node at hand: classes it lacks are left out */
    double *sums;                          /* (bins or categories, 1 + outputs), zero between uses */
    int32_t *counts;
    uint8_t seen[BINS];
    double *total, second;                 /* of the node; second: of squared targets */
    double *squares;                       /* of weights, by category */
    double *run, *running_weight, *running_sum, *scores;
    int32_t *running_count;
    int32_t *places, *permutation, *swaps;
    double *order_keys, *direction;
    int32_t *order, *spare;
    uint8_t *side, *best_side;             /* 1 + id */
    double middle;                         /* between the means of the last cut found */
} work;

static inline uint64_t mix(uint64_t x)
{
    /* The finaliser of splitmix64 (Steele, Lea & Flood 2014). */
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9u;
    x ^= x >> 27;
    x *= 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static inline uint64_t draw(uint64_t key, uint64_t number)
{
    return mix(key + (number + 1) * 0x9E3779B97F4A7C15u);
}
