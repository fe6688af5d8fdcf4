// SPDX-License-Identifier: BSD-2-Clause
// The catalogue: every operation that is hashed, timed or checked, and the shapes that are hashed.
// An operation on rows comes from its line in ops.def; one with other operands is a file op_*.c.
#ifndef BENCH_CATALOGUE_H
#define BENCH_CATALOGUE_H

#include "case.h"

#include <stddef.h>

// ---- Operations ----

// The names, in order; false: there are no more.
bool catalogue_name(int index, char name[WORK_NAME]);
// Is there such an operation that is timed at the shapes of a decoder?
bool catalogue_is_timed(const char *op);
// "matmul, softmax, ...": those, for messages.
void catalogue_timed(char *text, size_t size);
// Is it a ceiling of the machine (fma, read, copy) rather than an operation of a decoder?
bool catalogue_is_ceiling(const char *op);
// Does the shape of this operation have a head_dim, layers? Has it weights of several types?
bool catalogue_has_head_dim(const char *op);
bool catalogue_has_layers(const char *op);
bool catalogue_has_dtype(const char *op);

// An operation on rows in one of its forms, "gelu_tanh".
typedef struct catalogue_row {
    char name[WORK_NAME];
    decoct_op op;
    int32_t form;
    uint32_t needs; // DCT_NEEDS_ bits of lists.h
} catalogue_row;

// One after the other; false: there are no more.
bool catalogue_row_at(int index, catalogue_row *out);

// ---- Hashed shapes ----

typedef struct catalogue_shape {
    char op[WORK_NAME];
    char output[WORK_NAME]; // what is hashed
    decoct_dtype dtype;     // of the weights
    bool large;             // the shapes of real models
    bool needs_model;
    int64_t dims[WORK_DIMS];
} catalogue_shape;

// All outputs of all shapes, in the order in which they are hashed; free(). NULL: no memory.
catalogue_shape *catalogue_shapes(int *count);
// "m:1/n:17/k:3", "m:1/n:17/k:3/dtype:bf16"
void catalogue_shape_name(const catalogue_shape *shape, char *text, size_t size);
// The case that computes it.
work_case catalogue_case(const catalogue_shape *shape);

#endif
