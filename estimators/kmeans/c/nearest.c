/* Finds the centre nearest to each point, and adds the points of each centre up.

   The nearest centre is that of the largest x c - |c|^2 / 2, the first of equal ones. Sixteen
   points are looked at side by side, at four centres at once; what is found of a point does not
   depend on the points beside it. */
#include <stdint.h>

enum { LANES = 16, CENTERS = 4 };

typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));

/* `numbers` has a row of lanes for each number of a point; `centers` a row for each centre, their
   number a multiple of four. */
static void look(const floats *restrict numbers, int64_t width, const float *restrict centers,
                 const float *restrict shifts, int64_t clusters, ints *labels, floats *scores)
{
    floats best = (floats){0} - __builtin_inff();
    ints label = {0};
    for (int64_t c = 0; c < clusters; c += CENTERS) {
        const float *center = centers + c * width;
        floats found[CENTERS];
#pragma GCC unroll 4
        for (int i = 0; i < CENTERS; i++) found[i] = (floats){0} - shifts[c + i];
        for (int64_t j = 0; j < width; j++)
#pragma GCC unroll 4
            for (int i = 0; i < CENTERS; i++) found[i] += numbers[j] * center[i * width + j];
#pragma GCC unroll 4
        for (int i = 0; i < CENTERS; i++) {
            ints better = found[i] > best;
            best = (floats)((better & (ints)found[i]) | (~better & (ints)best));
            label = (better & (int32_t)(c + i)) | (~better & label);
        }
    }
    *labels = label;
    *scores = best;
}

/* Adds to sums (clusters, width), to weights (clusters,) and to the total of weighted scores, in
   the order of rows. `each` may be NULL for ones; labels and scores are written unless they are.
   `room` is for the numbers of as many points as there are lanes, aligned as they are. */
void kmeans_nearest(const float *restrict x, int64_t rows, int64_t width, const float *each,
                    const float *centers, const float *shifts, int64_t clusters, int32_t *labels,
                    float *scores, double *restrict sums, double *weights, double *total,
                    float *restrict room)
{
    for (int64_t row = 0; row < rows; row += LANES) {
        int64_t left = rows - row < LANES ? rows - row : LANES;
        ints label;
        floats score;
        for (int64_t j = 0; j < width; j++)
            for (int64_t p = 0; p < left; p++) room[j * LANES + p] = x[(row + p) * width + j];
        look((const floats *)room, width, centers, shifts, clusters, &label, &score);
        for (int64_t p = 0; p < left; p++) {
            const float *point = x + (row + p) * width;
            double *sum = sums + label[p] * width;
            double weight = each ? each[row + p] : 1.0;
            for (int64_t j = 0; j < width; j++) sum[j] += weight * point[j];
            weights[label[p]] += weight;
            *total += weight * score[p];
            if (labels) labels[row + p] = label[p];
            if (scores) scores[row + p] = score[p];
        }
    }
}
