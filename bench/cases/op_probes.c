// SPDX-License-Identifier: BSD-2-Clause
// The ceilings of the machine, and what sharing work costs.
#include "op.h"
#include "sizes.h"

enum { FMA_ROUNDS = 20000 }; // some 0.1 to 1 ms

// They have no dims.
static void shape_probes(const work_case *c, int64_t dims[WORK_DIMS]) {
    (void)c;
    (void)dims;
}

static decoct_status run_barrier(bench_work *w) {
    return decoct_probe(w->ctx, DECOCT_PROBE_FMA, 0, NULL, NULL, &w->amount);
}

// Nothing at all, on all threads.
const work_op op_barrier = {
    .name = "barrier",
    .kernels = "probe",
    .has_head_dim = true,
    .shape = shape_probes,
    .run = run_barrier,
};

static decoct_status run_fma(bench_work *w) {
    return decoct_probe(w->ctx, DECOCT_PROBE_FMA, FMA_ROUNDS, NULL, NULL, &w->amount);
}

static work_cost cost_fma(const bench_work *w) {
    return (work_cost){.flops = w->amount, .arithmetic = w->amount};
}

// Fused multiply-adds on registers: the most GFLOP/s there are.
const work_op op_fma = {
    .name = "fma",
    .kernels = "probe",
    .is_ceiling = true,
    .shape = shape_probes,
    .run = run_fma,
    .cost = cost_fma,
};

// A buffer smaller than this is gone over several times a run, or the call itself would be timed.
static const int64_t READ_LEAST = 1 << 22;

static int64_t passes(const work_case *c) {
    return c->bytes >= READ_LEAST ? 1 : ceil_div(READ_LEAST, c->bytes);
}

static double need_probes(const bench_work *w) {
    return (double)w->c.bytes * w->c.threads;
}

static decoct_status open_read(bench_work *w) {
    int64_t count = w->c.bytes / 4 * w->c.threads;
    return op_fill(w, ROLE_X, count, 1.0f, 1.0f) ? DECOCT_OK : DECOCT_E_MEMORY;
}

static decoct_status run_read(bench_work *w) {
    return decoct_probe_cache(w->ctx, DECOCT_PROBE_READ, w->c.bytes / 4, passes(&w->c),
                              w->operand[ROLE_X], NULL, &w->amount);
}

static work_cost cost_read(const bench_work *w) {
    return (work_cost){.bytes = w->amount, .streams = true};
}

// Reading a buffer of each thread's own.
const work_op op_read = {
    .name = "read",
    .kernels = "probe",
    .is_ceiling = true,
    .shape = shape_probes,
    .need = need_probes,
    .open = open_read,
    .run = run_read,
    .cost = cost_read,
};

static decoct_status open_copy(bench_work *w) {
    int64_t half = w->c.bytes / 8 * w->c.threads;
    bool made = op_fill(w, ROLE_X, half, 1.0f, 1.0f) && op_fill(w, ROLE_Y, half, 1.0f, 1.0f);
    return made ? DECOCT_OK : DECOCT_E_MEMORY;
}

static decoct_status run_copy(bench_work *w) {
    return decoct_probe_cache(w->ctx, DECOCT_PROBE_COPY, w->c.bytes / 8, passes(&w->c),
                              w->operand[ROLE_X], w->operand[ROLE_Y], &w->amount);
}

static work_cost cost_copy(const bench_work *w) {
    return (work_cost){.bytes = w->amount, .streams = true, .copies = true};
}

// Copying one half of such a buffer to the other.
const work_op op_copy = {
    .name = "copy",
    .kernels = "probe",
    .is_ceiling = true,
    .shape = shape_probes,
    .need = need_probes,
    .open = open_copy,
    .run = run_copy,
    .cost = cost_copy,
};
