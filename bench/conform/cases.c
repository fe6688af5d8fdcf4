// SPDX-License-Identifier: BSD-2-Clause
#include "cases.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int64_t cases_gap(int64_t cols) {
    return (CASES_LANES - cols % CASES_LANES) % CASES_LANES;
}

conform_matrix cases_columns(const conform_matrix *m, int64_t cols) {
    conform_matrix view = *m;
    view.cols = cols;
    return view;
}

// ---- Judging ----

exact_result cases_exact_room(int64_t rows, int64_t cols) {
    size_t count = (size_t)(rows * cols) + 1;
    exact_result r = {calloc(count, sizeof *r.exact), calloc(count, sizeof *r.bound)};
    if (!r.exact || !r.bound) {
        exit(EXIT_FAILURE); // reported as a test that did not come to its end
    }
    return r;
}

void cases_exact_free(exact_result r) {
    free(r.exact);
    free(r.bound);
}

exact_result cases_exact_row(exact_result r, int64_t i, int64_t cols) {
    return (exact_result){r.exact + i * cols, r.bound + i * cols};
}

exact_order cases_order(const conform_probe *p) {
    return p->exact ? EXACT_DEFINED : EXACT_ANY_ORDER;
}

bool cases_same(const conform_matrix *a, const conform_matrix *b) {
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            float x = conform_get(a, i, j), y = conform_get(b, i, j);
            if (memcmp(&x, &y, sizeof x) != 0 && !(isnan(x) && isnan(y))) {
                return false;
            }
        }
    }
    return true;
}

bool cases_is_aspect(const char *reason) {
    return strcmp(reason, "bits") != 0 && strcmp(reason, "accuracy") != 0;
}

bool cases_near(conform_probe *p, const char *reason, const conform_matrix *given, exact_result r) {
    for (int64_t i = 0; i < given->rows * given->cols && !p->exact; i++) {
        r.bound[i] = 4.0 * r.bound[i] + 0x1p-120;
    }
    return conform_compare_near(p, strcmp(reason, "bits") == 0 ? "accuracy" : reason, given,
                                r.exact, r.bound);
}

// ---- Special numbers ----

const cases_special cases_specials[] = {
    {"-0", 1, {-0.0f, -0.0f, -0.0f, -0.0f}},
    {"NaN", 1, {NAN, NAN, NAN, NAN}},
    {"-inf", 1, {-INFINITY, -INFINITY, -INFINITY, -INFINITY}},
    {"inf", 1, {INFINITY, INFINITY, INFINITY, INFINITY}},
    {"denormals", 1, {0x1p-149f, -0x3p-148f, 0x1.8p-127f, -0x1p-130f}},
    {"denormals of 16 bits", 1, {0x1p-24f, -0x3p-24f, 0x1.8p-15f, -0x1p-20f}},
    {"NaN among numbers", 5, {NAN, NAN, NAN, NAN}},
    {"-inf among numbers", 5, {-INFINITY, -INFINITY, -INFINITY, -INFINITY}},
    {"inf among numbers", 5, {INFINITY, INFINITY, INFINITY, INFINITY}},
    {"denormals among numbers", 4, {0x1p-149f, -0x3p-148f, 0x1.8p-127f, -0x1p-130f}},
    {"zeros of both signs", 1, {0.0f, -0.0f, 0.0f, -0.0f}},
    {"infinities of both signs", 1, {INFINITY, -INFINITY, INFINITY, -INFINITY}},
    {"the largest numbers", 1, {FLT_MAX, -FLT_MAX, 0x1p100f, -0x1p64f}},
    {"large among numbers", 5, {FLT_MAX, -FLT_MAX, 0x1p100f, -0x1p64f}},
    {"the smallest normal numbers", 1, {0x1p-126f, -0x1.8p-100f, 0x1p-75f, -0x1p-126f}},
    {"numbers whose exp is small", 3, {-88.0f, -104.0f, -150.0f, -1000.0f}},
};
const int cases_special_count = sizeof cases_specials / sizeof *cases_specials;

float cases_special_number(conform_probe *p, const cases_special *kind) {
    bool ordinary = conform_random(p) % (uint64_t)kind->every != 0;
    return ordinary ? conform_random_float(p, 4.0f) : kind->values[conform_random(p) % 4];
}

void cases_fill(conform_probe *p, conform_matrix *m, float scale, const cases_special *kind) {
    for (int64_t i = 0; i < m->rows; i++) {
        for (int64_t j = 0; j < m->cols; j++) {
            conform_set(m, i, j,
                        kind ? cases_special_number(p, kind) : conform_random_float(p, scale));
        }
    }
}
