// SPDX-License-Identifier: BSD-2-Clause
// The simulated machines against the recorded launches in fixtures/ab.
#include "simulate_tests.h"

#include "recorded.h"
#include "simulate_kinds.h"
#include "simulate_rates.h"

#include "bench/measure/interval.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LAUNCHES = 500 };

// 1.4826 times the median distance from the median. Sorts the values.
static double robust_scatter(double *values, int count) {
    double median = interval_of(values, count).median;
    for (int i = 0; i < count; i++) {
        values[i] = fabs(values[i] - median);
    }
    return 1.4826 * interval_of(values, count).median;
}

static double scatter_recorded(const char *condition, const char *name) {
    const pool *p = pool_find(condition, name, 0);
    double values[POOL_MAX];
    assert_true(p->count > 0);
    for (int i = 0; i < p->count; i++) {
        values[i] = p->launches[i].quickest;
    }
    return robust_scatter(values, p->count);
}

static double scatter_simulated(const simulated_noise *noise, simulated_kind kind, uint64_t seed) {
    const simulated_change none = {0};
    double values[LAUNCHES];
    simulated_machine m = simulated_machine_make(noise, seed);
    int count = rate_runs(LAUNCHES);
    simulated_arms_use(&m, &kind, &none);
    for (int i = 0; i < count; i++) {
        launch l = simulated_launch(SUITE_PAIRS, &seed);
        values[i] = l.quickest;
        free(l.pairs);
        simulated_pass(&m, 5e9);
    }
    return robust_scatter(values, count);
}

// Launches of equal builds scatter as the recorded ones do. Some conditions have 12 recorded
// launches, which determine the scatter to a factor of 2 at best.
void test_recorded(void **state) {
    assert_int_equal(read_pools(state), 0);
    print_message("robust scatter of launches of equal builds in %%: simulated (recorded)\n");
    for (int n = 0; n < NOISES; n++) {
        const simulated_noise *noise = &simulated_noises[n];
        print_message("  %-12s", noise->name);
        for (int k = 0; k < KINDS; k++) {
            simulated_kind kind = simulated_kinds[k];
            kind.calls = k == BLOCK ? 1 : kind.calls; // as recorded
            double simulated =
                scatter_simulated(noise, kind, simulated_seed((uint64_t)(n * KINDS + k)));
            double measured = scatter_recorded(noise->recorded, kind.name);
            print_message("  %s %.2f (%.2f)", kind.name, 100.0 * simulated, 100.0 * measured);
            assert_true(simulated > 0.4 * measured && simulated < 2.5 * measured);
        }
        print_message("\n");
    }
}
