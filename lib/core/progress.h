// SPDX-License-Identifier: BSD-2-Clause
// The host's progress function: when it is called, and how it cancels a call.
#ifndef DCT_PROGRESS_H
#define DCT_PROGRESS_H

#include "context.h"

// Sets how many units of its own a call has: dct_progress_add counts them. Without that, the
// pieces of each parallel run are reported.
static inline void dct_progress_begin(decoct_context *ctx, int64_t total) {
    ctx->progress.total = total;
    ctx->progress.done = 0;
}
void dct_progress_add(decoct_context *ctx, int64_t done);
// Counts `work` (about one per multiply-add), and calls the host when there was enough of it.
// False: the host has cancelled, ctx->ran says so, and nothing more must be done in this call.
bool dct_progress_work(decoct_context *ctx, double work);
// Is there a host to be called within `work`, so that it must be cut into parts?
bool dct_progress_wanted(const decoct_context *ctx, double work);
// Multiply-adds that one piece of work should not exceed; INFINITY: any.
double dct_progress_piece(const decoct_context *ctx);
// Multiply-adds after which the host is called.
double dct_progress_unit(const decoct_context *ctx);
// Counts the work of a round of pieces, of which `done` of `total` are done now; calls the host as
// dct_progress_work does.
bool dct_progress_pass(decoct_context *ctx, double work, int64_t done, int64_t total);

#endif
