// SPDX-License-Identifier: BSD-2-Clause
/**
 * @file rows.h
 * @brief The part of decoct.h with the operations on rows: softmax, norms, activations, ...
 *
 * Include decoct.h, which also states the conventions.
 */
#ifndef DECOCT_ROWS_H
#define DECOCT_ROWS_H

#include <decoct/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * y = softmax(scale * x) for each of `rows` rows of `cols` elements; scale 0 means 1,
 * else it is finite. y may be x. exp(z - max z) / sum of them, z = scale * x. Elements of z that
 * are -inf give 0 and a row of -inf only gives zeros; a NaN or +inf in z makes its row NaN,
 * also where a finite x overflows. Errors: DECOCT_E_ARGUMENT.
 * Accuracy: |error| <= u (|z - max z| + 6 + cols / 16) y + 2^-149 where scale
 * is a power of two; elsewhere z is rounded first, which adds u (|z| + |max z|) y.
 */
DECOCT_API decoct_status decoct_softmax(decoct_context *ctx, int64_t rows, int64_t cols,
                                        float scale, const float *x, int64_t x_stride, float *y,
                                        int64_t y_stride);

/**
 * Layer normalisation (Ba, Kiros, Hinton 2016): y = (x - mean) / sqrt(variance + eps) * gain + bias
 * for each row; gain and bias (cols) or NULL for 1 and 0; eps is finite and
 * not negative. y may be x. A NaN or an infinity makes
 * its row NaN. A row of equal elements gives the bias, also with eps 0. Errors: DECOCT_E_ARGUMENT.
 *
 * Accuracy: with s = sqrt(variance + eps), z = (x - mean) / s, A the mean of |x|, t = min(cols,
 * 1024) / 16 + cols / 1024 + 6 roundings of a sum, e = t u A / s and rho = (t + 6) u (1 + e)^2:
 *   |error| <= (2 rho (1 + |z|) + 2^-149 (t + 2) / s) |gain| + u (|z gain| + |y|) + 2^-149
 * as long as rho <= 1/4, and eps > 0 or the variance at least 2^-100. Beyond that a row's elements
 * differ by less than the rounding of their sum: the results are finite, and 5 s / sqrt(eps) times
 * the first term bounds them.
 */
DECOCT_API decoct_status decoct_layer_norm(decoct_context *ctx, int64_t rows, int64_t cols,
                                           float eps, const float *gain, const float *bias,
                                           const float *x, int64_t x_stride, float *y,
                                           int64_t y_stride);

/**
 * y = GELU(x) element by element, in the form DECOCT_GELU_TANH or DECOCT_GELU_ERF. y may be x.
 * GELU(-inf) is -0, as of every large negative x, GELU(inf) is inf. Errors: DECOCT_E_ARGUMENT.
 * Accuracy: tanh form |error| <= u (6 + 4 |t|) |y| + 2^-128 |x| + 2^-149 with t = 2 sqrt(2/pi) (x +
 * 0.044715 x^3); erf form |error| <= 5 u |x| + 2^-149.
 */
DECOCT_API decoct_status decoct_gelu(decoct_context *ctx, int32_t form, int64_t rows, int64_t cols,
                                     const float *x, int64_t x_stride, float *y, int64_t y_stride);
/** y += x, the residual connection. x may be y. Accuracy: rounded once. Errors: DECOCT_E_ARGUMENT.
 */
DECOCT_API decoct_status decoct_add(decoct_context *ctx, int64_t rows, int64_t cols, const float *x,
                                    int64_t x_stride, float *y, int64_t y_stride);
/** y += bias on each row, bias (cols). Accuracy: rounded once. Errors: DECOCT_E_ARGUMENT. */
DECOCT_API decoct_status decoct_bias(decoct_context *ctx, int64_t rows, int64_t cols,
                                     const float *bias, float *y, int64_t y_stride);
/** y[i] = table[ids[i]] for i in [0, rows); table (table_rows, cols), row stride 0 means cols.
 * Exact: it copies, also NaNs. Errors: DECOCT_E_ARGUMENT, also when an id is outside the table
 * (nothing is written then). */
DECOCT_API decoct_status decoct_embedding(decoct_context *ctx, int64_t rows, int64_t cols,
                                          const int32_t *ids, const float *table,
                                          int64_t table_rows, int64_t table_stride, float *y,
                                          int64_t y_stride);

/** Any operation on rows: its flat call above says what it computes and how accurate it is; for
 * operations without a flat call, their value in types.h says so. */
typedef struct decoct_rows_args {
    uint32_t struct_size; /**< sizeof(decoct_rows_args) */
    decoct_op op;         /**< DECOCT_OP_ */
    int64_t rows, cols;   /**< of y */
    const void *x;        /**< (rows, cols); with ids (table_rows, cols) */
    int64_t x_stride;     /**< 0: cols */
    decoct_dtype x_dtype; /**< DECOCT_F32; a table of an embedding may have any type */
    int32_t form;         /**< a variant, such as DECOCT_GELU_ERF */
    float *y;             /**< (rows, cols); may be x, unless there are ids */
    int64_t y_stride;     /**< 0: cols */
    const float *up;      /**< (rows, cols), the second input of a gated operation; NULL: 1 */
    int64_t up_stride;    /**< 0: cols */
    const float *gain;    /**< (cols); NULL: 1 */
    const float *bias;    /**< (cols); NULL: 0 */
    const int32_t *ids;   /**< (rows), which row of x each row is */
    int64_t table_rows;   /**< of x, where there are ids */
    float scale;          /**< a factor for x; 0: 1 */
    float eps;            /**< of norms; finite, not negative */
    float beta;           /**< a factor for y; 0: y is not read */
    int32_t reserved;     /**< 0 */
    const float *cosine;  /**< (rows, rotary_dim / 2), from decoct_rotary_angles */
    const float *sine;    /**< the same */
    int64_t angle_stride; /**< of both; 0: rotary_dim / 2 */
    int64_t head_dim;     /**< columns of a head, divides cols; 0: cols */
    int64_t rotary_dim;   /**< columns of a head that are turned, even; 0: all (all but the last
                               one if head_dim is odd) */
} decoct_rows_args;

/** Runs an operation on rows. Operands that it does not read must be NULL or 0. Errors:
 * DECOCT_E_ARGUMENT. */
DECOCT_API decoct_status decoct_rows(decoct_context *ctx, const decoct_rows_args *args);

/** The angles of a rotary position embedding. */
typedef struct decoct_rotary_args {
    uint32_t struct_size;     /**< sizeof(decoct_rotary_args) */
    int32_t reserved;         /**< 0 */
    int64_t rows;             /**< positions */
    int64_t rotary_dim;       /**< even */
    int64_t first_position;   /**< of row 0; row i: + i. 0 with `positions` */
    const int32_t *positions; /**< (rows), or NULL; none beyond 2^24 or below -2^24 */
    const float *frequencies; /**< (rotary_dim / 2), within [-64, 64]; NULL: theta^(-2 i /
                                   rotary_dim). Scaled embeddings (linear, llama3, YaRN) have
                                   frequencies of their own */
    float theta;              /**< finite, at least 1; 0: 10000. 0 with `frequencies` */
    float scale;              /**< a factor for cosines and sines, finite; 0: 1 */
    float *cosine, *sine;     /**< (rows, rotary_dim / 2): the results */
    int64_t stride;           /**< of both; 0: rotary_dim / 2 */
} decoct_rotary_args;
/**
 * The cosines and sines for DECOCT_OP_ROTARY: once for a prompt, to be used in all layers, for
 * queries and keys. The angle is position * frequency, rounded to f32; frequencies by theta are
 * rounded to f32, too. Cosine and sine of that angle are computed in double, by a fixed sequence
 * that needs no mathematical library, so that every system gives the same bits.
 * Accuracy: frequency and scale * cosine or sine are within 0.51 ULP. Errors: DECOCT_E_ARGUMENT.
 */
DECOCT_API decoct_status decoct_rotary_angles(decoct_context *ctx, const decoct_rotary_args *args);

/** The name of an operation, "layer_norm"; NULL if there is no such operation. */
DECOCT_API const char *decoct_op_name(decoct_op op);
/** The name of a type, "bf16"; NULL if there is no such type. */
DECOCT_API const char *decoct_dtype_name(decoct_dtype dtype);

#ifdef __cplusplus
}
#endif
#endif
