// SPDX-License-Identifier: BSD-2-Clause
// Common to all cases of the examination: the numbers, the comparison, the message.
#include "exam.h"

#include "machine/cpu.h"
#include "machine/memory.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const uint32_t GUARD_BITS = 0x4b1d4b1d; // a float that no kernel computes

static void fill_input(exam *e) {
    uint32_t seed = 1;
    for (int i = 0; i < EXAM_INPUT; i++) {
        seed = seed * 1664525u + 1013904223u;
        e->input[i] = (float)(int32_t)seed * (i < EXAM_WIDE ? 0x1p-31f : 0x1p-27f);
    }
    memcpy(e->copy, e->input, sizeof e->copy);
}

// Rows of ordinary numbers among which are, row by row: -inf; nothing but -inf; NaN; +inf; very
// large ones; nothing but -0; denormals; one number only; -0 here and there.
static void fill_special(exam *e) {
    static const float odd[EXAM_SPECIAL_ROWS] = {-INFINITY, -INFINITY, NAN,     INFINITY, FLT_MAX,
                                                 -0.0f,     0x3p-149f, 1000.1f, -0.0f};
    for (int i = 0; i < EXAM_SPECIAL_ROWS; i++) {
        bool all = i == 1 || i == 5 || i == 6 || i == 7;
        for (int j = 0; j < EXAM_SPECIAL_COLS; j++) {
            float *to = &e->special[i * EXAM_SPECIAL_COLS + j];
            *to = all || j % 5 == 2 ? odd[i] : e->input[EXAM_WIDE + i * EXAM_SPECIAL_COLS + j];
            *to = i == 4 && j % 2 ? -*to : *to;
        }
    }
}

exam *exam_open(dct_memory *memory, const dct_kernels *scalar) {
    exam *e = dct_zalloc(memory, 1, sizeof *e);
    if (e) {
        e->memory = memory;
        e->scalar = scalar;
        fill_input(e);
        fill_special(e);
    }
    return e;
}

void exam_close(exam *e) {
    if (e) {
        dct_free(e->scratch);
        dct_free(e);
    }
}

bool exam_fail(exam *e, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(e->reason, sizeof e->reason, format, args);
    va_end(args);
    return false;
}

void exam_begin(exam *e, const float *from, int64_t span) {
    size_t whole = (size_t)(EXAM_START + span + EXAM_GUARD) * sizeof(float);
    memcpy(e->right, e->input, whole);
    if (from) {
        memcpy(e->right + EXAM_START, from, (size_t)span * sizeof *from);
    }
    memcpy(e->given, e->right, whole);
    e->span = span;
    e->scratch_used = 0;
}

void *exam_scratch(exam *e, int64_t size) {
    if (size == 0) {
        return NULL;
    }
    int64_t whole = size + (int64_t)(EXAM_GUARD * sizeof GUARD_BITS);
    if (whole > e->scratch_room) {
        dct_free(e->scratch);
        e->scratch = dct_alloc(e->memory, whole, 1);
        e->scratch_room = e->scratch ? whole : 0;
    }
    if (e->scratch) { // NaN, so that a kernel that relies on zeros fails
        memset(e->scratch, 0xff, (size_t)size);
        for (int i = 0; i < EXAM_GUARD; i++) {
            memcpy(e->scratch + size + i * (int)sizeof GUARD_BITS, &GUARD_BITS, sizeof GUARD_BITS);
        }
        e->scratch_used = size;
    } else {
        exam_fail(e, "no memory for its %lld bytes of scratch", (long long)size);
    }
    return e->scratch;
}

// NaN is NaN: which of its bits a sum keeps is not defined.
static bool is_same_bits(float a, float b) {
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

// Other bits are accepted if they were declared and the numbers are nearly equal: the
// operands are in (-1, 1) or (-16, 16), a sum of some dozen products is exact to far more than
// this.
static bool is_near(float right, float given) {
    return is_same_bits(right, given) || fabsf(right - given) <= 0x1p-10f * (1.0f + fabsf(right));
}

static bool fail_at(exam *e, const char *what, const exam_matrix *m, int count, int64_t at) {
    for (int i = 0; i < count; i++, m++) {
        int64_t row = (at - m->offset) / m->stride, col = (at - m->offset) % m->stride;
        if (at >= m->offset && row < m->rows && col < m->cols) {
            return exam_fail(e, "%s: %srow %lld column %lld: %.9g instead of %.9g", what, m->name,
                             (long long)row, (long long)col, (double)e->given[at],
                             (double)e->right[at]);
        }
        if (at >= m->offset && row < m->rows) {
            return exam_fail(e, "%s: %swrites beyond the %lld columns of row %lld", what, m->name,
                             (long long)m->cols, (long long)row);
        }
    }
    return exam_fail(e, "%s: writes outside of its output", what);
}

bool exam_same(exam *e, const char *what, const exam_matrix *outputs, int count) {
    if (!dct_fp_is_default()) {
        dct_fp_enter();
        return exam_fail(e, "%s: changes the floating-point mode", what);
    }
    int64_t whole = EXAM_START + e->span + EXAM_GUARD;
    if (memcmp(e->right, e->given, (size_t)whole * sizeof(float)) != 0) {
        for (int64_t i = 0; i < whole; i++) {
            bool fine = e->bits == DECOCT_BITS_EXACT ? is_same_bits(e->right[i], e->given[i])
                                                     : is_near(e->right[i], e->given[i]);
            if (!fine) {
                return fail_at(e, what, outputs, count, i);
            }
        }
    }
    for (int i = 0; e->scratch_used && i < EXAM_GUARD; i++) {
        if (memcmp(e->scratch + e->scratch_used + i * (int)sizeof GUARD_BITS, &GUARD_BITS,
                   sizeof GUARD_BITS) != 0) {
            return exam_fail(e, "%s: writes beyond its %lld bytes of scratch", what,
                             (long long)e->scratch_used);
        }
    }
    return true;
}

bool exam_input_kept(exam *e) {
    if (memcmp(e->input, e->copy, sizeof e->copy) == 0) {
        return true;
    }
    memcpy(e->input, e->copy, sizeof e->copy);
    return exam_fail(e, "changes its input");
}
