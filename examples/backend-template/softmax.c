// SPDX-License-Identifier: BSD-2-Clause
// softmax: the bits of decoct_reference_softmax, in loops that a compiler turns into vector
// instructions. What may not move is the place of an addition: element j of a row is added to lane
// j mod 16, so the loop over the 16 lanes is the one that is vectorised.
#include "mine.h"

#include <decoct/reference.h>

enum { LANES = DECOCT_LANES };

// The largest of z = scale x, in any order: a maximum is not rounded, and a NaN makes the whole row
// NaN in the end.
static float largest(int64_t cols, const float *x, float scale) {
    float lane[LANES], max = -INFINITY;
    int64_t j = 0;
    for (int l = 0; l < LANES; l++) {
        lane[l] = -INFINITY;
    }
    for (; j + LANES <= cols; j += LANES) {
#pragma omp simd
        for (int l = 0; l < LANES; l++) {
            float z = x[j + l] * scale;
            lane[l] = lane[l] > z ? lane[l] : z;
        }
    }
    for (; j < cols; j++) {
        float z = x[j] * scale;
        max = max > z ? max : z;
    }
    for (int l = 0; l < LANES; l++) {
        max = max > lane[l] ? max : lane[l];
    }
    return max;
}

// The sum of a row: chunks of 1024 elements, each in 16 lanes that begin at 0.
static float sum_of(int64_t cols, const float *y) {
    decoct_reference_lanes sum = {{0}, {0}};
    for (int64_t first = 0; first < cols; first += DECOCT_SUM_CHUNK) {
        int64_t end = cols - first < DECOCT_SUM_CHUNK ? cols : first + DECOCT_SUM_CHUNK;
        int64_t j = first;
        float part[LANES] = {0};
        for (; j + LANES <= end; j += LANES) {
#pragma omp simd
            for (int l = 0; l < LANES; l++) {
                part[l] += y[j + l];
            }
        }
        for (; j < end; j++) {
            part[j % LANES] += y[j];
        }
        for (int l = 0; l < LANES; l++) {
            sum.total[l] += part[l];
        }
    }
    return decoct_reference_fold(&sum);
}

static void softmax_row(int64_t cols, const float *x, float scale, float *y) {
    float max = largest(cols, x, scale);
    max = max == -INFINITY ? 0.0f : max; // all elements are -inf: zeros
#pragma omp simd
    for (int64_t j = 0; j < cols; j++) {
        y[j] = decoct_reference_exp(x[j] * scale - max);
    }
    float sum = sum_of(cols, y);
    float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
    for (int64_t j = 0; j < cols; j++) {
        y[j] *= inverse;
    }
}

void mine_softmax(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        softmax_row(a->cols, x, a->scale, (float *)a->y.data + i * a->y.stride);
    }
}
