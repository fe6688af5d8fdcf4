// SPDX-License-Identifier: BSD-2-Clause
// The mistakes in operations on rows: a part of mistakes.c, which has included scalar's kernels.
#ifndef MISTAKES_ROWS_H
#define MISTAKES_ROWS_H

static bool is(int first, int last) {
    return mistake >= first && mistake <= last;
}

static float maximum(const float *x, int64_t count, float scale) {
    float max = -INFINITY;
    for (int64_t j = 0; j < count; j++) {
        max = max > x[j] * scale ? max : x[j] * scale;
    }
    return max;
}

static void wrong_softmax(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i), all = 0.0f, max = maximum(x, a->cols, a->scale);
        decoct_reference_lanes total = {{0}, {0}};
        for (int64_t j = 0; mistake == softmax_not_in_place && j < a->cols; j++) {
            y[j] = 0.0f;
        }
        for (int64_t j = 0; j < a->cols; j++) {
            float z = mistake == softmax_without_maximum ? x[j] * a->scale
                      : mistake == softmax_scale_ignored ? x[j] - max / a->scale
                                                         : x[j] * a->scale - max;
            y[j] = decoct_reference_exp(z);
            total.part[j % LANES] += y[j]; // softmax_one_chunk: the lanes are not folded
            all += y[j];
            if (mistake != softmax_one_chunk && j % DECOCT_SUM_CHUNK == DECOCT_SUM_CHUNK - 1) {
                decoct_reference_close_chunk(&total);
            }
        }
        float inverse = 1.0f / (mistake == softmax_one_lane ? all : decoct_reference_fold(&total));
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] *= inverse; // softmax_all_hidden_nan: 0 / 0 for a row that sees nothing
        }
    }
}

static void wrong_norm(const decoct_rows_piece *whole) {
    decoct_rows_piece a = *whole;
    if (mistake == gain_required && !a.gain) {
        return;
    }
    if (mistake == bias_required && a.gain && !a.bias) {
        a.gain = NULL; // only looks whether both are there
    }
    a.scale = mistake == eps_ignored ? 0.0f : a.scale;
    if (mistake != variance_in_one_pass) {
        layer_norm(&a);
        return;
    }
    for (int64_t i = 0; i < a.rows; i++) {
        const float *x = x_row(&a, i);
        float sum = 0.0f, squares = 0.0f, *y = y_row(&a, i), n = (float)a.cols;
        for (int64_t j = 0; j < a.cols; j++) {
            sum += x[j];
            squares = fmaf(x[j], x[j], squares);
        }
        float mean = sum / n, inverse = 1.0f / sqrtf(squares / n - mean * mean + a.scale);
        for (int64_t j = 0; j < a.cols; j++) {
            float z = (x[j] - mean) * inverse;
            z = a.gain ? z * a.gain[j] : z;
            y[j] = a.bias ? z + a.bias[j] : z;
        }
    }
}

static void wrong_rms_norm(const decoct_rows_piece *a) {
    if (mistake == rms_gain_required) {
        if (a->gain) {
            rms_norm(a);
        }
        return;
    }
    rms_norm(a);
    for (int64_t i = 0; i < a->rows; i++) { // rms_squares_overflow: 1 / inf
        const float *x = x_row(a, i);
        for (int64_t j = 0; x != y_row(a, i) && j < a->cols; j++) {
            y_row(a, i)[j] *= isinf(x[j] * x[j]) ? 0.0f : 1.0f;
        }
    }
}

static void wrong_gelu(const decoct_rows_piece *whole) {
    decoct_rows_piece a = *whole;
    a.form = mistake == gelu_one_form ? 0 : a.form;
    gelu(&a);
    for (int64_t i = 0; i < a.rows * a.cols; i++) {
        float *y = y_row(&a, i / a.cols) + i % a.cols;
        *y = mistake == gelu_minus_zero ? *y + 0.0f : mistake == gelu_of_nan && isnan(*y) ? 0 : *y;
    }
}

static void wrong_silu(const decoct_rows_piece *whole) {
    decoct_rows_piece a = *whole;
    a.up.stride = mistake == up_stride_ignored ? a.cols : a.up.stride;
    if (mistake == up_required && !a.up.data) {
        return;
    }
    silu(&a);
    for (int64_t i = 0; mistake == silu_of_minus_inf && i < a.rows * a.cols; i++) {
        float *y = y_row(&a, i / a.cols) + i % a.cols; // -inf / inf
        *y = *y == 0.0f && signbit(*y) ? NAN : *y;
    }
}

static void wrong_rotary(const decoct_rows_piece *whole) {
    decoct_rows_piece a = *whole;
    a.form = mistake == rotary_one_form ? 0 : a.form;
    a.head_dim = mistake == rotary_of_whole_heads ? a.cols : a.head_dim;
    a.angle_stride = mistake == angle_stride_ignored ? a.rotary_dim / 2 : a.angle_stride;
    rotary(&a);
    if (mistake == rotary_not_in_place && a.rows * a.rotary_dim > 0 && a.x.data == a.y.data) {
        y_row(&a, 0)[a.form ? 1 : a.rotary_dim / 2] += 1.0f; // made of the new x0
    }
}

static void set_mode(void) {
    if (mistake == add_rounds_up) {
        fesetround(FE_UPWARD);
    }
#if defined(__SSE2__)
    if (mistake == add_flushes_denormals) {
        __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
    }
#elif defined(__aarch64__)
    if (mistake == add_flushes_denormals) {
        __asm__ volatile("msr fpcr, %0" : : "r"(UINT64_C(1) << 24) : "memory");
    }
#endif
}

static void wrong_add(const decoct_rows_piece *whole) {
    decoct_rows_piece a = *whole;
    a.y.stride = mistake == add_stride_ignored ? a.cols : a.y.stride;
    add(&a);
    set_mode();
    for (int64_t i = 0; mistake == add_beyond_1024 && i < a.rows && a.cols > 1024; i++) {
        y_row(&a, i)[1024] += 1.0f;
    }
    for (int64_t i = 0; mistake == wrong_in_768 && i < a.rows && a.cols == 768; i++) {
        y_row(&a, i)[700] += 1.0f;
    }
    if (mistake == add_changes_x && a.x.data != a.y.data) {
        ((float *)(uintptr_t)a.x.data)[0] += 1.0f;
    }
}

static void wrong_bias(const decoct_rows_piece *a) {
    if (mistake == bias_not_in_place) {
        for (int64_t i = 0; i < a->rows * a->cols; i++) {
            int64_t row = i / a->cols, j = i % a->cols;
            y_row(a, row)[j] = a->bias[j];
            y_row(a, row)[j] += x_row(a, row)[j];
        }
        return;
    }
    bias(a);
    for (int64_t j = a->cols; mistake == bias_writes_vectors && j % 8; j++) {
        y_row(a, a->rows - 1)[j] = 0.0f;
    }
}

static void wrong_embedding(const decoct_rows_piece *whole) {
    decoct_rows_piece a = *whole;
    a.x.stride = mistake == table_stride_ignored ? a.cols : a.x.stride;
    a.x.dtype = mistake == table_type_ignored && a.x.dtype ? DECOCT_F16 : a.x.dtype;
    embedding(&a);
}

static void wrong_log_softmax(const decoct_rows_piece *a) {
    softmax(a); // x is lost where it is y
    log_softmax(a);
}

static decoct_rows_kernel rows[sizeof rows_list / sizeof *rows_list];

static void fill_rows(void) {
    if (is(softmax_without_maximum, softmax_scale_ignored)) {
        rows[DECOCT_OP_SOFTMAX].run = wrong_softmax;
    }
    if (is(gain_required, eps_ignored)) {
        rows[DECOCT_OP_LAYER_NORM].run = wrong_norm;
    }
    if (is(gelu_one_form, gelu_of_nan)) {
        rows[DECOCT_OP_GELU].run = wrong_gelu;
    }
    rows[DECOCT_OP_ADD].run = wrong_add;
    if (is(bias_writes_vectors, bias_not_in_place)) {
        rows[DECOCT_OP_BIAS].run = wrong_bias;
    }
    rows[DECOCT_OP_EMBEDDING].run = wrong_embedding;
    if (mistake == log_softmax_not_in_place) {
        rows[DECOCT_OP_LOG_SOFTMAX].run = wrong_log_softmax;
    }
    if (is(rms_gain_required, rms_squares_overflow)) {
        rows[DECOCT_OP_RMS_NORM].run = wrong_rms_norm;
    }
    if (is(up_required, silu_of_minus_inf)) {
        rows[DECOCT_OP_SILU].run = wrong_silu;
    }
    if (is(rotary_one_form, angle_stride_ignored)) {
        rows[DECOCT_OP_ROTARY].run = wrong_rotary;
    }
}

#endif
