// SPDX-License-Identifier: BSD-2-Clause
// What runs in the process of a side: opening our library with the probes of the ceiling, or a
// peer, on the operands of a row.
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include "fill.h"
#include "side.h"

// The jobs of our side.
enum { JOB_US, JOB_FMA, JOB_MEMORY };

typedef struct child_setup {
    const row_shape *shape;
    const row_operands *operands; // of the driver; the new process reads them
    int32_t threads;
    const char *backend; // NULL: the best
    peer_request request;
    const peer *peer; // NULL for our side
} child_setup;

// For side_open: data is a child_setup.
bool child_open_ours(void *setup, side_desk *desk);
bool child_open_peer(void *setup, side_desk *desk);

// Is the library there? Its version, or the reason, at `note` (SIDE_NOTE bytes).
bool child_find(const peer *p, const peer_request *request, double limit, char *note);

#endif
