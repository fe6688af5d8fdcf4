// SPDX-License-Identifier: BSD-2-Clause
// What the output of a case must be: computed once for each shape by another backend. The bits of a
// result depend on nothing but the shape and the operands (docs/bits.md).
#ifndef BENCH_REFERENCE_H
#define BENCH_REFERENCE_H

#include "work.h"

typedef struct reference {
    work_case shape; // whose backend is the one that computed it
    char backend[64];
    uint64_t hash;
} reference;

typedef struct references {
    reference *items;
    int count, room;
    char backends[16][64]; // that run here, the strongest first
    int backend_count;
    bool looked;
} references;

void references_free(references *r);
// The hash that an output of this case on `backend` must have, or NULL if there is nobody to ask:
// no other backend, or no result. By scalar where that takes a second or two (by its effort,
// work_effort), else by the strongest other one.
const reference *references_find(references *r, const work_case *c, double effort,
                                 const char *backend);
uint64_t reference_hash(const float *data, int64_t count);

#endif
