// SPDX-License-Identifier: BSD-2-Clause
// Kinds of rows that are hard to normalise.
#ifndef BENCH_HARD_ROWS_H
#define BENCH_HARD_ROWS_H

#include <stdint.h>

// offset + scale [-1, 1), and one element in `every` is 2^14 times as large.
typedef struct hard_row {
    const char *name;
    float offset, scale;
    int64_t every;
} hard_row;

static const hard_row hard_rows[] = {
    {"constant", 12345.678f, 0.0f, 0},
    {"squares overflow", 0.0f, 0x1p66f, 0},
    {"far from zero", 0x1p20f, 1.0f, 0},
    {"far and large", 0x1p45f, 0x1p25f, 0},
    {"denormals", 0.0f, 0x1p-130f, 0},
    {"a few values", -1000.1f, 0x1p-12f, 0},
    {"up to the largest number", 0.0f, 0x1.fffffep127f, 0},
    {"hardly any variance", 1.0f, 0x1p-20f, 0},
    // The hashes have those above in turn; more may follow here.
    {"1000.1", 1000.1f, 0.0f, 0},
    {"a large constant", -3e11f, 0.0f, 0},
    {"the largest number", 0x1.fffffep127f, 0.0f, 0},
    {"10^6 and more", 1e6f, 1.0f, 0},
    {"very far from zero", -0x1p30f, 0x1p10f, 0},
    {"a few large values", 4097.0f, 0x1p-9f, 0},
    {"up to 2^40", 0.0f, 0x1p40f, 0},
    {"beyond 2^40", 0x1p41f, 0x1p20f, 0},
    {"1e20", 0.0f, 1e20f, 0},
    {"1e20, far from zero", 1e20f, 1e16f, 0},
    {"outliers", 0.0f, 1.0f, 50},
};
enum { HARD_ROWS = sizeof hard_rows / sizeof *hard_rows, HARD_HASHED = 8 };

// Makes such a row of one of numbers in [-1, 1).
static inline void hard_row_make(const hard_row *kind, float *x, int64_t cols) {
    for (int64_t j = 0; j < cols; j++) {
        float outlier = kind->every && j % kind->every == 3 ? 0x1p14f : 1.0f;
        x[j] = kind->offset + x[j] * kind->scale * outlier;
    }
}

#endif
