// SPDX-License-Identifier: BSD-2-Clause
#include "trial.h"

#include "machine/clock.h"

#include <math.h>

static const double FAR = 1.5, ENOUGH = 0.2;
enum { RUNS = 20 };

double trial_best(bool (*run)(void *job), void *job, double least) {
    double best = INFINITY, begin = clock_now();
    for (int i = 0; i < RUNS && (clock_now() - begin < ENOUGH || (i == 1 && best < FAR * least));
         i++) {
        double start = clock_now();
        if (!run(job)) {
            return INFINITY;
        }
        best = fmin(best, clock_now() - start);
    }
    return best;
}
