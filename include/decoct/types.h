// SPDX-License-Identifier: BSD-2-Clause
/**
 * @file types.h
 * @brief Types of stored numbers, and the row operations: what decoct.h and backend.h share.
 *
 * Constants are spelled out for parsers of other languages; a test compares them with dtypes.def
 * and ops.def, where each type and each operation is described once.
 */
#ifndef DECOCT_TYPES_H
#define DECOCT_TYPES_H

#include <stdint.h>

/** A type of stored numbers: one of the values below. */
typedef int32_t decoct_dtype;
enum {
    DECOCT_F32 = 0, /**< IEEE 754 binary32 */
    DECOCT_F16 = 1, /**< IEEE 754 binary16 */
    DECOCT_BF16 = 2 /**< the upper half of an f32 */
};

/** An operation on rows: one of the values below. decoct_op_name() has the names. */
typedef int32_t decoct_op;
enum {
    DECOCT_OP_SOFTMAX = 0,    /**< y = softmax(scale x) */
    DECOCT_OP_LAYER_NORM = 1, /**< y = (x - mean) / sqrt(variance + eps) * gain + bias */
    DECOCT_OP_GELU = 2,       /**< y = GELU(x), in the form DECOCT_GELU_TANH or DECOCT_GELU_ERF */
    DECOCT_OP_ADD = 3,        /**< y += x */
    DECOCT_OP_BIAS = 4,       /**< y = x + bias */
    DECOCT_OP_EMBEDDING = 5,  /**< y[i] = x[ids[i]]: rows of a table */
    DECOCT_OP_AXPBY = 6,      /**< y = fma(scale, x, beta y) + bias; beta 0: y = scale x + bias */
    /** y = (z - max z) - log(sum of exp(z - max z)), z = scale x: the logarithm of a softmax.
     * Elements of z that are -inf give -inf. A NaN or +inf in z makes its row NaN, and so does a
     * row of -inf only. Accuracy, with u = 2^-24: |error| <= u (|z - max z| + 3 |y| + ln cols +
     * cols / 16 + 8) where scale is a power of two; elsewhere z is rounded first, which adds
     * u (|z| + max |z|). */
    DECOCT_OP_LOG_SOFTMAX = 7,
    /** y = x / sqrt(mean of x^2 + eps) * gain (Zhang and Sennrich 2019). A row of zeros gives
     * zeros, also with eps 0. A NaN makes its row NaN; an infinity becomes NaN and all other
     * elements of its row 0. Accuracy: with t = min(cols, 1024) / 16 + cols / 1024 + 6 roundings of
     * a sum, |error| <= u (t / 2 + 6) |y| + 2^-149 (1 + |gain|), as long as the mean of x^2 + eps
     * is at least 2^-100. Rows up to the largest number are fine: where |x| reaches 2^40, a power
     * of two is taken out first. */
    DECOCT_OP_RMS_NORM = 8,
    /** y = x / (1 + exp(-x)) * up: a gated SiLU (Shazeer 2020); without up, SiLU. SiLU(-inf) is -0,
     * as of every large negative x, SiLU(inf) is inf. Accuracy: |error| <= 5 u |y| +
     * 2^-128 |x up| + 2^-149 (1 + |up|). */
    DECOCT_OP_SILU = 9,
    /** Rotary position embedding (Su et al. 2021): in each head of head_dim columns, pair i of the
     * first rotary_dim is turned: y0 = fma(x0, c, -(x1 s)), y1 = fma(x1, c, x0 s), c = cosine[i], s
     * = sine[i] of the row (decoct_rotary_angles). The other columns are copied. Pair i is columns
     * i and rotary_dim / 2 + i in the form DECOCT_ROTARY_HALVES, 2 i and 2 i + 1 in
     * DECOCT_ROTARY_PAIRS. Accuracy: |error| <= 2 u (|x0| + |x1|) max(|c|, |s|) + 2^-148. */
    DECOCT_OP_ROTARY = 10
};

/** Forms of the GELU (Hendrycks and Gimpel 2016). */
enum {
    DECOCT_GELU_TANH = 0, /**< x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): GPT-1 and GPT-2 */
    DECOCT_GELU_ERF = 1   /**< x/2 (1 + erf(x / sqrt 2)) */
};

/** Which columns make a pair in a rotary position embedding. */
enum {
    DECOCT_ROTARY_HALVES = 0, /**< column i of the first half and of the second: Hugging Face */
    DECOCT_ROTARY_PAIRS = 1   /**< neighbours */
};

#endif
