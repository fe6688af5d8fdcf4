// SPDX-License-Identifier: BSD-2-Clause
// Small matrix products without detours.
#ifndef DCT_SMALL_H
#define DCT_SMALL_H

#include "core/context.h"

// Does a product that is small, usual and right, and enters the context for it if the call has not
// `entered` it. False: it is not such a product, or not for sure, or the context is not free; then
// nothing was done.
bool dct_multiply_small(decoct_context *ctx, const decoct_matmul_args *args, bool entered);

#endif
