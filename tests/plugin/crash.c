// SPDX-License-Identifier: BSD-2-Clause
// A plugin whose addition crashes (-DCRASH=1), never ends (2), or ends the process (3); or that
// crashes (4), ends the process (5) or stops it (6) while it is loaded.
#include <decoct/backend.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void add(const decoct_rows_piece *a) {
    volatile int32_t on = 1;
    while (CRASH == 2 && on) {
    }
    if (CRASH == 3) {
        exit(0);
    }
    *(volatile float *)(uintptr_t)(a->cols < 0) = 0.0f;
}

#if CRASH >= 4
__attribute__((constructor)) static void start(void) {
    if (CRASH == 5) {
        _exit(42);
    } else if (CRASH == 6) {
        raise(SIGSTOP);
    } else {
        abort();
    }
}
#endif

static const decoct_rows_kernel list[] = {[DECOCT_OP_ADD] = {.run = add}};
static const decoct_rows_kernels rows = DECOCT_KERNELS(list);

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {.struct_size = sizeof(decoct_backend),
                                             .abi = DECOCT_BACKEND_ABI,
                                             .name = "crash",
                                             .version = "1",
                                             .priority = 1000,
                                             .rows = &rows};
