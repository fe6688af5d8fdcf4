// SPDX-License-Identifier: BSD-2-Clause
// The examination of one kernel: small cases that are run by scalar, which is the definition, and
// by the candidate, and compared to the last bit, with the memory around the results.
#ifndef DCT_EXAM_H
#define DCT_EXAM_H

#include "kernels.h"
#include "machine/memory.h"

enum {
    EXAM_INPUT = 1 << 15,
    EXAM_WIDE = 3 << 13, // from here on the input is 16 times as large
    EXAM_OUTPUT = 1 << 14,
    EXAM_PANELS = 1 << 17,
    EXAM_EXTRA = 1 << 15,
    EXAM_MASK = 1 << 12,
    EXAM_GUARD = 64,             // elements before and after what a kernel may write
    EXAM_START = EXAM_GUARD + 1, // where it writes: not aligned
    EXAM_SPECIAL_ROWS = 9,
    EXAM_SPECIAL_COLS = 21
};

typedef struct exam {
    dct_memory *memory;
    const dct_kernels *scalar;
    int32_t bits;            // DECOCT_BITS_ of the candidate: other bits must only be near
    float input[EXAM_INPUT]; // in (-1, 1)
    float copy[EXAM_INPUT];  // what the input must still be
    float special[EXAM_SPECIAL_ROWS * EXAM_SPECIAL_COLS];
    float right[EXAM_OUTPUT]; // what scalar writes, from EXAM_START on
    float given[EXAM_OUTPUT]; // what the candidate writes
    int64_t span;             // elements from EXAM_START on that a case may write, with its gaps
    float extra[EXAM_EXTRA];  // operands that a case changes
    float mask[EXAM_MASK];
    _Alignas(64) float panels[EXAM_PANELS + EXAM_GUARD];
    char *scratch;
    int64_t scratch_room, scratch_used; // bytes; those of the present case
    char reason[256];                   // why the candidate failed
} exam;

// One output of a case, for the message about it.
typedef struct exam_matrix {
    const char *name; // "" or "weights: "
    int64_t offset;   // of its first element, from the beginning of the array
    int64_t rows, cols, stride;
} exam_matrix;

// NULL: no memory.
exam *exam_open(dct_memory *memory, const dct_kernels *scalar);
void exam_close(exam *e);

// Fills `span` elements of both outputs, and the guards around them, with the same numbers: `from`,
// or the input if it is NULL.
void exam_begin(exam *e, const float *from, int64_t span);
// Room for `size` bytes, 64-byte aligned, with a guard behind it; NULL for 0 and without memory
// (then a reason is set).
void *exam_scratch(exam *e, int64_t size);
// Compares the outputs after both have run: true if they are equal and the candidate has left
// everything else alone. Else the reason begins with `what`.
bool exam_same(exam *e, const char *what, const exam_matrix *outputs, int count);
// Has the candidate left the input alone? Checked once for a kernel.
bool exam_input_kept(exam *e);
// Sets the reason; false.
bool exam_fail(exam *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Run all cases of a kernel of the candidate; false with a reason.
bool exam_matmul(exam *e, const decoct_matmul_kernel *kernel);
bool exam_matmul_plain(exam *e, const decoct_matmul_kernel *kernel);
bool exam_matmul_plain_pack(exam *e, const decoct_matmul_kernel *kernel);
bool exam_attention(exam *e, const decoct_attention_kernel *kernel);
bool exam_rows(exam *e, decoct_op op, const decoct_rows_kernel *kernel);
bool exam_pack_keys(exam *e, void (*pack_keys)(const decoct_keys_piece *piece));
bool exam_probe(exam *e, const decoct_probe_kernel *kernel);
bool exam_whole_matmul(exam *e, const decoct_whole_kernels *kernels);
bool exam_whole_rows(exam *e, const decoct_whole_kernels *kernels);

// What whole operations get of the library during the exam: one thread.
extern const decoct_host exam_host;

#endif
