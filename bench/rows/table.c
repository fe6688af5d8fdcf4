// SPDX-License-Identifier: BSD-2-Clause
// A table for a first look: the median of a few runs each, some seconds in all.
#include "table.h"

#include "cases/exits.h"
#include "cases/work.h"
#include "machine/clock.h"
#include "measure/interval.h"

#include <stdbool.h>
#include <stdio.h>

enum { RUNS = 7, OPS = 2 };
static const double BUDGET = 0.25; // seconds for one figure

// Median seconds of one run, and what it costs.
static decoct_status measure_case(const work_case *c, double *seconds, work_cost *cost, char *error,
                                  uint64_t size) {
    bench_work *w;
    decoct_status status = work_open(c, &w, error, size);
    if (status) {
        return status;
    }
    double samples[RUNS], begin = clock_now();
    int count = 0;
    status = work_run(w);
    while (!status && count < RUNS && (count == 0 || clock_now() - begin < BUDGET)) {
        double start = clock_now();
        status = work_run(w);
        samples[count++] = clock_now() - start;
    }
    if (status) {
        snprintf(error, size, "%s", work_error(w));
    } else {
        *seconds = interval_of(samples, count).median;
        *cost = work_costs(w);
    }
    work_close(w);
    return status;
}

// Slow machines and emulators have figures below 1 too.
static void print_rate(double rate, int digits) {
    printf("%11.*f", rate < 1.0 ? 3 : digits, rate);
}

static bool print_cell(const work_case *c) {
    char error[256] = "";
    double seconds = 0.0;
    work_cost cost;
    if (measure_case(c, &seconds, &cost, error, sizeof error)) {
        printf("\n");
        fprintf(stderr, "decoct bench: %s\n", error);
        return false;
    }
    if (cost.tokens > 0.0) {
        print_rate(cost.tokens / seconds, 0);
    } else {
        print_rate(cost.flops / seconds * 1e-9, 1);
    }
    fflush(stdout);
    return true;
}

static void print_head(const table_shape *shape) {
    static const char *const titles[] = {"causal attention, GFLOP/s",
                                         "one decoder block, tokens/s"};
    int width = shape->threads->count * 11;
    printf("backend %s, heads of %lld, pin %s\n\n%15s", shape->backend, (long long)shape->head_dim,
           shape->pin, "");
    for (int o = 0; o < OPS; o++) {
        printf("   %-*s", o + 1 == OPS ? 0 : width > 27 ? width : 27, titles[o]);
    }
    printf("\n   seq   heads ");
    for (int o = 0; o < OPS; o++) {
        printf("   ");
        for (int t = 0; t < shape->threads->count; t++) {
            printf("%4lld thread%s", (long long)shape->threads->items[t],
                   shape->threads->items[t] == 1 ? " " : "s");
        }
        printf("%*s", o + 1 < OPS && width < 27 ? 27 - width : 0, "");
    }
    printf("\n");
}

static bool print_row(const table_shape *shape, int64_t seq, int64_t heads) {
    static const char *const ops[] = {"attention", "block"};
    int width = shape->threads->count * 11;
    printf("%6lld  %6lld ", (long long)seq, (long long)heads);
    for (int o = 0; o < OPS; o++) {
        printf("   ");
        for (int t = 0; t < shape->threads->count; t++) {
            work_case c = {.op = ops[o],
                           .seq = seq,
                           .heads = heads,
                           .head_dim = shape->head_dim,
                           .threads = (int32_t)shape->threads->items[t],
                           .pin = shape->pin,
                           .backend = shape->backend,
                           .allow_fallback = shape->allow_fallback};
            if (!print_cell(&c)) {
                return false;
            }
        }
        printf("%*s", o + 1 < OPS && width < 27 ? 27 - width : 0, "");
    }
    printf("\n");
    return true;
}

int table_print(const table_shape *shape) {
    print_head(shape);
    for (int s = 0; s < shape->seq->count; s++) {
        for (int h = 0; h < shape->heads->count; h++) {
            if (!print_row(shape, shape->seq->items[s], shape->heads->items[h])) {
                return EXIT_INTERNAL;
            }
        }
    }
    printf("\nMedians of a few runs, for a first look; `decoct bench` measures properly.\n");
    return fflush(stdout) ? EXIT_INTERNAL : 0;
}
