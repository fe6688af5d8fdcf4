// SPDX-License-Identifier: BSD-2-Clause
// Our own library in the shape of a peer; the public header only.
#ifndef BENCH_OURS_H
#define BENCH_OURS_H

#include "peer.h"

#include <decoct/decoct.h>

typedef struct ours {
    decoct_context *ctx;
} ours;

// A context with so many threads; NULL backend: the best. Words at `error` on failure.
decoct_status ours_open(const char *backend, int32_t threads, ours *out, char *error, size_t size);
void ours_close(ours *library);

// Its `library` is an `ours`; load is NULL.
extern const peer peer_ours;

#endif
