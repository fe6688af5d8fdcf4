// SPDX-License-Identifier: BSD-2-Clause
#include "noise.h"

#include <stdlib.h>

static const double SLOW = 1.1, QUANTILE = 0.05, NOISY = 0.25;

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// All control kernels, to `out` unless it is NULL.
static size_t take_kernels(const ab_session *s, float *out) {
    size_t count = 0;
    for (int i = 0; i < s->count; i++) {
        const trial *t = &s->trials[i];
        for (int j = 0; j < t->count; j++) {
            for (int k = 0; t->launches[j].pairs && k < t->launches[j].pair_count; k++) {
                for (int b = 0; b < 2; b++, count++) {
                    if (out) {
                        out[count] = t->launches[j].pairs[k].control[b];
                    }
                }
            }
        }
    }
    return count;
}

static double slow_share(const ab_session *s) {
    size_t count = take_kernels(s, NULL), slow = 0;
    float *all = count > 0 ? malloc(count * sizeof *all) : NULL;
    if (!all) {
        return 0.0;
    }
    take_kernels(s, all);
    qsort(all, count, sizeof *all, by_size);
    double quick = (double)all[(size_t)(QUANTILE * (double)(count - 1))];
    for (size_t i = 0; i < count; i++) {
        slow += (double)all[i] > SLOW * quick;
    }
    free(all);
    return (double)slow / (double)count;
}

static void add_launch(ab_noise *n, const launch *l) {
    n->pairs += l->pair_count;
    n->woke += l->woke;
    for (int i = 0; i < l->pair_count; i++) {
        n->disturbed += l->pairs[i].disturbed;
    }
}

ab_noise ab_noise_of(const ab_session *s) {
    ab_noise n = {.slow = slow_share(s)};
    n.noisy = n.slow > NOISY;
    for (int i = 0; i < s->count; i++) {
        const trial *t = &s->trials[i];
        // That of several threads is in their wall time, which is what is compared.
        n.no_waiting += t->count > 0 && !t->launches[0].several && !t->waiting_looked_at;
        n.no_together +=
            t->count > 0 && t->launches[0].several && t->launches[0].together == LAUNCH_NOT_KNOWN;
        for (int j = 0; j < t->count; j++) {
            add_launch(&n, &t->launches[j]);
        }
    }
    return n;
}
