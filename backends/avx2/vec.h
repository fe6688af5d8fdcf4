// SPDX-License-Identifier: BSD-2-Clause
// The 16 lanes on AVX2 + FMA: two registers of 8.
#ifndef VEC_H
#define VEC_H

#include <immintrin.h>
#include <stdint.h>
#ifdef DECOCT_SLEEF
#include <sleef.h>
#endif

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };
enum { EXP_VECS = 2 }; // of exp, side by side: docs/tuning.md
typedef struct vec {
    __m256 lo, hi;
} vec;

#define BOTH(op, a, b) ((vec){op((a).lo, (b).lo), op((a).hi, (b).hi)})

INLINE vec vec_set(float x) {
    return (vec){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
INLINE vec vec_load(const float *p) {
    return (vec){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
INLINE void vec_store(float *p, vec a) {
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}

// Stays in its registers: see tile_hold. Besides those of a tile, two registers are needed for x.
#define VEC_HELD 7
INLINE void vec_hold(vec *a) {
    __asm__("" : "+x"(a->lo), "+x"(a->hi));
}

// Past the caches, to a multiple of 64 bytes. Others see them only after vec_stream_end.
#define VEC_STREAMS
INLINE void vec_stream(float *p, vec a) {
    _mm256_stream_ps(p, a.lo);
    _mm256_stream_ps(p + 8, a.hi);
}
INLINE void vec_stream_end(void) {
    _mm_sfence();
}

// f16 becomes f32; a NaN becomes a quiet one.
#define F16_FEATURES DECOCT_CPU_F16C
INLINE vec vec_load_f16(const uint16_t *p) {
    const __m128i *from = (const __m128i *)(const void *)p;
    return (vec){_mm256_cvtph_ps(_mm_loadu_si128(from)),
                 _mm256_cvtph_ps(_mm_loadu_si128(from + 1))};
}
INLINE __m256 vec_half_bf16(const __m128i *from) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(from)), 16));
}
INLINE vec vec_load_bf16(const uint16_t *p) {
    const __m128i *from = (const __m128i *)(const void *)p;
    return (vec){vec_half_bf16(from), vec_half_bf16(from + 1)};
}
// Packed bf16: two columns, PAIR_APART from each other, share 32 bits, so that one operation widens
// each and neither has to move. Gives PAIR_VECS vectors. The mask needs a register, which the
// highest tile does not have.
#define VEC_PAIRS
enum { PAIR_APART = 8, PAIR_VECS = 1 };
INLINE void vec_load_pairs(int spare, const uint16_t *p, vec *to) {
    __m256i pairs = _mm256_loadu_si256((const __m256i *)(const void *)p);
    to->lo = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
    __m256i high = spare ? _mm256_and_si256(pairs, _mm256_set1_epi32((int)0xffff0000))
                         : _mm256_slli_epi32(_mm256_srli_epi32(pairs, 16), 16);
    to->hi = _mm256_castsi256_ps(high);
}

// All ones in lanes below n.
INLINE __m256i vec_first(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
// The first n < 16 elements; the other lanes are 0, the memory behind them is not touched.
INLINE vec vec_load_first(const float *p, int64_t n) {
    __m256 lo = _mm256_maskload_ps(p, vec_first(n));
    return (vec){lo, n > 8 ? _mm256_maskload_ps(p + 8, vec_first(n - 8)) : _mm256_setzero_ps()};
}
// In pieces: a masked store takes longer (docs/tuning.md).
INLINE void vec_half_store_first(float *p, __m256 a, int64_t n) {
    if (n >= 8) {
        _mm256_storeu_ps(p, a);
        return;
    }
    __m128 four = _mm256_castps256_ps128(a);
    if (n & 4) {
        _mm_storeu_ps(p, four);
        four = _mm256_extractf128_ps(a, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, four);
        four = _mm_movehl_ps(four, four);
        p += 2;
    }
    if (n & 1) {
        _mm_store_ss(p, four);
    }
}
INLINE void vec_store_first(float *p, vec a, int64_t n) {
    vec_half_store_first(p, a.lo, n);
    if (n > 8) {
        vec_half_store_first(p + 8, a.hi, n - 8);
    }
}
// a in lanes below n, b in the others.
INLINE vec vec_blend_first(vec a, vec b, int64_t n) {
    return (vec){_mm256_blendv_ps(b.lo, a.lo, _mm256_castsi256_ps(vec_first(n))),
                 _mm256_blendv_ps(b.hi, a.hi, _mm256_castsi256_ps(vec_first(n - 8)))};
}

INLINE vec vec_add(vec a, vec b) {
    return BOTH(_mm256_add_ps, a, b);
}
INLINE vec vec_sub(vec a, vec b) {
    return BOTH(_mm256_sub_ps, a, b);
}
INLINE vec vec_mul(vec a, vec b) {
    return BOTH(_mm256_mul_ps, a, b);
}
INLINE vec vec_div(vec a, vec b) {
    return BOTH(_mm256_div_ps, a, b);
}
INLINE vec vec_max(vec a, vec b) {
    return BOTH(_mm256_max_ps, a, b);
} // a > b ? a : b, so b if NaN
INLINE vec vec_min(vec a, vec b) {
    return BOTH(_mm256_min_ps, a, b);
} // a < b ? a : b
// a >= 0 with the sign of b.
INLINE vec vec_copy_sign(vec a, vec b) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return (vec){_mm256_or_ps(a.lo, _mm256_and_ps(b.lo, sign)),
                 _mm256_or_ps(a.hi, _mm256_and_ps(b.hi, sign))};
}
INLINE vec vec_fma(vec a, vec b, vec c) {
    return (vec){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
// Half a vector, whose other lanes may be anything: the first n elements, 1 to 8; x y + z.
#define VEC_HALF
enum { HALF_LANES = 8 };
INLINE vec vec_load_half(const float *p, int64_t n) {
    return (vec){_mm256_maskload_ps(p, vec_first(n)), _mm256_setzero_ps()};
}
INLINE vec vec_fma_half(float x, vec y, vec z) {
    return (vec){_mm256_fmadd_ps(_mm256_set1_ps(x), y.lo, z.lo), _mm256_setzero_ps()};
}

INLINE __m256 vec_exp2_half(__m256 p, __m256i n) {
    __m256i half = _mm256_srai_epi32(n, 1), bias = _mm256_set1_epi32(127);
    __m256i rest = _mm256_sub_epi32(n, half);
    p = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23)));
    return _mm256_mul_ps(p,
                         _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23)));
}
// p 2^n where n = shifted - magic, both of the same exponent, rounded once.
INLINE vec vec_scale(vec p, vec shifted, vec magic) {
    __m256i lo = _mm256_sub_epi32(_mm256_castps_si256(shifted.lo), _mm256_castps_si256(magic.lo));
    __m256i hi = _mm256_sub_epi32(_mm256_castps_si256(shifted.hi), _mm256_castps_si256(magic.hi));
    return (vec){vec_exp2_half(p.lo, lo), vec_exp2_half(p.hi, hi)};
}

// For vec_exp: with |x| < 86, n = x / ln 2 is within [-125, 125] and p within [0.7, 1.42].
#define VEC_EXP_WITHIN 86.0f
// As integers, |x| are in the same order, and NaN is the largest.
INLINE int vec_all_within(int count, const vec *a, float bound) { // false for NaN
    const __m256i abs = _mm256_set1_epi32(INT32_MAX);
    __m256i most = _mm256_setzero_si256();
    for (int i = 0; i < count; i++) {
        most = _mm256_max_epi32(most, _mm256_and_si256(_mm256_castps_si256(a[i].lo), abs));
        most = _mm256_max_epi32(most, _mm256_and_si256(_mm256_castps_si256(a[i].hi), abs));
    }
    __m256i limit = _mm256_castps_si256(_mm256_set1_ps(bound));
    return _mm256_movemask_epi8(_mm256_cmpgt_epi32(limit, most)) == -1;
}
// p 2^n; the low bits of `shifted` are n, and the shift leaves nothing else.
INLINE vec vec_scale_within(vec p, vec shifted) {
    __m256i lo = _mm256_slli_epi32(_mm256_castps_si256(shifted.lo), 23);
    __m256i hi = _mm256_slli_epi32(_mm256_castps_si256(shifted.hi), 23);
    return (vec){_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p.lo), lo)),
                 _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p.hi), hi))};
}

// 8+8, 4+4, 2+2, 1+1.
INLINE float vec_fold(vec a) {
    __m256 eight = _mm256_add_ps(a.lo, a.hi);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
INLINE float vec_fold_max(vec a) {
    __m256 eight = _mm256_max_ps(a.lo, a.hi);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
// Bit i set: lane i is -inf.
INLINE uint32_t vec_hidden(vec a) {
    __m256 inf = _mm256_set1_ps(-__builtin_inff());
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a.lo, inf, _CMP_EQ_OQ)) |
           (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a.hi, inf, _CMP_EQ_OQ)) << 8;
}
// a, but -inf in the lanes where b is -inf.
INLINE vec vec_hide(vec a, vec b) {
    __m256 inf = _mm256_set1_ps(-__builtin_inff());
    return (vec){_mm256_blendv_ps(a.lo, inf, _mm256_cmp_ps(b.lo, inf, _CMP_EQ_OQ)),
                 _mm256_blendv_ps(a.hi, inf, _mm256_cmp_ps(b.hi, inf, _CMP_EQ_OQ))};
}

// A slice of a vec: SQUARE lanes.
enum { SQUARE = 8 };
typedef __m256 slice;
INLINE slice slice_set(float x) {
    return _mm256_set1_ps(x);
}
INLINE slice slice_load(const float *p) {
    return _mm256_loadu_ps(p);
}
INLINE void slice_store(float *p, slice a) {
    _mm256_storeu_ps(p, a);
}
INLINE slice slice_fma(slice a, slice b, slice c) {
    return _mm256_fmadd_ps(a, b, c);
}
// The columns of a square: `rows` (<= SQUARE, the others count as 0) rows of floats from `from` on.
// Pairs, then fours within each half, then the halves change places.
INLINE void slice_turn(const float *from, int64_t from_stride, int64_t rows, slice to[SQUARE]) {
    __m256 r[8], pair[8], four[8];
    for (int i = 0; i < 8; i++) {
        r[i] = i < rows ? _mm256_loadu_ps(from + i * from_stride) : _mm256_setzero_ps();
    }
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        pair[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        four[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0x44);
        four[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0xee);
        four[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
        four[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        to[i] = _mm256_permute2f128_ps(four[i], four[i + 4], 0x20);
        to[i + 4] = _mm256_permute2f128_ps(four[i], four[i + 4], 0x31);
    }
}

// TURN_COLS columns of `rows` rows, as slice_turn. Rows 4 apart share a register, so that no half
// has to change its place.
#define SLICE_TURN_COLS
enum { TURN_COLS = 4 };
INLINE __m256 slice_two_rows(const float *from, int64_t stride, int64_t rows, int64_t i) {
    __m128 one = i < rows ? _mm_loadu_ps(from + i * stride) : _mm_setzero_ps();
    i += 4;
    __m128 two = i < rows ? _mm_loadu_ps(from + i * stride) : _mm_setzero_ps();
    return _mm256_insertf128_ps(_mm256_castps128_ps256(one), two, 1);
}
INLINE void slice_turn_cols(const float *from, int64_t stride, int64_t rows, slice to[TURN_COLS]) {
    __m256 a = slice_two_rows(from, stride, rows, 0), b = slice_two_rows(from, stride, rows, 1);
    __m256 c = slice_two_rows(from, stride, rows, 2), d = slice_two_rows(from, stride, rows, 3);
    __m256 ab = _mm256_unpacklo_ps(a, b), cd = _mm256_unpacklo_ps(c, d);
    to[0] = _mm256_shuffle_ps(ab, cd, 0x44);
    to[1] = _mm256_shuffle_ps(ab, cd, 0xee);
    ab = _mm256_unpackhi_ps(a, b);
    cd = _mm256_unpackhi_ps(c, d);
    to[2] = _mm256_shuffle_ps(ab, cd, 0x44);
    to[3] = _mm256_shuffle_ps(ab, cd, 0xee);
}

// Neighbours change places.
INLINE vec vec_swap_pairs(vec a) {
    return (vec){_mm256_permute_ps(a.lo, 0xb1), _mm256_permute_ps(a.hi, 0xb1)};
}
// The first 8 lanes, each of them twice.
INLINE vec vec_twice(vec a) {
    const __m256i low = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
    const __m256i high = _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7);
    return (vec){_mm256_permutevar8x32_ps(a.lo, low), _mm256_permutevar8x32_ps(a.lo, high)};
}

#ifdef DECOCT_SLEEF
#define VEC_ERF
INLINE vec vec_erf(vec a) {
    return (vec){Sleef_finz_erff8_u10avx2(a.lo), Sleef_finz_erff8_u10avx2(a.hi)};
}
#endif

#endif
