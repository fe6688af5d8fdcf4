// SPDX-License-Identifier: BSD-2-Clause
// What the output of a case must be. The bits of a result depend on nothing but the shape and the
// operands (docs/bits.md), so in this order: the hash that this program was built with (golden.h),
// another backend of this installation, scalar on some rows of the output. Plugins from outside are
// not used.
#ifndef BENCH_REFERENCE_H
#define BENCH_REFERENCE_H

#include "case.h"

enum { REFERENCE_ROWS = 64, REFERENCE_TEXT = 96 };

typedef struct reference {
    work_case shape;
    char by[REFERENCE_TEXT];     // "golden", "avx2", "scalar, 8 of 512 rows"
    char served[REFERENCE_TEXT]; // served_words of the context that computed it
    uint64_t hash;               // of the whole output, or of these rows of it
    int64_t rows[REFERENCE_ROWS];
    int row_count; // 0: the whole output
} reference;

typedef struct references {
    reference *items;
    int count, room;
    char backends[16][64]; // of this installation, that run here, the strongest first
    int backend_count;
    bool looked;
    double scalar_effort; // what scalar may do for a reference, as work_effort counts; 0:
                          // SCALAR_EFFORT
} references;

void references_free(references *r);
// Determines what an output of this open case must be. `always`: however long that takes. False: it
// cannot be known.
bool references_find(references *r, bench_work *w, bool always, reference *out);
// Lets the strongest other backend of this installation compute an open case, and gives its whole
// output to `take`. False: there is none, it takes too long, or it failed.
bool references_other(references *r, bench_work *w, bool always, char by[REFERENCE_TEXT],
                      void (*take)(void *data, const float *output, int64_t count), void *data);
// The hash of an output, or of those rows of it that the reference knows.
uint64_t reference_hash_of(const reference *r, const bench_work *w, const float *output,
                           int64_t count);
// The hash of a case's whole output; false: it cannot run.
bool reference_compute(const work_case *c, uint64_t *hash, char *error, uint64_t error_size);

#endif
