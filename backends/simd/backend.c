// SPDX-License-Identifier: BSD-2-Clause
// The table of a vector backend, with the ceilings of its instructions.
#include "sheet.h" // of the ISA that this is compiled for

#include "kernels.h"
#include "probe.h"

static const decoct_probe_kernel probe = {.fma_flops = 2 * PROBE_CHAINS * LANES,
                                          .fma = probe_fma,
                                          .read = probe_read,
                                          .copy = probe_copy};

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
    .matmul = &backend_matmul,
    .attention = &backend_attention,
    .rows = &backend_rows,
    .pack_keys = backend_pack_keys,
    .probe = &probe,
};
