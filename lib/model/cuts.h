// SPDX-License-Identifier: BSD-2-Clause
// The edges of attention that a session leaves out, and the masks that do it.
#ifndef DCT_CUTS_H
#define DCT_CUTS_H

#include "session.h"

// Which scores a mask is for: of queries at [first, first + rows) with the keys before `keys`.
typedef struct dct_cut_scores {
    int64_t layer, head; // head -1: of all heads of the layer
    int64_t first, rows, keys;
} dct_cut_scores;

// The cuts of queries at [first, first + rows) are used from now on: these tokens are fed. True if
// some of them are in one layer only, so that each layer needs a mask of its own.
bool dct_cuts_use(decoct_session *session, int64_t first, int64_t rows);
// Queries from `length` on are forgotten.
void dct_cuts_truncate(decoct_session *session, int64_t length);
// The additive mask (rows, keys) from the used cuts, NULL without any: the same for all heads with
// *head_stride 0, else one a head. Valid until the next mask on this context. DECOCT_E_MEMORY.
decoct_status dct_cuts_mask(decoct_context *ctx, const decoct_session *session,
                            const dct_cut_scores *scores, const float **mask, int64_t *head_stride);

#endif
