// SPDX-License-Identifier: BSD-2-Clause
// Our own side: one context for all rows.
#ifndef BENCH_OURS_H
#define BENCH_OURS_H

#include <decoct/decoct.h>
#include <stddef.h>

typedef struct ours {
    decoct_context *ctx;
} ours;

// A context with `threads` threads; NULL backend: the best. A message at `error` on failure.
decoct_status ours_open(const char *backend, int32_t threads, ours *out, char *error, size_t size);
void ours_close(ours *library);

#endif
