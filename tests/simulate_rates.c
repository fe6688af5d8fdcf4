// SPDX-License-Identifier: BSD-2-Clause
#include "simulate_rates.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

int rate_percent = 100;

void tally_add(tally *t, const simulated_outcome *o) {
    assert_true(t->runs < TALLY_MAX);
    t->verdicts[o->verdict]++;
    t->launches += o->launches;
    t->seconds[t->runs++] = o->seconds;
    for (int i = 0; i < COMMON_RULES; i++) {
        t->different[i] += o->common[i] != COMMON_EQUAL;
        t->slower[i] += o->common[i] == COMMON_SLOWER;
    }
}

double mean_of(const double *values, int count) {
    double sum = 0.0;
    for (int i = 0; i < count; i++) {
        sum += values[i];
    }
    return sum / count;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double most_of(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[(int)ceil(0.95 * count) - 1];
}

// ---- Intervals ----

// P(X <= hits) of a binomial X.
static double binomial_tail(int hits, int runs, double p) {
    double sum = 0.0;
    for (int i = 0; i <= hits; i++) {
        sum += exp(lgamma(runs + 1.0) - lgamma(i + 1.0) - lgamma(runs - i + 1.0) + i * log(p) +
                   (runs - i) * log1p(-p));
    }
    return sum;
}

double rate_most(int hits, int runs) {
    double low = (double)hits / runs, high = 1.0;
    if (hits == runs) {
        return 1.0;
    }
    while (high - low > 1e-9) {
        double p = 0.5 * (low + high);
        *(binomial_tail(hits, runs, p) > 0.05 ? &low : &high) = p;
    }
    return high;
}

double rate_least(int hits, int runs) {
    return 1.0 - rate_most(runs - hits, runs);
}

// ---- Checks ----

int rate_runs(int whole) {
    int runs = whole * rate_percent / 100;
    return runs > 2 ? runs : 2;
}

static void check(const char *what, int hits, int runs, const char *limit_kind, double limit,
                  bool good) {
    print_message("  %s: %.2f %% (%d of %d; the true rate is %.2f to %.2f %%); %s %.3g %%%s\n",
                  what, 100.0 * hits / runs, hits, runs, 100.0 * rate_least(hits, runs),
                  100.0 * rate_most(hits, runs), limit_kind, 100.0 * limit, good ? "" : ": MISSED");
    assert_true(good);
}

void rate_check_not_above(const char *what, int hits, int runs, double limit) {
    check(what, hits, runs, "not shown to be above", limit, rate_least(hits, runs) <= limit);
}

void rate_check_not_below(const char *what, int hits, int runs, double limit) {
    check(what, hits, runs, "not shown to be below", limit, rate_most(hits, runs) >= limit);
}

void rate_check_at_most(const char *what, int hits, int runs, double limit) {
    if (rate_percent < 100) {
        rate_check_not_above(what, hits, runs, limit);
    } else {
        check(what, hits, runs, "shown to be at most", limit, rate_most(hits, runs) <= limit);
    }
}

void rate_check_at_least(const char *what, int hits, int runs, double limit) {
    if (rate_percent < 100) {
        rate_check_not_below(what, hits, runs, limit);
    } else {
        check(what, hits, runs, "shown to be at least", limit, rate_least(hits, runs) >= limit);
    }
}
