// SPDX-License-Identifier: BSD-2-Clause
// Which cases the self-check uses. It judges the machine, not the library: cases that depend on the
// caches of the moment, or that are over before a delay of 5 % differs from the clock's own steps,
// would fail it without need.
#include "gate.h"

#include <string.h>

// Operations of one run: about 50 us and 15 ms of a modern core.
static const double LONG_ENOUGH = 1e6, SHORT_ENOUGH = 3e8;
// Operations for each byte moved: with many, memory does not matter; with some, operands that fit
// into the second-level cache are good enough.
static const double MANY = 16.0, SOME = 2.0, CACHED = 3e6;

typedef enum suitability { SUITS, LARGE, SHORT, STREAMS } suitability;

static suitability judge(const work_cost *cost) {
    bool cached = cost->bytes <= CACHED;
    double least = cached ? SOME : MANY;
    return cost->arithmetic <= 0.0 || cost->arithmetic < least * cost->bytes ? STREAMS
           : cost->arithmetic < LONG_ENOUGH                                  ? SHORT
           : cost->arithmetic > SHORT_ENOUGH || !cached                      ? LARGE
                                                                             : SUITS;
}

static bool is_used(const ab_session *s, const int *chosen, int count, int index, bool by_name) {
    for (int i = 0; i < count; i++) {
        bool same = chosen[i] == index ||
                    (by_name && !strcmp(s->trials[chosen[i]].what->op, s->trials[index].what->op));
        if (same) {
            return true;
        }
    }
    return false;
}

// The best case that is not chosen yet: a new operation before a known one, then by suitability,
// then the cheapest. -1: there are no more.
static int choose_next(const ab_session *s, const int *chosen, int count) {
    int best = -1;
    double lowest = 0.0;
    for (int i = 0; i < s->count; i++) {
        work_cost cost = work_expect(s->trials[i].what);
        suitability suits = judge(&cost);
        bool again = is_used(s, chosen, count, i, true);
        // A suitable case of a known operation is better than an unsuitable one of a new operation.
        double rank = 2.0 * (double)suits + (again ? 1.0 : 0.0);
        double order = rank + cost.arithmetic / (cost.arithmetic + LONG_ENOUGH);
        if (!is_used(s, chosen, count, i, false) && (best < 0 || order < lowest)) {
            best = i;
            lowest = order;
        }
    }
    return best;
}

int gate_choose(const ab_session *s, int chosen[GATE_CHECKS], bool *computes) {
    int count = 0;
    *computes = true;
    while (count < GATE_CHECKS) {
        int next = choose_next(s, chosen, count);
        if (next < 0) {
            break;
        }
        work_cost cost = work_expect(s->trials[next].what);
        bool streams = judge(&cost) == STREAMS;
        bool again = is_used(s, chosen, count, next, true);
        // Fewer cases are better than a noisy one: the check would fail without need.
        if (count > 0 && (streams || (again && judge(&cost) != SUITS))) {
            break;
        }
        chosen[count++] = next;
        if (streams) {
            *computes = false;
            break;
        }
    }
    return count;
}
