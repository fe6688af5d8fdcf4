// SPDX-License-Identifier: BSD-2-Clause
#include "schedule.h"

#include "cases/golden.h"
#include "cases/names.h"
#include "cases/work.h"
#include "shuffle.h"

#include <stdlib.h>
#include <string.h>

// Operations a second of scalar and of the others, and bytes a second, for a first guess; what was
// measured corrects it.
static const double SCALAR_RATE = 1e9, RATE = 2e10, BYTES = 5e9;
// Probes between the pieces, hashing and the search for the length of a sample, which takes about
// two samples; opening a case.
static const double AROUND = 1.75, OPENING = 0.02;
enum { SEARCH = 2 };
// What is left of a tenth is for ending: the last piece, its file, its memory.
static const double GRACE = 0.05;

int schedule_blocks(const plan *p, uint64_t seed, schedule_block *out) {
    int count = 0;
    for (int i = p->ceilings; i < p->count; i++) {
        schedule_block *last = count > 0 ? &out[count - 1] : NULL;
        if (last && name_is_shared(&p->cases[last->first].what, &p->cases[i].what)) {
            last->count++;
        } else {
            out[count++] = (schedule_block){i, 1};
        }
    }
    int *order = malloc((size_t)(count > 0 ? count : 1) * sizeof *order);
    schedule_block *plain = malloc((size_t)(count > 0 ? count : 1) * sizeof *plain);
    for (int i = 0; order && plain && i < count; i++) {
        order[i] = i;
        plain[i] = out[i];
    }
    if (order && plain) {
        shuffle(order, count, &seed);
        for (int i = 0; i < count; i++) {
            out[i] = plain[order[i]];
        }
    }
    free(order);
    free(plain);
    return count;
}

double schedule_seconds(const sample_case *c, int repetitions, double min_time, bool opens) {
    work_cost cost = work_expect(&c->what);
    uint64_t hash;
    bool scalar = c->what.backend && strcmp(c->what.backend, "scalar") == 0;
    double run = cost.arithmetic / (scalar ? SCALAR_RATE : RATE) + cost.bytes / BYTES;
    double sample = run > min_time ? run : min_time;
    double check = opens && !golden_find(&c->what, &hash) ? cost.arithmetic / RATE : 0.0;
    // Filling, packing and warming up cost about as much as some runs.
    return (repetitions + SEARCH) * sample * AROUND + 3.0 * run + OPENING + check;
}

schedule_budget schedule_begin(double now, double seconds) {
    return (schedule_budget){now, seconds, 1.0};
}

bool schedule_fits(const schedule_budget *b, double now, double part, double expected) {
    return b->seconds <= 0.0 || now - b->begin + b->pace * expected <= part * b->seconds;
}

// A slower pace counts at once, a faster one by half: an overrun is worse than an unused rest.
void schedule_learn(schedule_budget *b, double expected, double actual) {
    double pace = expected > 0.0 ? actual / expected : b->pace;
    b->pace = pace > b->pace ? pace : 0.5 * (b->pace + pace);
}

double schedule_deadline(const schedule_budget *b, double part) {
    return b->seconds > 0.0 ? b->begin + part * (1.0 + GRACE) * b->seconds : 0.0;
}
