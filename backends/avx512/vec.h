// SPDX-License-Identifier: BSD-2-Clause
// The 16 lanes on AVX-512: one register.
#ifndef VEC_H
#define VEC_H

#include <immintrin.h>
#include <stdint.h>
#ifdef DECOCT_SLEEF
#include <sleef.h>
#endif

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };
enum { EXP_VECS = 4 }; // of exp, side by side: docs/tuning.md
typedef struct vec {
    __m512 v;
} vec;

INLINE vec vec_set(float x) {
    return (vec){_mm512_set1_ps(x)};
}
INLINE vec vec_load(const float *p) {
    return (vec){_mm512_loadu_ps(p)};
}
INLINE void vec_store(float *p, vec a) {
    _mm512_storeu_ps(p, a.v);
}

// Stays in its register: see tile_hold. Besides those of a tile, one register is needed for x.
#define VEC_HELD 31
INLINE void vec_hold(vec *a) {
    __asm__("" : "+v"(a->v));
}

// Past the caches, to a multiple of 64 bytes. Others see them only after vec_stream_end.
#define VEC_STREAMS
INLINE void vec_stream(float *p, vec a) {
    _mm512_stream_ps(p, a.v);
}
INLINE void vec_stream_end(void) {
    _mm_sfence();
}

// f16 becomes f32; a NaN becomes a quiet one.
#define F16_FEATURES 0
INLINE vec vec_load_f16(const uint16_t *p) {
    return (vec){_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p))};
}
INLINE vec vec_load_bf16(const uint16_t *p) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return (vec){_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}
// Packed bf16: two columns, PAIR_APART from each other, share 32 bits, so that one operation widens
// each and neither has to move. Gives PAIR_VECS vectors.
#define VEC_PAIRS
enum { PAIR_APART = 16, PAIR_VECS = 2 * PAIR_APART / LANES };
INLINE void vec_load_pairs(int spare, const uint16_t *p, vec *to) {
    (void)spare; // registers
    __m512i pairs = _mm512_loadu_si512(p), high = _mm512_set1_epi32((int)0xffff0000);
    to[0] = (vec){_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16))};
    to[1] = (vec){_mm512_castsi512_ps(_mm512_and_si512(pairs, high))};
}

// Ones in lanes below n, for n from -16 to 32.
INLINE __mmask16 vec_first(int64_t n) {
    return (__mmask16)(n >= LANES ? 0xffffu : n <= 0 ? 0u : (1u << n) - 1u);
}
// The first n < 16 elements; the other lanes are 0, the memory behind them is not touched.
INLINE vec vec_load_first(const float *p, int64_t n) {
    return (vec){_mm512_maskz_loadu_ps(vec_first(n), p)};
}
INLINE void vec_store_first(float *p, vec a, int64_t n) {
    _mm512_mask_storeu_ps(p, vec_first(n), a.v);
}
// a in lanes below n, b in the others.
INLINE vec vec_blend_first(vec a, vec b, int64_t n) {
    return (vec){_mm512_mask_blend_ps(vec_first(n), b.v, a.v)};
}

INLINE vec vec_add(vec a, vec b) {
    return (vec){_mm512_add_ps(a.v, b.v)};
}
INLINE vec vec_sub(vec a, vec b) {
    return (vec){_mm512_sub_ps(a.v, b.v)};
}
INLINE vec vec_mul(vec a, vec b) {
    return (vec){_mm512_mul_ps(a.v, b.v)};
}
INLINE vec vec_div(vec a, vec b) {
    return (vec){_mm512_div_ps(a.v, b.v)};
}
INLINE vec vec_max(vec a, vec b) {
    return (vec){_mm512_max_ps(a.v, b.v)};
} // a > b ? a : b
INLINE vec vec_min(vec a, vec b) {
    return (vec){_mm512_min_ps(a.v, b.v)};
} // a < b ? a : b
// a >= 0 with the sign of b.
INLINE vec vec_copy_sign(vec a, vec b) {
    return (vec){_mm512_or_ps(a.v, _mm512_and_ps(b.v, _mm512_set1_ps(-0.0f)))};
}
INLINE vec vec_fma(vec a, vec b, vec c) {
    return (vec){_mm512_fmadd_ps(a.v, b.v, c.v)};
}
// Half a vector, whose other lanes may be anything: the first n elements, 1 to 8; x y + z.
#define VEC_HALF
enum { HALF_LANES = 8 };
INLINE vec vec_load_half(const float *p, int64_t n) {
    const __mmask8 first = (__mmask8)(0xffu >> (HALF_LANES - n));
    return (vec){_mm512_castps256_ps512(_mm256_maskz_loadu_ps(first, p))};
}
INLINE vec vec_fma_half(float x, vec y, vec z) {
    return (vec){_mm512_castps256_ps512(_mm256_fmadd_ps(
        _mm256_set1_ps(x), _mm512_castps512_ps256(y.v), _mm512_castps512_ps256(z.v)))};
}
// As vec_fma, x[0] in all lanes; read for this one, even if others read it, too. For tiles of up to
// APART_MOST rows (simd/tile_x.h).
#define VEC_FMA_APART
#if defined(__clang__)
enum { APART_MOST = 13 }; // clang 14 runs out of registers with 14
#else
enum { APART_MOST = 14 };
#endif
INLINE vec vec_fma_apart(const float *x, vec y, vec z) {
    __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(z.v) : "v"(y.v), "m"(*x));
    return z;
}

// p 2^n where n = shifted - magic, rounded once.
#define VEC_SCALES
INLINE vec vec_scale(vec p, vec shifted, vec magic) {
    return (vec){_mm512_scalef_ps(p.v, _mm512_sub_ps(shifted.v, magic.v))};
}

// For vec_exp: with |x| < 86, n = x / ln 2 is within [-125, 125] and p within [0.7, 1.42].
#define VEC_EXP_WITHIN 86.0f
// As integers, |x| are in the same order, and NaN is the largest.
INLINE int vec_all_within(int count, const vec *a, float bound) { // false for NaN
    const __m512i abs = _mm512_set1_epi32(INT32_MAX);
    __m512i most = _mm512_setzero_si512();
    for (int i = 0; i < count; i++) {
        most = _mm512_max_epu32(most, _mm512_and_epi32(_mm512_castps_si512(a[i].v), abs));
    }
    __m512i limit = _mm512_castps_si512(_mm512_set1_ps(bound));
    return _mm512_cmp_epu32_mask(most, limit, _MM_CMPINT_NLT) == 0;
}
// p 2^n; the low bits of `shifted` are n, and the shift leaves nothing else.
INLINE vec vec_scale_within(vec p, vec shifted) {
    __m512i n = _mm512_slli_epi32(_mm512_castps_si512(shifted.v), 23);
    return (vec){_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p.v), n))};
}

// 8+8, 4+4, 2+2, 1+1.
INLINE float vec_fold(vec a) {
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
INLINE float vec_fold_max(vec a) {
    __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
// Bit i set: lane i is -inf.
INLINE uint32_t vec_hidden(vec a) {
    return _mm512_cmp_ps_mask(a.v, _mm512_set1_ps(-__builtin_inff()), _CMP_EQ_OQ);
}
// a, but -inf in the lanes where b is -inf.
INLINE vec vec_hide(vec a, vec b) {
    __m512 inf = _mm512_set1_ps(-__builtin_inff());
    return (vec){_mm512_mask_mov_ps(a.v, _mm512_cmp_ps_mask(b.v, inf, _CMP_EQ_OQ), inf)};
}

// A slice of a vec: SQUARE lanes.
enum { SQUARE = 16 };
typedef __m512 slice;
INLINE slice slice_set(float x) {
    return _mm512_set1_ps(x);
}
INLINE slice slice_load(const float *p) {
    return _mm512_loadu_ps(p);
}
INLINE void slice_store(float *p, slice a) {
    _mm512_storeu_ps(p, a);
}
INLINE slice slice_fma(slice a, slice b, slice c) {
    return _mm512_fmadd_ps(a, b, c);
}
// The columns of a square: `rows` (<= SQUARE, the others count as 0) rows of floats from `from` on.
// Pairs, then fours within each quarter, then the quarters change places.
INLINE void slice_turn(const float *from, int64_t from_stride, int64_t rows, slice to[SQUARE]) {
    __m512 r[16], pair[16], four[16];
    for (int i = 0; i < 16; i++) {
        r[i] = i < rows ? _mm512_loadu_ps(from + i * from_stride) : _mm512_setzero_ps();
    }
    for (int i = 0; i < 16; i += 2) {
        pair[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        pair[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        four[i] = _mm512_shuffle_ps(pair[i], pair[i + 2], 0x44);
        four[i + 1] = _mm512_shuffle_ps(pair[i], pair[i + 2], 0xee);
        four[i + 2] = _mm512_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
        four[i + 3] = _mm512_shuffle_ps(pair[i + 1], pair[i + 3], 0xee);
    }
    // four[4 g + i] holds columns i, 4 + i, 8 + i, 12 + i of rows 4 g .. 4 g + 3.
    for (int i = 0; i < 4; i++) {
        __m512 even_low = _mm512_shuffle_f32x4(four[i], four[4 + i], 0x88);
        __m512 odd_low = _mm512_shuffle_f32x4(four[i], four[4 + i], 0xdd);
        __m512 even_high = _mm512_shuffle_f32x4(four[8 + i], four[12 + i], 0x88);
        __m512 odd_high = _mm512_shuffle_f32x4(four[8 + i], four[12 + i], 0xdd);
        to[i] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
        to[8 + i] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
        to[4 + i] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
        to[12 + i] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
    }
}

// TURN_COLS columns of `rows` rows, as slice_turn. Rows 4 apart share a register, so that what it
// loads changes places less often.
#define SLICE_TURN_COLS
enum { TURN_COLS = 8 };
INLINE __m512 slice_two_rows(const float *from, int64_t stride, int64_t rows, int64_t i) {
    __m256 one = i < rows ? _mm256_loadu_ps(from + i * stride) : _mm256_setzero_ps();
    i += 4;
    __m256 two = i < rows ? _mm256_loadu_ps(from + i * stride) : _mm256_setzero_ps();
    return _mm512_insertf32x8(_mm512_castps256_ps512(one), two, 1);
}
INLINE void slice_turn_cols(const float *from, int64_t stride, int64_t rows, slice to[TURN_COLS]) {
    __m512 four[8];
    for (int i = 0; i < 8; i += 4) {
        __m512 a = slice_two_rows(from, stride, rows, 2 * i);
        __m512 b = slice_two_rows(from, stride, rows, 2 * i + 1);
        __m512 c = slice_two_rows(from, stride, rows, 2 * i + 2);
        __m512 d = slice_two_rows(from, stride, rows, 2 * i + 3);
        __m512 ab = _mm512_unpacklo_ps(a, b), cd = _mm512_unpacklo_ps(c, d);
        four[i] = _mm512_shuffle_ps(ab, cd, 0x44);
        four[i + 1] = _mm512_shuffle_ps(ab, cd, 0xee);
        ab = _mm512_unpackhi_ps(a, b);
        cd = _mm512_unpackhi_ps(c, d);
        four[i + 2] = _mm512_shuffle_ps(ab, cd, 0x44);
        four[i + 3] = _mm512_shuffle_ps(ab, cd, 0xee);
    }
    // Quarters of four[i]: columns i and 4 + i of rows 0 .. 3, then of rows 4 .. 7.
    for (int i = 0; i < 4; i++) {
        to[i] = _mm512_shuffle_f32x4(four[i], four[4 + i], 0x88);
        to[4 + i] = _mm512_shuffle_f32x4(four[i], four[4 + i], 0xdd);
    }
}

// Neighbours change places.
INLINE vec vec_swap_pairs(vec a) {
    return (vec){_mm512_permute_ps(a.v, 0xb1)};
}
// The first 8 lanes, each of them twice.
INLINE vec vec_twice(vec a) {
    const __m512i index = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    return (vec){_mm512_permutexvar_ps(index, a.v)};
}

#ifdef DECOCT_SLEEF
#define VEC_ERF
INLINE vec vec_erf(vec a) {
    return (vec){Sleef_finz_erff16_u10avx512f(a.v)};
}
#endif

#endif
