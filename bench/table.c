// SPDX-License-Identifier: BSD-2-Clause
// A table for a first look: the median of a few runs each, some seconds in all.
#include "table.h"

#include "work.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RUNS = 7, EXIT_REFUSED = 70 };
static const double BUDGET = 0.25; // seconds for one figure

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Median seconds of one run.
static decoct_status measure(const work_case *c, double *seconds, char *error, uint64_t size) {
    work *w;
    decoct_status status = work_open(c, &w, error, size);
    if (status) {
        return status;
    }
    double samples[RUNS], begin = now();
    int count = 0;
    status = work_run(w);
    while (!status && count < RUNS && (count == 0 || now() - begin < BUDGET)) {
        double start = now();
        status = work_run(w);
        samples[count++] = now() - start;
    }
    if (status) {
        snprintf(error, size, "%s", work_error(w));
    } else {
        qsort(samples, (size_t)count, sizeof *samples, compare);
        *seconds = samples[count / 2];
    }
    work_close(w);
    return status;
}

static bool print_cell(const work_case *c) {
    char error[256] = "";
    double seconds = 0.0;
    if (measure(c, &seconds, error, sizeof error)) {
        printf("\n");
        fprintf(stderr, "decoct bench: %s\n", error);
        return false;
    }
    if (c->op[0] == 'p') {
        printf(" %9.0f", work_tokens(c) / seconds);
    } else {
        printf(" %9.1f", work_flops(c) / seconds * 1e-9);
    }
    fflush(stdout);
    return true;
}

int table_print(const int_list *seq, const int_list *heads, int64_t head_dim, int all_threads) {
    static const char *const ops[] = {"attention", "prefill"};
    int threads[2] = {1, all_threads}, columns = all_threads > 1 ? 2 : 1;
    printf("                 causal attention, GFLOP/s   one decoder block, tokens/s\n");
    printf("  seq    heads ");
    for (int i = 0; i < 2 * columns; i++) {
        printf(" %s%7d thr", i == columns ? "   " : "", threads[i % columns]);
    }
    printf("\n");
    for (int s = 0; s < seq->count; s++) {
        for (int h = 0; h < heads->count; h++) {
            printf("%6lld %6lld  ", (long long)seq->items[s], (long long)heads->items[h]);
            for (int i = 0; i < 2 * columns; i++) {
                work_case c = {.op = ops[i / columns],
                               .seq = seq->items[s],
                               .heads = heads->items[h],
                               .head_dim = head_dim,
                               .threads = threads[i % columns],
                               .pin = "none"};
                printf("%s ", i == columns ? "   " : "");
                if (!print_cell(&c)) {
                    return EXIT_REFUSED;
                }
            }
            printf("\n");
        }
    }
    printf("Medians of a few runs, for a first look; `decoct bench` measures properly.\n");
    return fflush(stdout) ? EXIT_REFUSED : 0;
}
