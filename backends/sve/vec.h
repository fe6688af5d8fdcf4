// SPDX-License-Identifier: BSD-2-Clause
// The 16 lanes on AArch64's SVE, whose registers have VECTOR_BITS: one register of 512 bits, two of
// 256 or four of 128. This is right only on a thread whose registers have that length.
#ifndef VEC_H
#define VEC_H

#include <arm_sve.h>
#include <stdint.h>
#ifdef DECOCT_SLEEF
#include <sleef.h>
#endif

#if __ARM_FEATURE_SVE_BITS != VECTOR_BITS
#error "compile with -msve-vector-bits=VECTOR_BITS"
#endif

#define INLINE static inline __attribute__((always_inline))
#define SVE_FIXED __attribute__((arm_sve_vector_bits(VECTOR_BITS)))

typedef svfloat32_t sve_f32 SVE_FIXED;

enum { LANES = 16, PART_LANES = VECTOR_BITS / 32, PARTS = LANES / PART_LANES };
enum { EXP_VECS = 2 }; // of exp, side by side: docs/tuning.md
typedef struct vec {
    sve_f32 v[PARTS];
} vec;

#define EVERY svptrue_b32()
// For each register i of a vec: a loop of 1, 2 or 4 rounds that is always unrolled.
#define EACH_PART(i) _Pragma("GCC unroll 4") for (int i = 0; i < PARTS; i++)

INLINE vec vec_set(float x) {
    vec to;
    EACH_PART(i) {
        to.v[i] = svdup_f32(x);
    }
    return to;
}
INLINE vec vec_load(const float *p) {
    vec to;
    EACH_PART(i) {
        to.v[i] = svld1(EVERY, p + i * PART_LANES);
    }
    return to;
}
INLINE void vec_store(float *p, vec x) {
    EACH_PART(i) {
        svst1(EVERY, p + i * PART_LANES, x.v[i]);
    }
}

// f16 becomes f32; a NaN becomes a quiet one. Each number is loaded into the low half of its lane.
#define F16_FEATURES 0
INLINE vec vec_load_f16(const uint16_t *p) {
    vec to;
    EACH_PART(i) {
        svuint32_t wide = svld1uh_u32(EVERY, p + i * PART_LANES);
        to.v[i] = svcvt_f32_f16_x(EVERY, svreinterpret_f16_u32(wide));
    }
    return to;
}
INLINE vec vec_load_bf16(const uint16_t *p) {
    vec to;
    EACH_PART(i) {
        svuint32_t wide = svld1uh_u32(EVERY, p + i * PART_LANES);
        to.v[i] = svreinterpret_f32_u32(svlsl_x(EVERY, wide, 16));
    }
    return to;
}

// The lanes of register i that are below n, for any n.
INLINE svbool_t sve_first(int i, int64_t n) {
    return svwhilelt_b32((int64_t)i * PART_LANES, n);
}
// The first n < 16 elements; the other lanes are 0, the memory behind them is not touched.
INLINE vec vec_load_first(const float *p, int64_t n) {
    vec to;
    EACH_PART(i) {
        to.v[i] = svld1(sve_first(i, n), p + i * PART_LANES);
    }
    return to;
}
INLINE void vec_store_first(float *p, vec x, int64_t n) {
    EACH_PART(i) {
        svst1(sve_first(i, n), p + i * PART_LANES, x.v[i]);
    }
}
// x in lanes below n, y in the others.
INLINE vec vec_blend_first(vec x, vec y, int64_t n) {
    EACH_PART(i) {
        y.v[i] = svsel(sve_first(i, n), x.v[i], y.v[i]);
    }
    return y;
}

INLINE vec vec_add(vec x, vec y) {
    EACH_PART(i) {
        x.v[i] = svadd_x(EVERY, x.v[i], y.v[i]);
    }
    return x;
}
INLINE vec vec_sub(vec x, vec y) {
    EACH_PART(i) {
        x.v[i] = svsub_x(EVERY, x.v[i], y.v[i]);
    }
    return x;
}
INLINE vec vec_mul(vec x, vec y) {
    EACH_PART(i) {
        x.v[i] = svmul_x(EVERY, x.v[i], y.v[i]);
    }
    return x;
}
INLINE vec vec_div(vec x, vec y) {
    EACH_PART(i) {
        x.v[i] = svdiv_x(EVERY, x.v[i], y.v[i]);
    }
    return x;
}
// FMAX and FMIN: NaN if either is NaN, as on NEON (backends/neon/vec.h says why).
INLINE vec vec_max(vec x, vec y) {
    EACH_PART(i) {
        x.v[i] = svmax_x(EVERY, x.v[i], y.v[i]);
    }
    return x;
}
INLINE vec vec_min(vec x, vec y) {
    EACH_PART(i) {
        x.v[i] = svmin_x(EVERY, x.v[i], y.v[i]);
    }
    return x;
}
// x >= 0 with the sign of y.
INLINE vec vec_copy_sign(vec x, vec y) {
    EACH_PART(i) {
        svuint32_t sign = svand_x(EVERY, svreinterpret_u32_f32(y.v[i]), 0x80000000u);
        x.v[i] = svreinterpret_f32_u32(svorr_x(EVERY, svreinterpret_u32_f32(x.v[i]), sign));
    }
    return x;
}
INLINE vec vec_fma(vec x, vec y, vec z) { // x y + z
    EACH_PART(i) {
        z.v[i] = svmla_x(EVERY, z.v[i], x.v[i], y.v[i]);
    }
    return z;
}

// x of the rows of a register tile at one step. Packed rows come four with one load, which repeats
// them in every 128 bits of a register, and FMLA multiplies with one of the four. It may read
// beyond the last row, where tile_pack has room. Rows apart come one by one.
#define VEC_FACTORS
enum { FOURS = 6 }; // in the highest tile of sheet.h
typedef struct factors {
    sve_f32 four[FOURS];
    const float *const *row; // every third one: see tile_x
    int64_t stride;
    int packed;
} factors;
INLINE factors factors_take(int rows, int packed, const float *const *row, int64_t stride) {
    factors f = {.row = row, .stride = stride, .packed = packed};
    _Pragma("GCC unroll 8") for (int i = 0; i < FOURS; i++) {
        if (packed && 4 * i < rows) {
            f.four[i] = svld1rq(EVERY, row[0] + 4 * i);
        }
    }
    return f;
}
// x[r] y + z. The element must be a literal.
INLINE vec factors_fma(factors f, int r, vec y, vec z) {
    if (!f.packed) {
        return vec_fma(vec_set(f.row[r / 3][r % 3 * f.stride]), y, z);
    }
    EACH_PART(i) {
        sve_f32 x = f.four[r / 4];
        z.v[i] = r % 4 == 0   ? svmla_lane(z.v[i], y.v[i], x, 0)
                 : r % 4 == 1 ? svmla_lane(z.v[i], y.v[i], x, 1)
                 : r % 4 == 2 ? svmla_lane(z.v[i], y.v[i], x, 2)
                              : svmla_lane(z.v[i], y.v[i], x, 3);
    }
    return z;
}

// p 2^n where n = shifted - magic, both of the same exponent, rounded once.
INLINE vec vec_scale(vec p, vec shifted, vec magic) {
    EACH_PART(i) {
        svint32_t n =
            svsub_x(EVERY, svreinterpret_s32_f32(shifted.v[i]), svreinterpret_s32_f32(magic.v[i]));
        p.v[i] = svscale_x(EVERY, p.v[i], n);
    }
    return p;
}

// For vec_exp: with |x| < 86, n = x / ln 2 is within [-125, 125] and p within [0.7, 1.42].
#define VEC_EXP_WITHIN 86.0f
INLINE int vec_all_within(int count, const vec *x, float bound) { // false for NaN
    svbool_t all = EVERY;
    for (int k = 0; k < count; k++) {
        EACH_PART(i) {
            all = svaclt(all, x[k].v[i], svdup_f32(bound));
        }
    }
    return !svptest_any(EVERY, svnot_z(EVERY, all));
}
// p 2^n; the low bits of `shifted` are n, and the shift leaves nothing else.
INLINE vec vec_scale_within(vec p, vec shifted) {
    EACH_PART(i) {
        svint32_t n =
            svreinterpret_s32_u32(svlsl_x(EVERY, svreinterpret_u32_f32(shifted.v[i]), 23));
        p.v[i] = svreinterpret_f32_s32(svadd_x(EVERY, svreinterpret_s32_f32(p.v[i]), n));
    }
    return p;
}

// 8+8, 4+4, 2+2, 1+1: first whole registers, then what is further up in one.
INLINE float vec_fold(vec x) {
    for (int width = PARTS / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) {
            x.v[i] = svadd_x(EVERY, x.v[i], x.v[i + width]);
        }
    }
    svfloat32_t sum = x.v[0];
    sum = PART_LANES > 8 ? svadd_x(EVERY, sum, svext(sum, sum, 8)) : sum;
    sum = PART_LANES > 4 ? svadd_x(EVERY, sum, svext(sum, sum, 4)) : sum;
    sum = svadd_x(EVERY, sum, svext(sum, sum, 2));
    sum = svadd_x(EVERY, sum, svext(sum, sum, 1));
    return svlasta(svpfalse_b(), sum); // the first element
}
INLINE float vec_fold_max(vec x) {
    for (int i = 1; i < PARTS; i++) {
        x.v[0] = svmax_x(EVERY, x.v[0], x.v[i]);
    }
    return svmaxv(EVERY, x.v[0]);
}

INLINE svbool_t sve_is_hidden(sve_f32 x) {
    return svcmpeq(EVERY, x, -__builtin_inff());
}
// Bit i set: lane i is -inf.
INLINE uint32_t vec_hidden(vec x) {
    svuint32_t bits = svdup_u32(0);
    EACH_PART(i) {
        svuint32_t own = svlsl_x(EVERY, svdup_u32(1), svindex_u32((uint32_t)(i * PART_LANES), 1));
        bits = svorr_m(sve_is_hidden(x.v[i]), bits, own);
    }
    return svorv(EVERY, bits);
}
// x, but -inf in the lanes where y is -inf.
INLINE vec vec_hide(vec x, vec y) {
    EACH_PART(i) {
        x.v[i] = svsel(sve_is_hidden(y.v[i]), y.v[i], x.v[i]);
    }
    return x;
}

// A slice of a vec: SQUARE lanes.
enum { SQUARE = PART_LANES };
typedef sve_f32 slice;
INLINE slice slice_set(float x) {
    return svdup_f32(x);
}
INLINE slice slice_load(const float *p) {
    return svld1(EVERY, p);
}
INLINE void slice_store(float *p, slice a) {
    svst1(EVERY, p, a);
}
INLINE slice slice_fma(slice a, slice b, slice c) {
    return svmla_x(EVERY, c, a, b);
}
// The columns of a square: `rows` (<= SQUARE, the others count as 0) rows of floats from `from` on.
// Each round interleaves the rows of the upper half with those of the lower one; after as many
// rounds as the number of a row has bits, column and row have changed places.
INLINE void slice_turn(const float *from, int64_t from_stride, int64_t rows, slice to[SQUARE]) {
    sve_f32 mixed[SQUARE];
    _Pragma("GCC unroll 16") for (int i = 0; i < SQUARE; i++) {
        to[i] = i < rows ? svld1(EVERY, from + i * from_stride) : svdup_f32(0.0f);
    }
    _Pragma("GCC unroll 4") for (int round = 1; round < SQUARE; round *= 2) {
        _Pragma("GCC unroll 8") for (int i = 0; i < SQUARE / 2; i++) {
            mixed[2 * i] = svzip1(to[i], to[i + SQUARE / 2]);
            mixed[2 * i + 1] = svzip2(to[i], to[i + SQUARE / 2]);
        }
        _Pragma("GCC unroll 16") for (int i = 0; i < SQUARE; i++) {
            to[i] = mixed[i];
        }
    }
}

// Neighbours change places.
INLINE vec vec_swap_pairs(vec x) {
    EACH_PART(i) {
        svuint64_t pairs = svrevw_x(svptrue_b64(), svreinterpret_u64_f32(x.v[i]));
        x.v[i] = svreinterpret_f32_u64(pairs);
    }
    return x;
}
// The first 8 lanes, each of them twice.
INLINE vec vec_twice(vec x) {
    vec to;
    EACH_PART(i) {
        sve_f32 from = x.v[i / 2];
        to.v[i] = i % 2 ? svzip2(from, from) : svzip1(from, from);
    }
    return to;
}

#ifdef DECOCT_SLEEF
#define VEC_ERF
INLINE vec vec_erf(vec x) {
    EACH_PART(i) {
        x.v[i] = Sleef_finz_erffx_u10sve(x.v[i]);
    }
    return x;
}
#endif

#endif
