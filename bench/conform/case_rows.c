// SPDX-License-Identifier: BSD-2-Clause
// Cases of the operations on rows. What an operation needs follows from its line of ops.def.
#include "case_rows.h"

#include "cases/hard_rows.h"

#include <stdlib.h>
#include <string.h>

enum { QUICK = CONFORM_QUICK, ORDINARY = CONFORM_ORDINARY, FULL = CONFORM_FULL };

// Runs a shape in all forms of the operation.
static bool run_forms(conform_probe *p, const char *reason, rows_shape shape) {
    bool fine = true;
    for (shape.form = 0; shape.form < rows_forms(p); shape.form++) {
        fine = rows_run(p, reason, &shape) && fine;
    }
    return fine;
}

typedef struct row_dims {
    int64_t rows, cols;
    int level;
} row_dims;

// ---- The plain case: aligned, dense, with all operands ----

// Columns that are a multiple of 16.
static const row_dims even_dims[] = {
    {1, 16, QUICK},       {2, 32, QUICK},      {3, 64, QUICK},        {17, 48, QUICK},
    {2, 768, QUICK},      {2, 1024, QUICK},    {2, 1040, QUICK},      {2, 2000, QUICK},
    {3, 2064, QUICK},     {1, 4096, QUICK},    {128, 768, ORDINARY},  {40, 3072, ORDINARY},
    {7, 16384, ORDINARY}, {300, 64, ORDINARY}, {1, 65536 + 16, FULL}, {512, 2048, FULL},
};

static void run_even_dims(conform_probe *p, const char *reason, rows_shape shape, size_t first) {
    for (size_t i = first; i < sizeof even_dims / sizeof *even_dims; i++) {
        if (even_dims[i].level <= p->level) {
            shape.rows = even_dims[i].rows;
            shape.cols = even_dims[i].cols;
            run_forms(p, reason, shape);
        }
    }
}

void conform_rows_bits(conform_probe *p) {
    run_even_dims(p, "bits", rows_plain, 0);
}

// Scalar itself is within the bounds, so this fails with the case above, or in what that does not
// try; it also measures the error.
void conform_rows_accuracy(conform_probe *p) {
    rows_shape shape = rows_plain;
    shape.near = true;
    run_even_dims(p, "accuracy", shape, 1);
}

// ---- Strides and gaps ----

// The gaps are a part of the operands here, so that a kernel that ignores a stride is not reported
// for writing to them.
void conform_rows_strides(conform_probe *p) {
    static const int64_t gaps[][2] = {{16, 0}, {0, 16}, {16, 32}, {64, 16}, {80, 1024}};
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
        rows_shape shape = rows_plain;
        shape.rows = 3;
        shape.cols = i % 2 ? 64 : 320;
        shape.x_gap = gaps[i][0];
        shape.y_gap = gaps[i][1];
        shape.joined = true;
        run_forms(p, "strides", shape);
    }
}

// Only the memory is checked.
void conform_rows_padding(conform_probe *p) {
    static const int64_t gaps[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 64, 100};
    for (size_t i = 0; i < 2 * sizeof gaps / sizeof *gaps; i++) {
        rows_shape shape = rows_plain;
        shape.rows = 3;
        shape.cols = i % 2 ? 64 : 48 - (int64_t)i / 2;
        shape.x_gap = 16;
        shape.y_gap = gaps[i / 2];
        shape.memory_only = true;
        run_forms(p, "padding", shape);
    }
}

// ---- Sizes that are not multiples of 16 ----

static void run_size(conform_probe *p, const char *reason, int64_t rows, int64_t cols) {
    rows_shape shape = rows_plain;
    shape.rows = rows;
    shape.cols = cols;
    shape.x_gap = shape.y_gap = cases_gap(cols); // every row is aligned
    shape.partial = conform_random(p) % 2;
    shape.streams = conform_random(p) % 2;
    run_forms(p, reason, shape);
}

void conform_rows_sizes(conform_probe *p) {
    static const int64_t odd[] = {1,   2,    3,    5,    7,    8,    9,    15,  17,  31,
                                  33,  47,   63,   65,   100,  127,  129,  255, 257, 511,
                                  769, 1000, 1023, 1025, 2001, 2047, 2049, 2085};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        run_size(p, "bits", 1 + (int64_t)i % 3, odd[i]);
    }
    for (int64_t cols = 1; cols <= 80 && p->level >= ORDINARY; cols++) {
        run_size(p, "bits", 1 + cols % 17, cols);
    }
    for (int i = 0; i < (p->level < ORDINARY ? 0 : p->level < FULL ? 60 : 600); i++) {
        int64_t rows = 1 + (int64_t)(conform_random(p) % 40);
        run_size(p, "bits", rows, 1 + (int64_t)(conform_random(p) % 3000));
    }
    if (p->level >= FULL) {
        run_size(p, "bits", 2, 65536 + 5);
    }
}

// ---- Places in memory ----

static const row_dims few_dims[] = {{1, 1, QUICK},    {1, 16, QUICK},   {3, 37, QUICK},
                                    {2, 64, QUICK},   {4, 67, QUICK},   {2, 768, QUICK},
                                    {1, 2001, QUICK}, {2, 1025, QUICK}, {9, 130, ORDINARY}};
enum { FEW_DIMS = sizeof few_dims / sizeof *few_dims };

// x, y, or all begin one element behind 64 bytes; then all rows do not begin alike.
void conform_rows_alignment(conform_probe *p) {
    for (int i = 0; i < 5 * FEW_DIMS; i++) {
        const row_dims *d = &few_dims[i / 5];
        rows_shape shape = rows_plain;
        shape.rows = d->rows;
        shape.cols = d->cols;
        shape.x_where = i % 5 == 1 ? CONFORM_ALIGNED : CONFORM_UNALIGNED;
        shape.y_where = i % 5 == 0 ? CONFORM_ALIGNED : CONFORM_UNALIGNED;
        shape.others = i % 5 >= 2 ? CONFORM_UNALIGNED : CONFORM_ALIGNED;
        shape.x_gap = i % 5 < 3 ? cases_gap(d->cols) : i % 5 == 3 ? 0 : 3;
        shape.y_gap = i % 5 < 3 ? cases_gap(d->cols) : i % 5 == 3 ? 0 : 1;
        shape.streams = i % 2;
        if (d->level <= p->level) {
            run_forms(p, "alignment", shape);
        }
    }
}

// All operands touch the guard page behind them, or that before them.
void conform_rows_bounds(conform_probe *p) {
    for (int i = 0; i < 2 * FEW_DIMS; i++) {
        const row_dims *d = &few_dims[i / 2];
        rows_shape shape = rows_plain;
        shape.rows = d->rows;
        shape.cols = d->cols;
        shape.x_where = shape.y_where = shape.others = i % 2 ? CONFORM_AT_START : CONFORM_AT_END;
        shape.x_gap = i % 4 < 2 ? 0 : 5;
        shape.y_gap = i % 4 < 2 ? 0 : 2;
        if (d->level <= p->level) {
            run_forms(p, "alignment", shape);
        }
    }
}

// ---- Operands ----

void conform_rows_in_place(conform_probe *p) {
    for (int i = 0; i < 2 * FEW_DIMS && !rows_has(p, DCT_NEEDS_IDS); i++) {
        const row_dims *d = &few_dims[i / 2];
        rows_shape shape = rows_plain;
        shape.rows = d->rows;
        shape.cols = i % 2 ? d->cols : (d->cols + 15) / 16 * 16;
        shape.y_gap = cases_gap(shape.cols);
        shape.in_place = true;
        if (d->level <= p->level) {
            run_forms(p, "in_place", shape);
        }
    }
}

// Each operand that may be missing is so alone, then all are.
void conform_rows_null(conform_probe *p) {
    static const int missing[] = {ROWS_GAIN, ROWS_BIAS, ROWS_UP, ROWS_BETA, ROWS_ALL};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        if (!(missing[i] & rows_optional(p))) {
            continue;
        }
        for (int d = 0; d < FEW_DIMS; d++) {
            rows_shape shape = rows_plain;
            shape.rows = few_dims[d].rows;
            shape.cols = few_dims[d].cols;
            shape.x_gap = shape.y_gap = cases_gap(shape.cols);
            shape.given = ROWS_ALL & ~missing[i];
            run_forms(p, "null_operand", shape);
        }
    }
}

// Other factors and epsilons than those of the plain case.
void conform_rows_parameters(conform_probe *p) {
    static const float numbers[][2] = {{1.0f, 1.0f}, {-3.0f, -1.0f}, {0.3f, 0.7f}, {2.7f, 1e-3f}};
    for (size_t i = 0; i < 3 * sizeof numbers / sizeof *numbers; i++) {
        rows_shape shape = rows_plain;
        shape.rows = 3;
        shape.cols = i % 3 == 0 ? 64 : i % 3 == 1 ? 1040 : 96;
        shape.factor = numbers[i / 3][0];
        shape.beta = numbers[i / 3][1];
        shape.eps = i / 3 == 0 ? 0.0f : i / 3 == 1 ? 1.0f : 1e-12f;
        if (rows_has(p, DCT_NEEDS_SCALE | DCT_NEEDS_BETA | DCT_NEEDS_EPS)) {
            run_forms(p, "bits", shape);
        }
    }
}

// Heads of which nothing is turned.
void conform_rows_empty(conform_probe *p) {
    for (int i = 0; i < 4 && rows_has(p, DCT_NEEDS_ANGLES); i++) {
        rows_shape shape = rows_plain;
        shape.rows = 3;
        shape.cols = i % 2 ? 64 : 37;
        shape.x_gap = shape.y_gap = cases_gap(shape.cols);
        shape.unturned = true;
        run_forms(p, "empty", shape);
    }
}

// ---- Special numbers ----

static void run_special(conform_probe *p, const cases_special *kind, int64_t cols) {
    for (int i = 0; i < 4; i++) {
        rows_shape shape = rows_plain;
        shape.rows = 3;
        shape.cols = cols;
        shape.x_gap = shape.y_gap = cases_gap(cols);
        shape.special = kind;
        shape.all_special = i % 2; // gain, bias and so on, too
        shape.given = i / 2 ? 0 : ROWS_ALL;
        if (i / 2 == 0 || rows_optional(p)) {
            run_forms(p, "special", shape);
        }
    }
}

void conform_rows_special(conform_probe *p) {
    static const int64_t cols[] = {67, 5, 64, 1100};
    for (int i = 0; i < cases_special_count; i++) {
        for (int c = 0; c < (p->level < ORDINARY ? 2 : 4); c++) {
            run_special(p, &cases_specials[i], cols[c]);
        }
    }
}

// Numbers of all magnitudes, up to those that overflow: a row for each power of two.
void conform_rows_range(conform_probe *p) {
    for (int exponent = -140; p->exact && exponent <= 127;
         exponent += p->level < ORDINARY ? 9 : 3) {
        rows_shape shape = rows_plain;
        shape.rows = 2;
        shape.cols = 64;
        shape.scale =
            exponent < -126 ? 0x1p-126f / (float)(1 << (-126 - exponent)) : rows_power(exponent);
        run_forms(p, "special", shape);
    }
}

// Rows that are hard to normalise.
void conform_rows_hard(conform_probe *p) {
    static const int64_t lengths[] = {1, 17, 96, 257, 768, 1025};
    for (int kind = 0; kind < HARD_ROWS && rows_has(p, DCT_NEEDS_EPS); kind++) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            rows_shape shape = rows_plain;
            shape.rows = 1;
            shape.cols = lengths[i];
            shape.hard = &hard_rows[kind];
            shape.scale = 1.0f;
            shape.given = i % 2 ? 0 : ROWS_ALL;
            run_forms(p, "special", shape);
        }
    }
}
