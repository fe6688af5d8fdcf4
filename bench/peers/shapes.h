// SPDX-License-Identifier: BSD-2-Clause
// What the rows of `decoct peers` are: a kind of work and its shape.
#ifndef BENCH_SHAPES_H
#define BENCH_SHAPES_H

#include <decoct/decoct.h>
#include <stdbool.h>
#include <stddef.h>

// The dims of each kind: m, n, k (softmax: rows, columns) and of a batch its count; of attention:
enum { ROW_HEADS, ROW_HEAD_DIM, ROW_Q_LEN, ROW_KV_LEN, ROW_KV_HEADS, ROW_BY_HEAD, ROW_DIMS };
enum { ROW_COUNT = 3 };

typedef struct row_shape {
    const char *kind; // of rows.def, in small letters
    int64_t dims[ROW_DIMS];
    decoct_dtype dtype; // of the weights; peers have the same numbers as f32
} row_shape;

// The rows in order; false: there are no more.
bool row_shape_at(int index, row_shape *out);
bool row_is(const row_shape *shape, const char *kind);
// "m:512/n:2304/k:768", "m:1/n:2304/k:768/dtype:bf16"
void row_name(const row_shape *shape, char *name, size_t size);

#endif
