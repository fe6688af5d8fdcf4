// SPDX-License-Identifier: BSD-2-Clause
// The scalar backend: the definition of every result, in plain C. Short before fast; it shares
// nothing with the vector backends. Built twice: for any CPU, and (DECOCT_BACKEND_ENTRY ..._fma)
// with the FMA instruction, without which fmaf is a slow library call. Both give the same bits.
#include "scalar.h"

// ---- Ceilings ----

static void probe_fma(int64_t rounds, float *sink) {
    float chain[LANES];
    float a = sink[0], b = sink[1];
    for (int c = 0; c < LANES; c++) {
        chain[c] = (float)c; // all different, or a compiler makes one of them
    }
    for (int64_t i = 0; i < rounds; i++) {
        for (int c = 0; c < LANES; c++) {
            chain[c] = fmaf(a, b, chain[c]);
        }
    }
    memcpy(sink, chain, sizeof chain);
}

static void probe_read(int64_t count, const float *from, float *sink) {
    for (int64_t i = 0; i + LANES <= count; i += LANES) {
        for (int c = 0; c < LANES; c++) {
            sink[c] += from[i + c];
        }
    }
}

static void probe_copy(int64_t count, const float *from, float *to) {
    memcpy(to, from, (size_t)count * sizeof *to);
}

static const decoct_probe_kernel probe = {
    .fma_flops = 2 * LANES, .fma = probe_fma, .read = probe_read, .copy = probe_copy};

// ---- The table ----

extern const decoct_backend DECOCT_BACKEND_ENTRY;
const decoct_backend DECOCT_BACKEND_ENTRY = {
    .struct_size = sizeof(decoct_backend),
    .abi = DECOCT_BACKEND_ABI,
    .name = "scalar",
    .version = HAVE_FMA ? "0.1, FMA" : "0.1, any CPU",
#if defined(__x86_64__) && HAVE_FMA
    .cpu_features = DECOCT_CPU_FMA,
#endif
    .priority = HAVE_FMA,
    .matmul = &backend_matmul,
    .attention = &backend_attention,
    .rows = &backend_rows,
    .pack_keys = backend_pack_keys,
    .probe = &probe,
};
