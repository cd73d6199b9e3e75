/* Finds the centre nearest to each point, and adds the points of each centre up; and finds how near
   points are to candidates for a centre.

   The nearest centre is that of the largest x c - |c|^2 / 2, the first of equal ones. The points
   of two vectors are looked at side by side, at four centres at once: so many sums fill the
   machine's adders and still fit into its registers. What is found of a point does not depend on
   the points beside it. */
#include <stdint.h>
#include <string.h>

#if defined __AVX512F__
enum { WIDE = 16 };
#elif defined __AVX__
enum { WIDE = 8 };
#else
enum { WIDE = 4 };
#endif
enum { PAIR = 2, LANES = PAIR * WIDE, CENTERS = 4, AHEAD = 4 };

typedef float floats __attribute__((vector_size(4 * WIDE)));
typedef int32_t ints __attribute__((vector_size(4 * WIDE)));

/* Keeps two vectors in registers, where the compiler would read them again for each centre. */
#ifdef __AVX__
#define HELD(a, b) __asm__("" : "+v"(a), "+v"(b))
#else
#define HELD(a, b)
#endif

/* Finds x c - |c|^2 / 2 for four centres. `numbers` has two vectors of points for each number of a
   point; `centers` a row for each centre. */
static inline __attribute__((always_inline)) void score(const floats *restrict numbers,
                                                        int64_t width,
                                                        const float *restrict centers,
                                                        const float *restrict shifts,
                                                        floats found[CENTERS][PAIR])
{
#pragma GCC unroll 4
    for (int i = 0; i < CENTERS; i++) {
        found[i][0] = (floats){0} - shifts[i];
        found[i][1] = found[i][0];
    }
    for (int64_t j = 0; j < width; j++) {
        floats low = numbers[PAIR * j], high = numbers[PAIR * j + 1];
        HELD(low, high);
#pragma GCC unroll 4
        for (int i = 0; i < CENTERS; i++) {
            found[i][0] += low * centers[i * width + j];
            found[i][1] += high * centers[i * width + j];
        }
    }
}

/* Finds the nearest of `clusters` centres, a multiple of four. */
static inline void look(const floats *restrict numbers, int64_t width,
                        const float *restrict centers, const float *restrict shifts,
                        int64_t clusters, ints *restrict labels, floats *restrict scores)
{
    floats best[PAIR];
    ints label[PAIR];
#pragma GCC unroll 2
    for (int s = 0; s < PAIR; s++) best[s] = (floats){0} - __builtin_inff(), label[s] = (ints){0};
    for (int64_t c = 0; c < clusters; c += CENTERS) {
        floats found[CENTERS][PAIR];
        score(numbers, width, centers + c * width, shifts + c, found);
#pragma GCC unroll 4
        for (int i = 0; i < CENTERS; i++)
#pragma GCC unroll 2
            for (int s = 0; s < PAIR; s++) {
                ints better = found[i][s] > best[s];
                best[s] = (floats)((better & (ints)found[i][s]) | (~better & (ints)best[s]));
                label[s] = (better & (int32_t)(c + i)) | (~better & label[s]);
            }
    }
#pragma GCC unroll 2
    for (int s = 0; s < PAIR; s++) labels[s] = label[s], scores[s] = best[s];
}

/* Puts points side by side: each number of all of them, then the next. */
static inline void turn(const float *restrict x, int64_t rows, int64_t width, float *restrict room)
{
    if (rows < LANES) {
        for (int64_t j = 0; j < width; j++)
            for (int64_t p = 0; p < rows; p++) room[j * LANES + p] = x[p * width + j];
        return;
    }
    /* What comes later is asked for now: of itself the machine reads ahead to the end of a page. */
    for (int64_t i = 0; i < LANES * width; i += 16)
        __builtin_prefetch(x + AHEAD * LANES * width + i);
    for (int64_t j = 0; j < width; j++)
#pragma GCC unroll 32
        for (int p = 0; p < LANES; p++) room[j * LANES + p] = x[p * width + j];
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
        ints label[PAIR];
        floats score[PAIR];
        turn(x + row * width, left, width, room);
        look((const floats *)room, width, centers, shifts, clusters, label, score);
        for (int64_t p = 0; p < left; p++) {
            const float *point = x + (row + p) * width;
            int32_t nearest = label[p / WIDE][p % WIDE];
            float best = score[p / WIDE][p % WIDE];
            double *sum = sums + nearest * width;
            double weight = each ? each[row + p] : 1.0;
            for (int64_t j = 0; j < width; j++) sum[j] += weight * point[j];
            weights[nearest] += weight;
            *total += weight * best;
            if (labels) labels[row + p] = nearest;
            if (scores) scores[row + p] = best;
        }
    }
}

/* Copies the numbers of so many points, which are mostly as many as there are lanes. */
static inline void copy(void *to, const void *from, int64_t count)
{
    if (count == LANES) memcpy(to, from, LANES * sizeof(float));
    else memcpy(to, from, count * sizeof(float));
}

/* Lowers each point's squared distance `nearest` to that from the first of some seeds, and adds up
   what all of them would be with each seed: that first one, and it and another. `sums` has a row
   for each `step` points, a multiple of the lanes, and a column for each of `seeds`, a multiple of
   four. `norms` are the points' squared lengths, `each` their weights, or NULL for ones. `room` is
   as in kmeans_nearest, `parts` for so many numbers for each seed as there are lanes. */
void kmeans_closer(const float *restrict x, int64_t rows, int64_t width, const float *each,
                   const float *norms, const float *centers, const float *shifts, int64_t seeds,
                   float *restrict nearest, int64_t step, double *restrict sums,
                   float *restrict room, double *restrict parts)
{
    memset(parts, 0, seeds * LANES * sizeof *parts);
    for (int64_t row = 0; row < rows; row += LANES) {
        int64_t left = rows - row < LANES ? rows - row : LANES;
        /* Where there is no point left, nothing is nearer than zero, which adds nothing. */
        floats norm[PAIR] = {{0}}, near[PAIR] = {{0}}, weight[PAIR] = {{0}};
        copy(norm, norms + row, left);
        copy(near, nearest + row, left);
        if (each) copy(weight, each + row, left);
        else
            for (int s = 0; s < PAIR; s++) weight[s] = weight[s] + 1.0f;
        turn(x + row * width, left, width, room);
        for (int64_t c = 0; c < seeds; c += CENTERS) {
            floats found[CENTERS][PAIR], told[CENTERS][PAIR];
            score((const floats *)room, width, centers + c * width, shifts + c, found);
#pragma GCC unroll 4
            for (int i = 0; i < CENTERS; i++)
#pragma GCC unroll 2
                for (int s = 0; s < PAIR; s++) {
                    floats square = norm[s] - 2.0f * found[i][s];
                    ints above = square > 0.0f;
                    square = (floats)((ints)square & above);
                    ints closer = square < near[s];
                    square = (floats)((closer & (ints)square) | (~closer & (ints)near[s]));
                    if (c + i == 0) near[s] = square;
                    told[i][s] = square * weight[s];
                }
            double *part = parts + c * LANES;
            const float *one = (const float *)told;
            for (int p = 0; p < CENTERS * LANES; p++) part[p] += one[p];
        }
        copy(nearest + row, near, left);
        if ((row + LANES) % step && row + LANES < rows) continue;
        double *sum = sums + row / step * seeds;
        for (int64_t c = 0; c < seeds; c++)
            for (int p = 0; p < LANES; p++) sum[c] += parts[c * LANES + p];
        memset(parts, 0, seeds * LANES * sizeof *parts);
    }
}
