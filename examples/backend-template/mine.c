// SPDX-License-Identifier: BSD-2-Clause
// The table of this backend: its name, what it needs of the CPU, and its kernels. Each operation
// that is not in it is served by the next best backend.
#include "mine.h"

// What the compiler was allowed to use is what the CPU must have.
#if defined(__AVX512F__)
#define FEATURES (DECOCT_CPU_AVX512 | DECOCT_CPU_AVX2 | DECOCT_CPU_FMA)
#elif defined(__AVX2__) && defined(__FMA__)
#define FEATURES (DECOCT_CPU_AVX2 | DECOCT_CPU_FMA)
#elif defined(__ARM_NEON)
#define FEATURES DECOCT_CPU_NEON
#else
#define FEATURES 0
#endif

static const decoct_rows_kernel rows_list[] = {[DECOCT_OP_SOFTMAX] = {.run = mine_softmax}};
static const decoct_rows_kernels rows = DECOCT_KERNELS(rows_list);

#ifdef MINE_MATMUL
static const decoct_matmul_kernel matmul_list[] = {
    {.panel_cols = 16,
     .tile_rows = 4,
     .n_block = 64,
     .m_block = 64,
     .run = mine_matmul,
     .pack = mine_pack},
};
static const decoct_matmul_kernels matmul = DECOCT_KERNELS(matmul_list);
#endif

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {
    .struct_size = sizeof(decoct_backend),
    .abi = DECOCT_BACKEND_ABI,
    .name = "mine",
    .version = "1",
    .cpu_features = FEATURES,
    .priority = 1000, // avx512 has 300, avx2 200, neon 100
    .rows = &rows,
#ifdef MINE_MATMUL
    .matmul = &matmul,
#endif
};
