// SPDX-License-Identifier: BSD-2-Clause
// The interface of `decoct conform` for its cases: one test runs in a child process of its own, on
// the kernels of one backend (the candidate), beside scalar, which is the definition. The cases
// prepare operands between guard pages, call a kernel, and compare; all else, such as padding,
// registers and the floating-point mode, is checked by conform_call.
#ifndef BENCH_CONFORM_H
#define BENCH_CONFORM_H

#include "lib/core/kernels.h"

#include <decoct/backend.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

// ---- Findings ----

// A reason is one of the names in reasons.def, as text: "bits".

// ---- One test ----

enum { CONFORM_QUICK, CONFORM_ORDINARY, CONFORM_FULL };

typedef struct conform_probe conform_probe;

// A line of tests.def. Several threads may run the same function at a time, each with a probe of
// its own: it has no static variables. A test exists once for each unit of its slots: a unit is a
// slot that the candidate fills, with one type of stored numbers: "softmax", "matmul_bf16",
// "attention_f16".
typedef struct conform_test {
    const char *aspect; // "bits": the name of the test is "softmax/bits"
    int32_t first_slot, last_slot;
    int level; // from which on it is run
    void (*run)(conform_probe *p);
} conform_test;

typedef struct conform_matrix conform_matrix;

// What a test sees. In a child process, so that nothing is freed: the end of the process does it.
struct conform_probe {
    const conform_test *test;
    const conform_test *plainest; // the first test of this unit
    int32_t slot;                 // DCT_SLOT_
    decoct_dtype dtype;           // of w, of keys and values, of x, of b
    int level;                    // of this run: a test may do more at a higher one
    uint64_t seed;                // of --seed
    bool exact;                   // the candidate has to give the bits of the definition here
    const dct_kernels *given;     // the candidate's
    const dct_kernels *right;     // scalar's
    // Of the frame.
    struct conform_page *page;  // shared with the parent
    conform_matrix *first;      // operands of the present case
    uint64_t random;            // state of conform_random
    uint32_t operands;          // so far: each has another pattern
    bool watched;               // the watch was set up
    bool together;              // one of several threads that run this test at the same time
    int overlaps, all_overlaps; // calls (of a case, of all) during which another thread began one
    double end; // CPU time of the thread at which it does not wait for them any more
};

// ---- A case ----

// Begins a case: names it for the messages ("5 x 37, stride 40") and releases the operands of the
// case before. Every kernel call belongs to a case.
void conform_begin(conform_probe *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Random bits of --seed and the name of the test; a float in [-scale, scale), exact if scale is a
// power of two.
uint64_t conform_random(conform_probe *p);
float conform_random_float(conform_probe *p, float scale);

// ---- Operands ----

typedef enum conform_where {
    CONFORM_ALIGNED,   // begins at 64 bytes, ends less than 64 bytes before a guard page
    CONFORM_AT_END,    // its last element touches a guard page
    CONFORM_AT_START,  // its first element is the first one behind a guard page
    CONFORM_UNALIGNED, // like ALIGNED, but begins one element behind 64 bytes
} conform_where;

// A matrix in a mapping of its own between two guard pages. A read or a write in those is a
// finding (read_bounds, write_bounds, or scratch_bounds of a scratch). All that is between the
// guard pages and does not belong to the matrix has a pattern, which each conform_call checks:
// between the rows (padding) and around the matrix (write_bounds).
struct conform_matrix {
    void *data;
    int64_t rows, cols, stride; // in elements
    decoct_dtype dtype;
    const char *name;
    // Of the frame.
    conform_matrix *next;
    int32_t size; // bytes of an element
    conform_where where;
    uint32_t number; // of its pattern
    bool is_scratch;
    bool is_written; // by the first call
    unsigned char *room;
    uint64_t room_bytes; // between the guard pages
    unsigned char *kept; // of an input: what room has to hold after the call
    unsigned char *map;
    uint64_t map_bytes;
};

// Rows of `stride` elements (>= cols), elements undefined. 0 rows or columns: `data` must not be
// read nor written.
conform_matrix *conform_operand(conform_probe *p, const char *name, int64_t rows, int64_t cols,
                                int64_t stride, decoct_dtype dtype, conform_where where);
// The same with random numbers in [-scale, scale), rounded to the type.
conform_matrix *conform_random_operand(conform_probe *p, const char *name, int64_t rows,
                                       int64_t cols, int64_t stride, decoct_dtype dtype,
                                       conform_where where, float scale);
// A matrix of int32_t (ids).
conform_matrix *conform_ids(conform_probe *p, const char *name, int64_t count, conform_where where);
// Bytes, for packed panels and blocks of keys: 64-byte aligned.
conform_matrix *conform_bytes(conform_probe *p, const char *name, int64_t bytes,
                              conform_where where);
// Scratch memory: 64-byte aligned, full of NaN, ends at a guard page as far as the alignment lets
// it. NULL for 0 bytes.
conform_matrix *conform_scratch(conform_probe *p, int64_t bytes);
// From now on the matrix is an input: a kernel that changes it gets the finding input_changed.
// Called after its elements were set; a change of them needs another call.
void conform_input(conform_probe *p, conform_matrix *m);
// The same sizes, place and bytes (the gaps, too): for the second result, or for in-place work.
conform_matrix *conform_copy(conform_probe *p, const conform_matrix *m);

// An element as the f32 of the same value, and an element from an f32, rounded to nearest even.
float conform_get(const conform_matrix *m, int64_t row, int64_t col);
void conform_set(conform_matrix *m, int64_t row, int64_t col, float value);
static inline decoct_operand conform_in(const conform_matrix *m) {
    return m ? (decoct_operand){.data = m->data, .stride = m->stride, .dtype = m->dtype}
             : (decoct_operand){0};
}
static inline decoct_output conform_out(const conform_matrix *m) {
    return (decoct_output){.data = m->data, .stride = m->stride, .dtype = m->dtype};
}

// ---- A call ----

// The type of all kernels' functions here; a cast brings theirs to it.
typedef void conform_kernel(const void *piece);

// Calls run(piece) while registers, stack, direction flag, floating-point mode, system calls and
// allocations are watched, then checks padding, inputs and the memory around all operands of the
// case. Then the same again from the same bytes, which has to give the same result (state), or,
// when several threads run this test, many times (threads). False: there was a finding, which is
// recorded. A call that ends the process, or does not come back, is a finding, too.
bool conform_call(conform_probe *p, conform_kernel *run, const void *piece);
// For scalar's kernels, which are right: just the call.
static inline void conform_call_right(conform_kernel *run, const void *piece) {
    run(piece);
}
// ---- The comparison ----

// All elements of both have the same bits; a NaN equals each NaN. False, and a finding with the
// first element that differs. In a unit of other bits use conform_compare_near.
bool conform_compare_bits(conform_probe *p, const char *reason, const conform_matrix *given,
                          const conform_matrix *right);
// |given - exact| <= bound for each element of (rows, cols), NaN equals NaN, infinities equal
// themselves. The largest error in units of its bound is kept for the report.
bool conform_compare_near(conform_probe *p, const char *reason, const conform_matrix *given,
                          const double *exact, const double *bound);
// Records a finding of the present case; false. A reason of reasons.def.
bool conform_fail(conform_probe *p, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Records what is worth knowing and not wrong.
void conform_note(conform_probe *p, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// This test, or a part of it, was not tried, and why.
void conform_skip(conform_probe *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
