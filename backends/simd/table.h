// SPDX-License-Identifier: BSD-2-Clause
// The table of a vector backend: every kernel of simd/ on the vec.h and the tile of the includer.
#include <decoct/backend.h>

#include "attention.h"
#include "layer_norm.h"
#include "matmul.h"
#include "probe.h"
#include "rows.h"

// The one symbol of the module. Inside the library it has a name of its own and is not exported.
#ifdef DECOCT_BACKEND_ENTRY
#define ENTRY DECOCT_BACKEND_ENTRY
#else
#define ENTRY decoct_backend_entry
#pragma GCC visibility push(default)
#endif

extern const decoct_backend ENTRY;
const decoct_backend ENTRY = {
    .struct_size = sizeof(decoct_backend),
    .abi = DECOCT_BACKEND_ABI,
    .name = BACKEND_NAME,
    .version = "0.1",
    .cpu_features = BACKEND_FEATURES,
    .priority = BACKEND_PRIORITY,
    .matmul = {.panel_cols = PANEL,
               .tile_rows = TILE_ROWS,
               .k_block = K_BLOCK,
               .n_block = N_BLOCK,
               .m_block = M_BLOCK,
               .scratch_size = PACK_COLS ? M_BLOCK * K_BLOCK + TILE_PACK_SPILL : 0,
               .run = matmul_run,
               .pack = matmul_pack},
    .attention = {.tile_rows = ATTEND_ROWS,
                  .packs_keys = 2,
                  .scratch_size = attention_scratch,
                  .run = attention_run},
    .softmax = softmax,
    .layer_norm = layer_norm,
    .gelu = gelu,
    .add = add,
    .bias = bias,
    .embedding = embedding,
    .pack_keys = pack_keys,
    .probe = {.fma_flops = 2 * PROBE_CHAINS * LANES,
              .fma = probe_fma,
              .read = probe_read,
              .copy = probe_copy},
    .matmul_plain = matmul_plain,
};
