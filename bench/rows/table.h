// SPDX-License-Identifier: BSD-2-Clause
// The quick table of `decoct bench --table`.
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "cases/lists.h"

#include <stdbool.h>

typedef struct table_shape {
    const int_list *seq, *heads, *threads;
    int64_t head_dim;
    const char *pin, *backend;
    bool allow_fallback;
} table_shape;

// Attention and a decoder block over seq x heads x threads on stdout; an exit code.
int table_print(const table_shape *shape);

#endif
