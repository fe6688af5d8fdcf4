// SPDX-License-Identifier: BSD-2-Clause
// The 16 lanes on RISC-V V 1.0: one group of 4, 2 or 1 registers of VECTOR_BITS, so that each
// operation is one instruction. It rounds as frm says, which the library sets.
#ifndef VEC_H
#define VEC_H

#include <riscv_vector.h>
#include <stdint.h>

#if __riscv_v_fixed_vlen != VECTOR_BITS
#error "compile with -mrvv-vector-bits=zvl and the extension zvl<VECTOR_BITS>b"
#endif

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };
enum { EXP_VECS = 2 }; // of exp, side by side: docs/tuning.md

// A group of f32, its bits, a mask of its lanes; as many u16 are half the registers.
#if VECTOR_BITS == 128
typedef vfloat32m4_t group;
typedef vuint32m4_t group_bits;
typedef vint32m4_t group_int;
typedef vbool8_t group_mask;
#define GROUP(name) name##m4
#define GROUP_OF_16(name) name##m2
#elif VECTOR_BITS == 256
typedef vfloat32m2_t group;
typedef vuint32m2_t group_bits;
typedef vint32m2_t group_int;
typedef vbool16_t group_mask;
#define GROUP(name) name##m2
#define GROUP_OF_16(name) name##m1
#else
typedef vfloat32m1_t group;
typedef vuint32m1_t group_bits;
typedef vint32m1_t group_int;
typedef vbool32_t group_mask;
#define GROUP(name) name##m1
#define GROUP_OF_16(name) name##mf2
#endif

// The same with a size that the compiler knows, for structs and arrays.
typedef group group_fixed __attribute__((riscv_rvv_vector_bits(512)));
typedef struct vec {
    group_fixed v;
} vec;

INLINE vec vec_set(float x) {
    return (vec){GROUP(__riscv_vfmv_v_f_f32)(x, LANES)};
}
INLINE vec vec_load(const float *p) {
    return (vec){GROUP(__riscv_vle32_v_f32)(p, LANES)};
}
INLINE void vec_store(float *p, vec x) {
    __riscv_vse32(p, x.v, LANES);
}

INLINE group_bits group_to_bits(group x) {
    return GROUP(__riscv_vreinterpret_u32)(x);
}
INLINE group group_from_bits(group_bits x) {
    return GROUP(__riscv_vreinterpret_f32)(x);
}

// 16 stored numbers, each in the low half of its lane.
INLINE group_bits group_load_16(const uint16_t *p) {
    return __riscv_vzext_vf2(GROUP_OF_16(__riscv_vle16_v_u16)(p, LANES), LANES);
}
// f16 becomes f32; a NaN becomes a quiet one. By integers, as in backends/scalar: the instruction
// is an extension, Zvfhmin.
#define F16_FEATURES 0
INLINE vec vec_load_f16(const uint16_t *p) {
    group_bits stored = group_load_16(p);
    group_bits sign = __riscv_vsll(__riscv_vand(stored, 0x8000, LANES), 16, LANES);
    group_bits size = __riscv_vand(stored, 0x7fff, LANES);
    group_bits wide = __riscv_vsll(size, 13, LANES);
    group value = __riscv_vfmul(group_from_bits(wide), 0x1p112f, LANES);
    group_bits infinite = __riscv_vor(wide, 0x7f800000, LANES); // or a NaN
    group_bits bits =
        __riscv_vmerge(group_to_bits(value), infinite, __riscv_vmsgtu(size, 0x7bff, LANES), LANES);
    group_bits quiet = __riscv_vor(bits, 0x00400000, LANES);
    bits = __riscv_vmerge(bits, quiet, __riscv_vmsgtu(size, 0x7c00, LANES), LANES);
    return (vec){group_from_bits(__riscv_vor(bits, sign, LANES))};
}
INLINE vec vec_load_bf16(const uint16_t *p) {
    return (vec){group_from_bits(__riscv_vsll(group_load_16(p), 16, LANES))};
}

// The first n < 16 elements; the other lanes are 0, the memory behind them is not touched.
INLINE vec vec_load_first(const float *p, int64_t n) {
    return (vec){__riscv_vle32_tu(vec_set(0.0f).v, p, (size_t)n)};
}
INLINE void vec_store_first(float *p, vec x, int64_t n) {
    __riscv_vse32(p, x.v, (size_t)n);
}
// x in lanes below n, y in the others.
INLINE vec vec_blend_first(vec x, vec y, int64_t n) {
    return (vec){__riscv_vmv_v_tu(y.v, x.v, (size_t)n)};
}

INLINE vec vec_add(vec x, vec y) {
    return (vec){__riscv_vfadd(x.v, y.v, LANES)};
}
INLINE vec vec_sub(vec x, vec y) {
    return (vec){__riscv_vfsub(x.v, y.v, LANES)};
}
INLINE vec vec_mul(vec x, vec y) {
    return (vec){__riscv_vfmul(x.v, y.v, LANES)};
}
INLINE vec vec_div(vec x, vec y) {
    return (vec){__riscv_vfdiv(x.v, y.v, LANES)};
}
// VFMAX and VFMIN return the other operand of a NaN, and exp of a NaN would be exp of the bound
// that it is clamped to.
INLINE vec vec_max(vec x, vec y) { // x > y ? x : y, so y if NaN
    return (vec){__riscv_vmerge(y.v, x.v, __riscv_vmfgt(x.v, y.v, LANES), LANES)};
}
INLINE vec vec_min(vec x, vec y) { // x < y ? x : y
    return (vec){__riscv_vmerge(y.v, x.v, __riscv_vmflt(x.v, y.v, LANES), LANES)};
}
// x >= 0 with the sign of y.
INLINE vec vec_copy_sign(vec x, vec y) {
    return (vec){__riscv_vfsgnj(x.v, y.v, LANES)};
}
INLINE vec vec_fma(vec x, vec y, vec z) { // x y + z
    return (vec){__riscv_vfmacc(z.v, x.v, y.v, LANES)};
}

// x of the rows of a register tile at one step. A multiplication takes a factor from a register of
// the scalar unit, so it needs no vector register.
#define VEC_FACTORS
typedef struct factors {
    const float *x;
    int64_t stride;
} factors;
INLINE factors factors_take(int rows, int packed, const float *const *row, int64_t stride) {
    (void)rows;
    (void)packed; // then the stride is 1
    return (factors){row[0], stride};
}
// x[r] y + z.
INLINE vec factors_fma(factors f, int r, vec y, vec z) {
    return (vec){__riscv_vfmacc(z.v, f.x[r * f.stride], y.v, LANES)};
}

// 2^n as bits, for n that has one.
INLINE group group_power(group_int n) {
    group_int biased = __riscv_vsll(__riscv_vadd(n, 127, LANES), 23, LANES);
    return group_from_bits(GROUP(__riscv_vreinterpret_u32)(biased));
}
// p 2^n where n = shifted - magic, both of the same exponent, rounded once. In two steps, as
// backends/scalar has it: 2^n itself need not exist.
INLINE vec vec_scale(vec p, vec shifted, vec magic) {
    group_bits difference = __riscv_vsub(group_to_bits(shifted.v), group_to_bits(magic.v), LANES);
    group_int n = GROUP(__riscv_vreinterpret_i32)(difference);
    group_int half = __riscv_vsra(n, 1, LANES), rest = __riscv_vsub(n, half, LANES);
    group once = __riscv_vfmul(p.v, group_power(half), LANES);
    return (vec){__riscv_vfmul(once, group_power(rest), LANES)};
}

// For vec_exp: with |x| < 86, n = x / ln 2 is within [-125, 125] and p within [0.7, 1.42].
#define VEC_EXP_WITHIN 86.0f
INLINE int vec_all_within(int count, const vec *x, float bound) { // false for NaN
    unsigned long within = 0;
    for (int i = 0; i < count; i++) {
        group size = __riscv_vfabs(x[i].v, LANES);
        within += __riscv_vcpop(__riscv_vmflt(size, bound, LANES), LANES);
    }
    return within == (unsigned long)count * LANES;
}
// p 2^n; the low bits of `shifted` are n, and the shift leaves nothing else.
INLINE vec vec_scale_within(vec p, vec shifted) {
    group_bits n = __riscv_vsll(group_to_bits(shifted.v), 23, LANES);
    return (vec){group_from_bits(__riscv_vadd(group_to_bits(p.v), n, LANES))};
}

// 8+8, 4+4, 2+2, 1+1.
INLINE float vec_fold(vec x) {
    group sum = x.v;
    sum = __riscv_vfadd(sum, __riscv_vslidedown(sum, 8, LANES), 8);
    sum = __riscv_vfadd(sum, __riscv_vslidedown(sum, 4, 8), 4);
    sum = __riscv_vfadd(sum, __riscv_vslidedown(sum, 2, 4), 2);
    sum = __riscv_vfadd(sum, __riscv_vslidedown(sum, 1, 2), 1);
    return __riscv_vfmv_f(sum);
}
// A NaN is left out: where there is one the row becomes NaN in any case.
INLINE float vec_fold_max(vec x) {
    return __riscv_vfmv_f(
        __riscv_vfredmax(x.v, __riscv_vfmv_v_f_f32m1(-__builtin_inff(), 1), LANES));
}

INLINE group_mask group_hidden(group x) {
    return __riscv_vmfeq(x, -__builtin_inff(), LANES);
}
// Bit i set: lane i is -inf.
INLINE uint32_t vec_hidden(vec x) {
    return __riscv_vmv_x(__riscv_vreinterpret_u16m1(group_hidden(x.v)));
}
// x, but -inf in the lanes where y is -inf.
INLINE vec vec_hide(vec x, vec y) {
    return (vec){__riscv_vfmerge(x.v, -__builtin_inff(), group_hidden(y.v), LANES)};
}

// A slice of a vec: its first SQUARE lanes.
enum { SQUARE = 8 };
typedef group_fixed slice;
INLINE slice slice_set(float x) {
    return vec_set(x).v;
}
INLINE slice slice_load(const float *p) {
    return GROUP(__riscv_vle32_v_f32)(p, SQUARE);
}
INLINE void slice_store(float *p, slice a) {
    __riscv_vse32(p, a, SQUARE);
}
INLINE slice slice_fma(slice a, slice b, slice c) {
    return __riscv_vfmacc(c, a, b, SQUARE);
}
// The columns of a square: `rows` (<= SQUARE, the others count as 0) rows of floats from `from` on.
INLINE void slice_turn(const float *from, int64_t from_stride, int64_t rows, slice to[SQUARE]) {
    for (int i = 0; i < SQUARE; i++) {
        to[i] = __riscv_vlse32_tu(vec_set(0.0f).v, from + i, from_stride * (int64_t)sizeof(float),
                                  (size_t)rows);
    }
}

INLINE group_bits group_index(void) {
    return GROUP(__riscv_vid_v_u32)(LANES);
}
// Neighbours change places.
INLINE vec vec_swap_pairs(vec x) {
    return (vec){__riscv_vrgather(x.v, __riscv_vxor(group_index(), 1, LANES), LANES)};
}
// The first 8 lanes, each of them twice.
INLINE vec vec_twice(vec x) {
    return (vec){__riscv_vrgather(x.v, __riscv_vsrl(group_index(), 1, LANES), LANES)};
}

#endif
