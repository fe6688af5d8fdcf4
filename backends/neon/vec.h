// SPDX-License-Identifier: BSD-2-Clause
// The 16 lanes on AArch64's NEON: four registers of 4.
#ifndef VEC_H
#define VEC_H

#include <arm_neon.h>
#include <stdint.h>
#ifdef DECOCT_SLEEF
#include <sleef.h>
#endif

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };
enum { EXP_VECS = 2 }; // of exp, side by side: docs/tuning.md
typedef struct vec {
    float32x4_t a, b, c, d;
} vec;

#define ALL1(op, x) ((vec){op((x).a), op((x).b), op((x).c), op((x).d)})
#define ALL2(op, x, y)                                                                             \
    ((vec){op((x).a, (y).a), op((x).b, (y).b), op((x).c, (y).c), op((x).d, (y).d)})

INLINE vec vec_set(float x) {
    float32x4_t q = vdupq_n_f32(x);
    return (vec){q, q, q, q};
}
INLINE vec vec_load(const float *p) {
    return (vec){vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)};
}
INLINE void vec_store(float *p, vec x) {
    vst1q_f32(p, x.a);
    vst1q_f32(p + 4, x.b);
    vst1q_f32(p + 8, x.c);
    vst1q_f32(p + 12, x.d);
}

// f16 becomes f32; a NaN becomes a quiet one.
#define F16_FEATURES 0
INLINE float32x4_t quad_f16(uint16x4_t q) {
    return vcvt_f32_f16(vreinterpret_f16_u16(q));
}
INLINE vec vec_load_f16(const uint16_t *p) {
    return (vec){quad_f16(vld1_u16(p)), quad_f16(vld1_u16(p + 4)), quad_f16(vld1_u16(p + 8)),
                 quad_f16(vld1_u16(p + 12))};
}
INLINE float32x4_t quad_bf16(uint16x4_t q) {
    return vreinterpretq_f32_u32(vshll_n_u16(q, 16));
}
INLINE vec vec_load_bf16(const uint16_t *p) {
    return (vec){quad_bf16(vld1_u16(p)), quad_bf16(vld1_u16(p + 4)), quad_bf16(vld1_u16(p + 8)),
                 quad_bf16(vld1_u16(p + 12))};
}

// NEON masks no memory: the first n elements of four by halves and singles; n may be any number.
INLINE float32x4_t quad_load_first(const float *p, int64_t n) {
    float32x4_t q = vdupq_n_f32(0.0f);
    if (n >= 4) {
        return vld1q_f32(p);
    }
    if (n >= 2) {
        q = vcombine_f32(vld1_f32(p), vdup_n_f32(0.0f));
    }
    return n == 3 ? vld1q_lane_f32(p + 2, q, 2) : n == 1 ? vld1q_lane_f32(p, q, 0) : q;
}
INLINE void quad_store_first(float *p, float32x4_t q, int64_t n) {
    if (n >= 4) {
        vst1q_f32(p, q);
        return;
    }
    if (n >= 2) {
        vst1_f32(p, vget_low_f32(q));
    }
    if (n == 3) {
        vst1q_lane_f32(p + 2, q, 2);
    } else if (n == 1) {
        vst1q_lane_f32(p, q, 0);
    }
}
// The first n < 16 elements; the other lanes are 0, the memory behind them is not touched.
INLINE vec vec_load_first(const float *p, int64_t n) {
    return (vec){quad_load_first(p, n), quad_load_first(p + 4, n - 4),
                 quad_load_first(p + 8, n - 8), quad_load_first(p + 12, n - 12)};
}
INLINE void vec_store_first(float *p, vec x, int64_t n) {
    quad_store_first(p, x.a, n);
    quad_store_first(p + 4, x.b, n - 4);
    quad_store_first(p + 8, x.c, n - 8);
    quad_store_first(p + 12, x.d, n - 12);
}

INLINE float32x4_t quad_blend_first(float32x4_t x, float32x4_t y, int64_t n) {
    const int32x4_t index = {0, 1, 2, 3};
    return vbslq_f32(vcltq_s32(index, vdupq_n_s32((int32_t)n)), x, y);
}
// x in lanes below n, y in the others.
INLINE vec vec_blend_first(vec x, vec y, int64_t n) {
    return (vec){quad_blend_first(x.a, y.a, n), quad_blend_first(x.b, y.b, n - 4),
                 quad_blend_first(x.c, y.c, n - 8), quad_blend_first(x.d, y.d, n - 12)};
}

INLINE vec vec_add(vec x, vec y) {
    return ALL2(vaddq_f32, x, y);
}
INLINE vec vec_sub(vec x, vec y) {
    return ALL2(vsubq_f32, x, y);
}
INLINE vec vec_mul(vec x, vec y) {
    return ALL2(vmulq_f32, x, y);
}
INLINE vec vec_div(vec x, vec y) {
    return ALL2(vdivq_f32, x, y);
}
// FMAX and FMIN: NaN if either is NaN. FMAXNM and FMINNM would return the other operand, and exp of
// a NaN would be exp of the bound that it is clamped to. Elsewhere it does not matter which operand
// wins against a NaN, or of -0 and +0: the row becomes NaN in any case, and exp(-0) = exp(+0).
INLINE vec vec_max(vec x, vec y) {
    return ALL2(vmaxq_f32, x, y);
}
INLINE vec vec_min(vec x, vec y) {
    return ALL2(vminq_f32, x, y);
}
INLINE float32x4_t quad_copy_sign(float32x4_t x, float32x4_t y) {
    return vbslq_f32(vdupq_n_u32(0x80000000u), y, x);
}
// x >= 0 with the sign of y.
INLINE vec vec_copy_sign(vec x, vec y) {
    return ALL2(quad_copy_sign, x, y);
}
INLINE vec vec_fma(vec x, vec y, vec z) { // x y + z
    return (vec){vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b), vfmaq_f32(z.c, x.c, y.c),
                 vfmaq_f32(z.d, x.d, y.d)};
}

// x of the rows of a register tile at one step. FMLA multiplies with one element of a register, so
// packed rows come four or two with one load and are not broadcast. Rows apart come by LD1R, which
// takes a turn of the multipliers' own pipes: 24 FMLAs take 14.5 cycles instead of 12 on N1.
#define VEC_FACTORS
typedef struct factors {
    float32x4_t low, high;
    const float *x;
    int64_t stride;
    int loaded;
} factors;
INLINE factors factors_take(int rows, int packed, const float *const *row, int64_t stride) {
    const float *x = row[0];
    factors f = {.x = x, .stride = stride};
    if (packed && rows >= 4) {
        f.low = vld1q_f32(x);
        f.loaded = 4;
    }
    if (packed && rows == 6) {
        f.high = vcombine_f32(vld1_f32(x + 4), vdup_n_f32(0.0f));
        f.loaded = 6;
    }
    return f;
}
// x[r] y + z.
INLINE vec factors_fma(factors f, int r, vec y, vec z) {
    float x = r >= f.loaded ? f.x[r * f.stride] : r < 4 ? f.low[r & 3] : f.high[r & 3];
    return (vec){vfmaq_n_f32(z.a, y.a, x), vfmaq_n_f32(z.b, y.b, x), vfmaq_n_f32(z.c, y.c, x),
                 vfmaq_n_f32(z.d, y.d, x)};
}

// p 2^n in two steps, as the scalar backend has it: 2^n itself need not exist.
INLINE float32x4_t quad_scale(float32x4_t p, float32x4_t shifted, float32x4_t magic) {
    int32x4_t n = vsubq_s32(vreinterpretq_s32_f32(shifted), vreinterpretq_s32_f32(magic));
    int32x4_t half = vshrq_n_s32(n, 1), rest = vsubq_s32(n, half), bias = vdupq_n_s32(127);
    p = vmulq_f32(p, vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(half, bias), 23)));
    return vmulq_f32(p, vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(rest, bias), 23)));
}
// p 2^n where n = shifted - magic, both of the same exponent, rounded once.
INLINE vec vec_scale(vec p, vec shifted, vec magic) {
    return (vec){quad_scale(p.a, shifted.a, magic.a), quad_scale(p.b, shifted.b, magic.b),
                 quad_scale(p.c, shifted.c, magic.c), quad_scale(p.d, shifted.d, magic.d)};
}

// For vec_exp: with |x| < 86, n = x / ln 2 is within [-125, 125] and p within [0.7, 1.42].
#define VEC_EXP_WITHIN 86.0f
INLINE int vec_all_within(int count, const vec *x, float bound) { // false for NaN
    const float32x4_t limit = vdupq_n_f32(bound);
    uint32x4_t all = vdupq_n_u32(~0u);
    for (int i = 0; i < count; i++) {
        uint32x4_t ab = vandq_u32(vcaltq_f32(x[i].a, limit), vcaltq_f32(x[i].b, limit));
        uint32x4_t cd = vandq_u32(vcaltq_f32(x[i].c, limit), vcaltq_f32(x[i].d, limit));
        all = vandq_u32(all, vandq_u32(ab, cd));
    }
    return vminvq_u32(all) != 0;
}
INLINE float32x4_t quad_scale_within(float32x4_t p, float32x4_t shifted) {
    int32x4_t n = vshlq_n_s32(vreinterpretq_s32_f32(shifted), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), n));
}
// p 2^n; the low bits of `shifted` are n, and the shift leaves nothing else.
INLINE vec vec_scale_within(vec p, vec shifted) {
    return ALL2(quad_scale_within, p, shifted);
}

// 8+8, 4+4, 2+2, 1+1.
INLINE float vec_fold(vec x) {
    float32x4_t four = vaddq_f32(vaddq_f32(x.a, x.c), vaddq_f32(x.b, x.d));
    float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
INLINE float vec_fold_max(vec x) {
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(x.a, x.b), vmaxq_f32(x.c, x.d)));
}

INLINE uint16x8_t halves(uint32x4_t low, uint32x4_t high) {
    return vcombine_u16(vmovn_u32(low), vmovn_u32(high));
}
INLINE uint32x4_t quad_is_hidden(float32x4_t q) {
    return vceqq_f32(q, vdupq_n_f32(-__builtin_inff()));
}
// Bit i set: lane i is -inf. NEON has no movemask: each lane brings its own bit, and these are
// added.
INLINE uint32_t vec_hidden(vec x) {
    const uint16x8_t low = {1, 2, 4, 8, 16, 32, 64, 128};
    const uint16x8_t bits = vandq_u16(halves(quad_is_hidden(x.a), quad_is_hidden(x.b)), low);
    const uint16x8_t high = vshlq_n_u16(low, 8);
    return vaddvq_u16(
        vorrq_u16(bits, vandq_u16(halves(quad_is_hidden(x.c), quad_is_hidden(x.d)), high)));
}
INLINE float32x4_t quad_hide(float32x4_t x, float32x4_t y) {
    return vbslq_f32(quad_is_hidden(y), vdupq_n_f32(-__builtin_inff()), x);
}
// x, but -inf in the lanes where y is -inf.
INLINE vec vec_hide(vec x, vec y) {
    return ALL2(quad_hide, x, y);
}

// A slice of a vec: SQUARE lanes.
enum { SQUARE = 4 };
typedef float32x4_t slice;
INLINE slice slice_set(float x) {
    return vdupq_n_f32(x);
}
INLINE slice slice_load(const float *p) {
    return vld1q_f32(p);
}
INLINE void slice_store(float *p, slice a) {
    vst1q_f32(p, a);
}
INLINE slice slice_fma(slice a, slice b, slice c) {
    return vfmaq_f32(c, a, b);
}
// The columns of a square: `rows` (<= SQUARE, the others count as 0) rows of floats from `from` on.
// Pairs, then the halves change places.
INLINE void slice_turn(const float *from, int64_t from_stride, int64_t rows, slice to[SQUARE]) {
    float32x4_t r[4];
    for (int i = 0; i < 4; i++) {
        r[i] = i < rows ? vld1q_f32(from + i * from_stride) : vdupq_n_f32(0.0f);
    }
    float64x2_t even_low = vreinterpretq_f64_f32(vtrn1q_f32(r[0], r[1]));
    float64x2_t odd_low = vreinterpretq_f64_f32(vtrn2q_f32(r[0], r[1]));
    float64x2_t even_high = vreinterpretq_f64_f32(vtrn1q_f32(r[2], r[3]));
    float64x2_t odd_high = vreinterpretq_f64_f32(vtrn2q_f32(r[2], r[3]));
    to[0] = vreinterpretq_f32_f64(vtrn1q_f64(even_low, even_high));
    to[1] = vreinterpretq_f32_f64(vtrn1q_f64(odd_low, odd_high));
    to[2] = vreinterpretq_f32_f64(vtrn2q_f64(even_low, even_high));
    to[3] = vreinterpretq_f32_f64(vtrn2q_f64(odd_low, odd_high));
}

// Neighbours change places.
INLINE vec vec_swap_pairs(vec x) {
    return ALL1(vrev64q_f32, x);
}
// The first 8 lanes, each of them twice.
INLINE vec vec_twice(vec x) {
    return (vec){vzip1q_f32(x.a, x.a), vzip2q_f32(x.a, x.a), vzip1q_f32(x.b, x.b),
                 vzip2q_f32(x.b, x.b)};
}

#ifdef DECOCT_SLEEF
#define VEC_ERF
INLINE vec vec_erf(vec x) {
    return ALL1(Sleef_finz_erff4_u10advsimd, x);
}
#endif

#endif
