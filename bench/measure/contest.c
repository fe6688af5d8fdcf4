// SPDX-License-Identifier: BSD-2-Clause
#include "contest.h"

#include "machine/clock.h"
#include "shuffle.h"

#include <math.h>
#include <string.h>
#include <time.h>

static void sleep_for(double seconds) {
    struct timespec t = {(time_t)seconds, (long)(fmod(seconds, 1.0) * 1e9)};
    if (seconds > 0.0) {
        nanosleep(&t, NULL);
    }
}

// Seconds of `calls` calls together.
static double turn(contestant *c, int64_t calls) {
    if (c->turn) {
        double seconds = c->failed ? 0.0 : c->turn(c->data, calls);
        c->failed = c->failed || seconds < 0.0;
        return seconds;
    }
    double start = clock_now();
    for (int64_t i = 0; i < calls && !c->failed; i++) {
        c->failed = !c->run(c->data);
    }
    return clock_now() - start;
}

// Finds how many calls fill a turn.
static void calibrate_turn(contestant *c, double least_seconds) {
    c->calls = 1;
    turn(c, 1); // memory touched, threads started
    while (!c->failed) {
        double taken = turn(c, c->calls);
        if (taken >= least_seconds || c->calls >= INT64_C(1) << 40) {
            return;
        }
        double wanted = taken > 0.0 ? 1.2 * least_seconds / taken : 10.0;
        c->calls = (int64_t)ceil((double)c->calls * (wanted > 10.0 ? 10.0 : wanted));
    }
}

void contest_run(contestant *list, int count, const contest_options *options) {
    int order[CONTEST_MAX];
    uint64_t seed = 1;
    for (int i = 0; i < count; i++) {
        order[i] = i;
        calibrate_turn(&list[i], options->least_seconds);
    }
    for (int round = 0; round < options->rounds; round++) {
        shuffle(order, count, &seed);
        for (int i = 0; i < count; i++) {
            contestant *c = &list[order[i]];
            sleep_for(options->pause);
            if (!c->turn) {
                turn(c, 1); // its code and data come back into the caches, untimed
            }
            c->seconds[round] = turn(c, c->calls) / (double)c->calls;
        }
    }
}

double contest_seconds(const contestant *c, int rounds) {
    double seconds[CONTEST_ROUNDS_MAX];
    memcpy(seconds, c->seconds, (size_t)rounds * sizeof *seconds);
    return interval_of(seconds, rounds).median;
}

interval contest_ratio(const contestant *ours, const contestant *other, int rounds) {
    double ratio[CONTEST_ROUNDS_MAX];
    for (int i = 0; i < rounds; i++) {
        ratio[i] = other->seconds[i] / ours->seconds[i];
    }
    return interval_of(ratio, rounds);
}
