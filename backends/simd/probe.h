// SPDX-License-Identifier: BSD-2-Clause
// Ceilings of one thread, for benchmarks to measure against: nothing but fused multiply-adds on
// registers, nothing but loads, nothing but loads and stores.
#ifndef SIMD_PROBE_H
#define SIMD_PROBE_H

#include "tile.h"

#include <decoct/backend.h>

// As many chains as the register tile has, which is more than latency x throughput of any CPU so
// far (4 x 2), but no more than UNROLL unrolls: others would be in memory and the ceiling would be
// too low.
enum {
    TILE_CHAINS = TILE_ROWS * PANEL_VECS,
    PROBE_CHAINS = TILE_CHAINS < UNROLL_MOST ? TILE_CHAINS : UNROLL_MOST,
    PROBE_STREAMS = 4
};

static void probe_fma(int64_t rounds, float *sink) {
    const vec a = vec_load(sink), b = vec_load(sink);
    vec chain[PROBE_CHAINS];
    UNROLL
    for (int c = 0; c < PROBE_CHAINS; c++) {
        chain[c] = vec_set((float)c); // all different, or a compiler makes one of them
    }
    for (int64_t i = 0; i < rounds; i++) {
        UNROLL
        for (int c = 0; c < PROBE_CHAINS; c++) {
            chain[c] = vec_fma(a, b, chain[c]);
        }
    }
    UNROLL
    for (int c = 1; c < PROBE_CHAINS; c++) {
        chain[0] = vec_add(chain[0], chain[c]);
    }
    vec_store(sink, chain[0]);
}

// Four quarters side by side: hardware fetches ahead within each stream, and one alone does not use
// the bandwidth of memory (docs/tuning.md).
static void probe_read(int64_t count, const float *from, float *sink) {
    const int64_t quarter = count / PROBE_STREAMS / (2 * LANES) * (2 * LANES);
    vec sum[PROBE_STREAMS];
    UNROLL
    for (int s = 0; s < PROBE_STREAMS; s++) {
        sum[s] = vec_set(0.0f);
    }
    for (int64_t i = 0; i < quarter; i += 2 * LANES) {
        UNROLL
        for (int s = 0; s < PROBE_STREAMS; s++) {
            const float *p = from + s * quarter + i;
            sum[s] = vec_add(sum[s], vec_add(vec_load(p), vec_load(p + LANES)));
        }
    }
    UNROLL
    for (int s = 1; s < PROBE_STREAMS; s++) {
        sum[0] = vec_add(sum[0], sum[s]);
    }
    vec_store(sink, sum[0]);
}

static void probe_copy(int64_t count, const float *from, float *to) {
    for (int64_t i = 0; i + 4 * LANES <= count; i += 4 * LANES) {
        vec part[4];
        UNROLL
        for (int s = 0; s < 4; s++) {
            part[s] = vec_load(from + i + s * LANES);
        }
        UNROLL
        for (int s = 0; s < 4; s++) {
            vec_store(to + i + s * LANES, part[s]);
        }
    }
}

#endif
