// SPDX-License-Identifier: BSD-2-Clause
// The operations on rows, by definition.
#include "scalar.h"

static const float *x_row(const decoct_rows_piece *a, int64_t i) {
    return (const float *)a->x.data + i * a->x.stride;
}

static float *y_row(const decoct_rows_piece *a, int64_t i) {
    return (float *)a->y.data + i * a->y.stride;
}

static void softmax(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        decoct_reference_softmax(a->cols, x_row(a, i), a->scale, y_row(a, i));
    }
}

static void log_softmax(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        decoct_reference_log_softmax(a->cols, x_row(a, i), a->scale, y_row(a, i));
    }
}

static void layer_norm(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        decoct_reference_layer_norm(a->cols, x_row(a, i), a->scale, a->gain, a->bias, y_row(a, i));
    }
}

static void rms_norm(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        decoct_reference_rms_norm(a->cols, x_row(a, i), a->scale, a->gain, y_row(a, i));
    }
}

static void gelu(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i);
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] = a->form == DECOCT_GELU_TANH ? decoct_reference_gelu_tanh(x[j])
                                               : decoct_reference_gelu_erf(x[j]);
        }
    }
}

static void silu(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i), *up = a->up.data;
        float *y = y_row(a, i);
        for (int64_t j = 0; j < a->cols; j++) {
            float z = decoct_reference_silu(x[j]);
            y[j] = up ? z * up[i * a->up.stride + j] : z;
        }
    }
}

static void add(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i);
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] += x[j];
        }
    }
}

static void bias(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i);
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] = x[j] + a->bias[j];
        }
    }
}

static void embedding(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        float *y = y_row(a, i);
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] = decoct_reference_load(a->x.dtype, a->x.data, a->ids[i] * a->x.stride + j);
        }
    }
}

static void axpby(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i);
        for (int64_t j = 0; j < a->cols; j++) {
            float sum = a->beta == 0.0f ? a->scale * x[j] : fmaf(a->scale, x[j], a->beta * y[j]);
            y[j] = a->bias ? sum + a->bias[j] : sum;
        }
    }
}

// Pair i of a head is columns i and rotary_dim / 2 + i in form 0, 2 i and 2 i + 1 in form 1.
static void rotary(const decoct_rows_piece *a) {
    const int64_t half = a->rotary_dim / 2, step = a->form == 0 ? 1 : 2;
    const int64_t other = a->form == 0 ? half : 1;
    for (int64_t i = 0; i < a->rows; i++) {
        const float *c = a->cosine + i * a->angle_stride, *s = a->sine + i * a->angle_stride;
        for (int64_t head = 0; head < a->cols; head += a->head_dim) {
            const float *x = x_row(a, i) + head;
            float *y = y_row(a, i) + head;
            for (int64_t j = 0; j < half; j++) {
                float x0 = x[j * step], x1 = x[j * step + other];
                y[j * step] = fmaf(x0, c[j], -(x1 * s[j]));
                y[j * step + other] = fmaf(x1, c[j], x0 * s[j]);
            }
            for (int64_t j = a->rotary_dim; j < a->head_dim; j++) {
                y[j] = x[j];
            }
        }
    }
}

enum { ANY_DTYPE = 1 << DECOCT_F32 | 1 << DECOCT_F16 | 1 << DECOCT_BF16 };

static const decoct_rows_kernel rows_list[] = {
    [DECOCT_OP_SOFTMAX] = {.run = softmax},
    [DECOCT_OP_LAYER_NORM] = {.run = layer_norm},
    [DECOCT_OP_GELU] = {.run = gelu},
    [DECOCT_OP_ADD] = {.run = add},
    [DECOCT_OP_BIAS] = {.run = bias},
    [DECOCT_OP_AXPBY] = {.run = axpby},
    [DECOCT_OP_EMBEDDING] = {.run = embedding, .x_dtypes = ANY_DTYPE},
    [DECOCT_OP_LOG_SOFTMAX] = {.run = log_softmax},
    [DECOCT_OP_RMS_NORM] = {.run = rms_norm},
    [DECOCT_OP_SILU] = {.run = silu},
    [DECOCT_OP_ROTARY] = {.run = rotary},
};
const decoct_rows_kernels backend_rows = DECOCT_KERNELS(rows_list);
