// SPDX-License-Identifier: BSD-2-Clause
// The operands of a row, with the same numbers for all sides, and our own call on them.
#ifndef BENCH_FILL_H
#define BENCH_FILL_H

#include "cases/work.h"
#include "peer.h"
#include "shapes.h"

// Weights that are read cold are cycled through this much memory: several times the last cache.
#define FILL_COLD_BYTES (256e6)

typedef struct row_operands {
    peer_case c; // with the first copy of the weights
    int copies, next;
    bench_work **works; // one for each copy of the weights
    float *turned[2];   // keys and values as peers have them, if ours are head by head
    int64_t result;     // floats of y
    float *y;           // of a batch, which has no work of its own
} row_operands;

// NULL and a message at `error` if the library failed. `packed`: as our own side runs it; otherwise
// weights of f32 remain as they are. The context must outlive the operands.
row_operands *fill_open(const row_shape *shape, int32_t threads, decoct_context *ctx, bool packed,
                        char *error, size_t size);
void fill_close(row_operands *o);
// The weights of a copy.
const float *fill_weights(const row_operands *o, int copy);
// Our own call, on each copy of the weights in turn: the run of a job, whose data are the operands.
bool fill_run(void *operands);
// The result of that call.
const float *fill_result(const row_operands *o);

// What a row costs at least.
typedef struct row_cost {
    double flops;     // 0: it has few
    double bytes;     // that must be read (softmax: read and written); 0: all is in cache
    double footprint; // bytes among which they are spread
    const char *unit; // flops or bytes a second
    bool copy;        // bytes are half written
} row_cost;

row_cost fill_cost(const row_shape *shape, const row_operands *o);

#endif
