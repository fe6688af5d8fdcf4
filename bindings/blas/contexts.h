// SPDX-License-Identifier: BSD-2-Clause
// The contexts of libdecoct-blas and who of the host's threads uses which.
#ifndef BLAS_CONTEXTS_H
#define BLAS_CONTEXTS_H

#include <decoct/decoct.h>
#include <stdbool.h>

// What a call holds while it computes.
typedef struct blas_turn {
    decoct_context *ctx; // NULL: no context could be opened
    enum { TURN_FREE, TURN_ALONE, TURN_TEAM } held;
} blas_turn;

// Products of less work (multiply-adds) are done by one thread in any context: no team and no lock
// for them.
enum { BLAS_LARGE = 500000 };

// The context of this thread; NULL: it has not been opened yet.
decoct_context *blas_own(void);

// A context for one call of `work` multiply-adds; give it back with blas_leave.
blas_turn blas_enter(double work);
void blas_leave(blas_turn turn);

#endif
