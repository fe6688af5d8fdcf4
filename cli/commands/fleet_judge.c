// SPDX-License-Identifier: BSD-2-Clause
// The median of a cell over its files, and its interval.
#include "fleet.h"
#include "text.h"

#include "bench/measure/interval.h"

#include <math.h>
#include <stdlib.h>

static void swap(float *a, float *b) {
    float t = *a;
    *a = *b;
    *b = t;
}

// Puts the k-th smallest (from 0) of n numbers at its place, smaller ones before it (Hoare).
static float pick(float *x, int64_t n, int64_t k) {
    int64_t left = 0, right = n - 1;
    while (left < right) {
        float pivot = x[left + (right - left) / 2];
        int64_t i = left, j = right;
        while (i <= j) {
            for (; x[i] < pivot; i++) {
            }
            for (; x[j] > pivot; j--) {
            }
            if (i <= j) {
                swap(&x[i++], &x[j--]);
            }
        }
        if (k <= j) {
            right = j;
        } else if (k >= i) {
            left = i;
        } else {
            break;
        }
    }
    return x[k];
}

// The ends of intervals: of which figure each one is.
enum { LOW, HIGH };
static const struct {
    int figure, end;
} ends[RESULTS_FIGURES - RESULTS_MANY] = {
#define ROW_END(id, key, kind, unit, write, meaning, figure, end) {RESULTS_##figure, end},
#include "bench/rows/rows.def"
};

// The interval of a single file is its own.
static fleet_value single(const fleet_cell *cell, int figure, float value) {
    fleet_value all = {value, NAN, NAN};
    for (int i = 0; i < RESULTS_FIGURES - RESULTS_MANY; i++) {
        if (ends[i].figure == figure) {
            *(ends[i].end == LOW ? &all.low : &all.high) = cell->own[i];
        }
    }
    return all;
}

// Of one figure's values, which it sorts a little.
static fleet_value judge_values(float *values, int64_t n) {
    if (n == 0) {
        return (fleet_value){NAN, NAN, NAN};
    }
    float median = pick(values, n, n / 2);
    if (n % 2 == 0) { // the other one of the middle is the largest of those before
        median = median / 2 + pick(values, n / 2, n / 2 - 1) / 2;
    }
    int64_t k = interval_rank(n);
    return (fleet_value){median, pick(values, n, k), pick(values, n, n - 1 - k)};
}

// All figures at once: the records of a cell are far apart in memory.
static void judge_cell(const fleet *f, fleet_cell *cell, float *scratch) {
    int64_t n[RESULTS_MANY] = {0};
    for (int32_t i = cell->first; i != FLEET_END;) {
        const fleet_record *record = fleet_record_at(f, i);
        for (int figure = 0; figure < RESULTS_MANY; figure++) {
            float value = record->figures[figure];
            if (!isnan(value)) {
                scratch[figure * (int64_t)f->files + n[figure]++] = value;
            }
        }
        i = record->next;
    }
    cell->judged = cli_alloc(RESULTS_MANY, sizeof *cell->judged);
    for (int figure = 0; figure < RESULTS_MANY; figure++) {
        cell->judged[figure] = judge_values(scratch + figure * (int64_t)f->files, n[figure]);
    }
}

void fleet_judge(fleet *f) {
    float *scratch = cli_alloc((int64_t)f->files * RESULTS_MANY, sizeof *scratch);
    for (size_t i = 0; i < f->cell_table.count; i++) {
        if (f->cells[i].n > 1) {
            judge_cell(f, &f->cells[i], scratch);
        }
    }
    free(scratch);
}

fleet_value fleet_value_of(const fleet *f, const fleet_cell *cell, int figure) {
    return cell->judged ? cell->judged[figure]
                        : single(cell, figure, fleet_record_at(f, cell->first)->figures[figure]);
}
