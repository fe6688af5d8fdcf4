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

// A context for one call of `work` multiply-adds; give it back with blas_leave.
blas_turn blas_enter(double work);
void blas_leave(blas_turn turn);

#endif
