// SPDX-License-Identifier: BSD-2-Clause
// Mistakes in what a kernel has written: the right results are changed afterwards.
#include "plugin.h"

#include <float.h>

static float *cell(const view *v, int64_t row, int64_t col) {
    return v->y + row * v->y_stride + col;
}

// Without a seed clearly, with an odd one in the last bit only.
void spoil(float *y) {
    uint32_t bits;
    memcpy(&bits, y, sizeof bits);
    if (number(0, 0, 0, 1)) {
        bits ^= 1;
        memcpy(y, &bits, sizeof bits);
    } else {
        *y += 1.0f;
    }
}

void spoil_one(const view *v) {
    if (v->rows > 0 && v->cols > 0) {
        spoil(cell(v, number(1, 0, 0, 1000) % v->rows, number(2, 0, 0, 4000) % v->cols));
    }
}

static void beyond_keys(const view *v) {
    if (v->keys > number(3, 1000, 300, 2040)) {
        spoil_one(v);
    }
}

static void one_column(const view *v) {
    for (int64_t i = 0; v->cols >= 2000 && i < v->rows; i++) {
        spoil(cell(v, i, number(3, 1234, 1024, 1999)));
    }
}

static void any_sum(const view *v) {
    spoil_one(v);
}

// Changes all elements; with a seed those of some lanes only.
static void change_each(const view *v, float (*change)(float y)) {
    int64_t step = number(3, 1, 1, 4), first = number(4, 0, 0, step - 1);
    for (int64_t i = 0; i < v->rows; i++) {
        for (int64_t j = first; j < v->cols; j += step) {
            float *y = cell(v, i, j);
            *y = change(*y);
        }
    }
}

static float no_nan(float y) {
    return isnan(y) ? 0.0f : y;
}

static float no_denormal(float y) {
    return fabsf(y) < FLT_MIN ? copysignf(0.0f, y) : y;
}

static float no_minus_zero(float y) {
    return y == 0.0f ? 0.0f : y;
}

static void nan_to_zero(const view *v) {
    change_each(v, no_nan);
}

static void flush(const view *v) {
    change_each(v, no_denormal);
}

static void lose_sign(const view *v) {
    change_each(v, no_minus_zero);
}

// Between rows only: behind the last one there may be nothing.
static void write_gap(const view *v, int64_t least, int64_t at) {
    for (int64_t i = 0; v->y_stride - v->cols >= least && i + 1 < v->rows; i++) {
        *cell(v, i, v->cols + at) = 0.0f;
    }
}

static void write_wide_gap(const view *v) {
    int64_t least = number(3, 8, 5, 12);
    write_gap(v, least, number(4, 0, 0, least - 1));
}

static void write_any_gap(const view *v) {
    write_gap(v, 1, 0);
}

static void if_in_place(const view *v) {
    if (v->x == v->y) {
        spoil_one(v);
    }
}

static void if_without(const view *v) {
    if (v->without) {
        spoil_one(v);
    }
}

static void if_unaligned(const view *v) {
    const float *of = number(3, 0, 0, 1) ? v->y : v->x;
    if ((uintptr_t)of % ((uintptr_t)16 << number(4, 0, 0, 2))) {
        spoil_one(v);
    }
}

// Threads are counted as they come. The memory of a thread is found without a call of the loader,
// which would allocate it.
static void on_second_thread(const view *v) {
    static int threads;
    static __attribute__((tls_model("initial-exec"))) _Thread_local int mine;
    mine = mine ? mine : __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
    if (mine == 2) {
        spoil_one(v);
    }
}

// Wrong if the call before had the same input.
static void when_repeated(const view *v) {
    static __attribute__((tls_model("initial-exec"))) _Thread_local float before[2];
    if (v->rows == 0 || v->x_cols == 0) {
        return;
    }
    float now[2] = {v->x[0], (float)(v->rows * v->x_cols)};
    bool same = memcmp(before, now, sizeof now) == 0;
    memcpy(before, now, sizeof now);
    if (same && v->x != v->y) {
        spoil_one(v);
    }
}

static void change_input(const view *v) {
    if (v->x != v->y && v->rows > 0 && v->x_cols > 0) {
        int64_t col = number(3, 0, 0, 4000) % v->x_cols;
        ((float *)(uintptr_t)v->x)[col] += 1.0f;
    }
}

static void write_before(const view *v) {
    v->y[-number(3, 1, 1, 16)] = 0.0f;
}

static void write_past(const view *v) {
    if (v->rows > 0 && v->cols > 0) {
        *cell(v, v->rows - 1, v->cols - 1 + number(3, 1, 1, 16)) = 0.0f;
    }
}

static void be_inaccurate(const view *v) {
    for (int64_t i = 0; i < v->rows * v->cols; i++) {
        *cell(v, i / v->cols, i % v->cols) *= 1.001f;
    }
}

static void declare_other(tables *t) {
    t->bits = DECOCT_BITS_OTHER;
}

const mistake wrong_results[] = {
    {"beyond_1000_keys", .after = beyond_keys},
    {"one_of_2000", .after = one_column},
    {"wrong_sum", .after = any_sum},
    {"nan_is_zero", .after = nan_to_zero},
    {"denormals_flushed", .after = flush},
    {"minus_zero_lost", .after = lose_sign},
    {"padding_of_wide_gaps", .after = write_wide_gap},
    {"padding_always", .after = write_any_gap},
    {"wrong_in_place", .after = if_in_place},
    {"wrong_without_gain", .after = if_without},
    {"wrong_if_unaligned", .after = if_unaligned},
    {"wrong_on_second_worker", .after = on_second_thread},
    {"wrong_when_repeated", .after = when_repeated},
    {"input_changed", .after = change_input},
    {"writes_before_operand", .after = write_before},
    {"writes_past_operand", .after = write_past},
    {"other_bits_inaccurate", .after = be_inaccurate, .table = declare_other},
    {.name = NULL},
};
