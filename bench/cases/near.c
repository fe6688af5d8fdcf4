// SPDX-License-Identifier: BSD-2-Clause
#include "near.h"

#include "random.h"
#include "work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_MOST = 1 << 14 };

// Element i of the chosen ones: its part of the output is drawn from.
static int64_t place_of(const near_numbers *n, int64_t i, uint64_t *seed) {
    int64_t first = n->all * i / n->count, last = n->all * (i + 1) / n->count;
    return first + (int64_t)random_below(seed, (uint64_t)(last - first));
}

void near_take(near_numbers *n, const float *output, int64_t count) {
    uint64_t seed = n->seed;
    n->all = count;
    n->count = count < NUMBERS_MOST ? count : NUMBERS_MOST;
    n->right = malloc((size_t)n->count * sizeof *n->right);
    for (int64_t i = 0; i < n->count && n->right; i++) {
        n->right[i] = output[place_of(n, i, &seed)];
        double size = fabs((double)n->right[i]);
        n->largest = isfinite(size) && size > n->largest ? size : n->largest;
    }
}

static void take_numbers(void *data, const float *output, int64_t count) {
    near_take(data, output, count);
}

bool near_find(references *r, bench_work *w, bool always, near_numbers *out) {
    *out = (near_numbers){.seed = work_what(w)->seed};
    return references_other(r, w, always, out->by, take_numbers, out) && out->right;
}

void near_free(near_numbers *n) {
    free(n->right);
    *n = (near_numbers){.right = NULL};
}

static bool is_equal(float a, float b) {
    return a == b || (isnan(a) && isnan(b));
}

double near_distance(const near_numbers *n, const float *output, int64_t count) {
    uint64_t seed = n->seed;
    double worst = 0.0;
    if (count != n->all) {
        return INFINITY;
    }
    for (int64_t i = 0; i < n->count; i++) {
        float given = output[place_of(n, i, &seed)];
        double away = fabs((double)given - (double)n->right[i]);
        away = is_equal(given, n->right[i]) ? 0.0 : n->largest > 0.0 ? away / n->largest : INFINITY;
        if (!isfinite(away)) {
            return INFINITY;
        }
        worst = away > worst ? away : worst;
    }
    return worst;
}
