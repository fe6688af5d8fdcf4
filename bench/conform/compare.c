// SPDX-License-Identifier: BSD-2-Clause
// Elements of operands, and the comparison of results.
#include "frame.h"

#include <math.h>
#include <string.h>

// ---- Elements ----

static float from_bits(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t to_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static float from_f16(uint16_t stored) {
    int exponent = stored >> 10 & 0x1f, fraction = stored & 0x3ff;
    float size = exponent == 0x1f ? (fraction ? NAN : INFINITY)
                 : exponent == 0  ? ldexpf((float)fraction, -24)
                                  : ldexpf((float)(fraction | 0x400), exponent - 25);
    return stored & 0x8000 ? -size : size;
}

// To nearest even: rintf of what the last bit of the result is worth.
static uint16_t to_f16(float f) {
    uint16_t sign = signbit(f) ? 0x8000 : 0;
    float size = fabsf(f);
    int exponent = 0;
    if (isnan(f)) {
        return sign | 0x7e00;
    }
    if (size >= 65520.0f) {
        return sign | 0x7c00;
    }
    if (size == 0.0f) {
        return sign;
    }
    frexpf(size, &exponent);
    int last = exponent - 11 > -24 ? exponent - 11 : -24;
    float whole = rintf(ldexpf(size, -last));
    // Fraction and exponent are one number: a carry gives the next exponent.
    int bits = last == -24 ? (int)whole : (last + 24) * 0x400 + (int)whole;
    return (uint16_t)(sign | bits);
}

static uint16_t to_bf16(float f) {
    uint32_t bits = to_bits(f);
    if (isnan(f)) {
        return (uint16_t)(bits >> 16 | 0x40);
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static const void *element(const conform_matrix *m, int64_t row, int64_t col) {
    return (const char *)m->data + (row * m->stride + col) * m->size;
}

float conform_get(const conform_matrix *m, int64_t row, int64_t col) {
    const void *at = element(m, row, col);
    uint16_t half = 0;
    float f = 0.0f;
    if (m->size == 2) {
        memcpy(&half, at, sizeof half);
        return m->dtype == DECOCT_F16 ? from_f16(half) : from_bits((uint32_t)half << 16);
    }
    if (m->size == 1) {
        return *(const unsigned char *)at;
    }
    memcpy(&f, at, sizeof f);
    return f;
}

void conform_set(conform_matrix *m, int64_t row, int64_t col, float value) {
    char *at = (char *)m->data + (row * m->stride + col) * m->size;
    if (m->size == 2) {
        uint16_t half = m->dtype == DECOCT_F16 ? to_f16(value) : to_bf16(value);
        memcpy(at, &half, sizeof half);
    } else {
        memcpy(at, &value, sizeof value);
    }
}

// ---- The comparison ----

static bool same_element(const conform_matrix *a, const conform_matrix *b, int64_t row,
                         int64_t col) {
    return memcmp(element(a, row, col), element(b, row, col), (size_t)a->size) == 0 ||
           (a->size > 1 && isnan(conform_get(a, row, col)) && isnan(conform_get(b, row, col)));
}

static int64_t count_other(const conform_matrix *given, const conform_matrix *right) {
    int64_t other = 0;
    for (int64_t i = 0; i < given->rows; i++) {
        for (int64_t j = 0; j < given->cols; j++) {
            other += !same_element(given, right, i, j);
        }
    }
    return other;
}

bool conform_compare_bits(conform_probe *p, const char *reason, const conform_matrix *given,
                          const conform_matrix *right) {
    for (int64_t i = 0; i < given->rows; i++) {
        for (int64_t j = 0; j < given->cols; j++) {
            if (!same_element(given, right, i, j)) {
                return conform_fail(
                    p, reason,
                    "%s: row %lld column %lld: %.9g instead of %.9g; %lld of %lld "
                    "elements differ",
                    given->name, (long long)i, (long long)j, (double)conform_get(given, i, j),
                    (double)conform_get(right, i, j), (long long)count_other(given, right),
                    (long long)(given->rows * given->cols));
            }
        }
    }
    return true;
}

// The error in units of its bound. NaN instead of a number, or the reverse, is infinitely wrong.
static double units_of(double given, double exact, double bound) {
    if ((isnan(given) && isnan(exact)) || given == exact) {
        return 0.0;
    }
    double error = fabs(given - exact);
    if (!isfinite(error) || isnan(bound)) {
        return INFINITY;
    }
    return error <= bound ? (bound > 0.0 ? error / bound : 0.0)
                          : (bound > 0.0 ? fmax(error / bound, 1.0 + 1e-9) : INFINITY);
}

bool conform_compare_near(conform_probe *p, const char *reason, const conform_matrix *given,
                          const double *exact, const double *bound) {
    double worst = 0.0;
    for (int64_t i = 0; i < given->rows; i++) {
        for (int64_t j = 0; j < given->cols; j++) {
            int64_t at = i * given->cols + j;
            double value = (double)conform_get(given, i, j);
            double units = units_of(value, exact[at], bound[at]);
            if (units > 1.0) {
                return conform_fail(p, reason,
                                    "%s: row %lld column %lld: %.9g instead of %.9g, which is "
                                    "%.3g times the bound of %.3g",
                                    given->name, (long long)i, (long long)j, value, exact[at],
                                    units, bound[at]);
            }
            worst = units > worst ? units : worst;
        }
    }
    p->page->worst = worst > p->page->worst ? worst : p->page->worst;
    p->page->has_worst = true;
    return true;
}
