// SPDX-License-Identifier: BSD-2-Clause
// What the scalar kernels share: exp, the lanes of a row reduction, and the types of stored
// numbers.
#ifndef SCALAR_H
#define SCALAR_H

#if defined(__FMA__) || defined(__aarch64__)
#define HAVE_FMA 1
#else
#define HAVE_FMA 0
#endif

#include <decoct/backend.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { LANES = DECOCT_LANES, KEYS = DECOCT_KEY_BLOCK, PART = DECOCT_KEY_PART };

extern const decoct_matmul_kernels backend_matmul;
extern const decoct_attention_kernels backend_attention;
extern const decoct_rows_kernels backend_rows;
void backend_pack_keys(const decoct_keys_piece *a);

static inline float from_bits(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t to_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

// ---- Stored numbers: each becomes the f32 of the same value ----

static inline float from_bf16(uint16_t stored) {
    return from_bits((uint32_t)stored << 16);
}

// A NaN becomes a quiet one.
static inline float from_f16(uint16_t stored) {
    uint32_t sign = (uint32_t)(stored & 0x8000u) << 16, size = stored & 0x7fffu;
    if (size >= 0x7c00u) {
        return from_bits(sign | 0x7f800000u | size << 13 | (size > 0x7c00u ? 0x00400000u : 0u));
    }
    float value =
        from_bits(size << 13) * 0x1p112f; // exact; also where the stored one is a denormal
    return from_bits(sign | to_bits(value));
}

// Number i of an array.
static inline float stored_at(decoct_dtype dtype, const void *data, int64_t i) {
    return dtype == DECOCT_F32   ? ((const float *)data)[i]
           : dtype == DECOCT_F16 ? from_f16(((const uint16_t *)data)[i])
                                 : from_bf16(((const uint16_t *)data)[i]);
}

// ---- exp, and sums ----

// exp(x) = 2^n exp(r) with n = rint(x / ln 2), r = x - n ln 2, and exp(r) by a polynomial of
// degree 6. Coefficients: minimax in relative error on |r| <= ln 2 / 2 with 1 and 1 for the first
// two, rounded to f32 one after the other with a new fit of the rest (error 0.053 of 2^-24). At
// most 1 ULP from the exact value for every float; checked over all of them by tests/check_exp.c.
static inline float exp_canonical(float x) {
    const float magic = 0x1.8p23f; // 1.5 * 2^23: adding it leaves n in the low bits
    x = -104.0f > x ? -104.0f : x; // below: 0. Written so that NaN passes through.
    x = 89.0f < x ? 89.0f : x;     // above: inf
    float shifted = fmaf(x, 0x1.715476p+0f, magic);
    float n = shifted - magic;
    float r = fmaf(n, -0x1.62e4p-1f, x); // ln 2 in two parts
    r = fmaf(n, -0x1.7f7d1cp-20f, r);
    float p = 0x1.6a5426p-10f;
    p = fmaf(p, r, 0x1.12398cp-7f);
    p = fmaf(p, r, 0x1.5558aap-5f);
    p = fmaf(p, r, 0x1.555492p-3f);
    p = fmaf(p, r, 0x1.fffffcp-2f);
    p = fmaf(p, r, 1.0f);
    p = fmaf(p, r, 1.0f);
    // In two steps, so that 2^n itself need not exist; only the second one can round.
    int32_t whole = (int32_t)(to_bits(shifted) - to_bits(magic));
    int32_t half = whole >> 1;
    float scale1 = from_bits((uint32_t)(half + 127) << 23);
    float scale2 = from_bits((uint32_t)(whole - half + 127) << 23);
    return p * scale1 * scale2; // NaN stays NaN: p is
}

// tanh(x) = e / (e + 2) with e = exp(2 |x|) - 1, and the sign of x. With n and r as above, e is 2^n
// (exp(r) - 1) + (2^n - 1), so that a small x loses nothing. From |x| = 10 on it is 1. At most 2.7
// ULP from the exact value; checked by tests/check_exp.c.
static inline float tanh_canonical(float x) {
    const float magic = 0x1.8p23f;
    float size = 10.0f < fabsf(x) ? 10.0f : fabsf(x); // written so that NaN passes through
    float twice = size + size;
    float shifted = fmaf(twice, 0x1.715476p+0f, magic);
    float n = shifted - magic;
    float r = fmaf(n, -0x1.62e4p-1f, twice);
    r = fmaf(n, -0x1.7f7d1cp-20f, r);
    float p = 0x1.6a5426p-10f; // exp(r) - 1 = r + r^2 p, with the coefficients of exp
    p = fmaf(p, r, 0x1.12398cp-7f);
    p = fmaf(p, r, 0x1.5558aap-5f);
    p = fmaf(p, r, 0x1.555492p-3f);
    p = fmaf(p, r, 0x1.fffffcp-2f);
    p = fmaf(r * r, p, r);
    float scale = from_bits((to_bits(shifted) - to_bits(magic) + 127) << 23); // 2^n, n in [0, 29]
    float e = fmaf(p, scale, scale - 1.0f);
    return copysignf(e / (e + 2.0f), x);
}

// The lanes of a row reduction: those of the present chunk, and the totals of the chunks before.
typedef struct lanes {
    float part[LANES], total[LANES];
} lanes;

static inline void close_chunk(lanes *sum) {
    for (int i = 0; i < LANES; i++) {
        sum->total[i] += sum->part[i];
        sum->part[i] = 0.0f;
    }
}

// The lane of element i. Elements come in order.
static inline float *lane_of(lanes *sum, int64_t i) {
    if (i > 0 && i % DECOCT_SUM_CHUNK == 0) {
        close_chunk(sum);
    }
    return &sum->part[i % LANES];
}

// 8+8, 4+4, 2+2, 1+1.
static inline float fold(lanes *sum) {
    close_chunk(sum);
    for (int width = LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) {
            sum->total[i] += sum->total[i + width];
        }
    }
    return sum->total[0];
}

#endif
