// SPDX-License-Identifier: BSD-2-Clause
// A plugin whose addition crashes (-DCRASH=1), never ends (2), or ends the process (3); or that
// crashes while it is loaded (4).
#include <decoct/backend.h>
#include <stdlib.h>

static void add(const decoct_rows_piece *a) {
    volatile int32_t on = 1;
    while (CRASH == 2 && on) {
    }
    if (CRASH == 3) {
        exit(0);
    }
    *(volatile float *)(uintptr_t)(a->cols < 0) = 0.0f;
}

#if CRASH == 4
__attribute__((constructor)) static void start(void) {
    abort();
}
#endif

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {.struct_size = sizeof(decoct_backend),
                                             .abi = DECOCT_BACKEND_ABI,
                                             .name = "crash",
                                             .version = "1",
                                             .priority = 1000,
                                             .add = add};
