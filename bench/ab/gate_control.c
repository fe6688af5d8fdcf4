// SPDX-License-Identifier: BSD-2-Clause
#include "gate.h"

#include <stdlib.h>

static const double SLOW = 1.1, QUANTILE = 0.05, NOISY = 0.25;

// The median over the cases of what the control kernel took beside B against A, in this round.
static int take_round(const ab_session *s, int round, double *room, double *median) {
    int count = 0;
    for (int i = 0; i < s->count; i++) {
        if (s->trials[i].count > round) {
            room[count++] = s->trials[i].launches[round].control_ratio;
        }
    }
    *median = count > 0 ? interval_of(room, count).median : 0.0;
    return count;
}

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

gate_control gate_control_judge(const ab_session *s) {
    gate_control c = {.verdict = VERDICT_CANNOT_TELL, .slow = slow_share(s)};
    c.noisy = c.slow > NOISY;
    double medians[SIGNED_RANK_MAX], *room = malloc((size_t)(s->count + 1) * sizeof *room);
    while (room && c.rounds < SIGNED_RANK_MAX &&
           take_round(s, c.rounds, room, &medians[c.rounds])) {
        c.rounds++;
    }
    free(room);
    trial_rules rules = trial_rules_make(&s->rules.rule, 1);
    int used;
    verdict v = verdict_sequence(&rules.rule, medians, c.rounds, &used, &c.found);
    c.verdict = v == VERDICT_OPEN ? VERDICT_CANNOT_TELL : v;
    return c;
}
