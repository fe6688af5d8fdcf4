// SPDX-License-Identifier: BSD-2-Clause
// A vector backend of ours as a plugin from outside: under a name that is free. The exam must admit
// all of it. Only the table is compiled here; the kernels are those of the backend.
#undef DECOCT_BACKEND_ENTRY
#define DECOCT_BACKEND_ENTRY definition
#include "backends/simd/backend.c"

__attribute__((visibility("default"))) extern decoct_backend decoct_backend_entry;
decoct_backend decoct_backend_entry;

__attribute__((constructor)) static void fill_table(void) {
    decoct_backend_entry = definition;
    decoct_backend_entry.name = "renamed-" BACKEND_NAME;
    decoct_backend_entry.priority = 1000 + BACKEND_PRIORITY;
}
