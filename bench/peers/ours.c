// SPDX-License-Identifier: BSD-2-Clause
#include "ours.h"

decoct_status ours_open(const char *backend, int32_t threads, ours *out, char *error, size_t size) {
    decoct_options o = {.struct_size = sizeof o,
                        .threads = threads,
                        .backend = backend,
                        .error = error,
                        .error_size = size};
    return decoct_context_open(&o, &out->ctx);
}

void ours_close(ours *library) {
    decoct_context_close(library->ctx);
    library->ctx = NULL;
}
