// SPDX-License-Identifier: BSD-2-Clause
// Small matrix products without detours.
#ifndef DCT_SMALL_H
#define DCT_SMALL_H

#include "core/context.h"

// Does a product that is small, usual and right. False: it is not, or not for sure, and nothing was
// done.
bool dct_multiply_small(decoct_context *ctx, const decoct_matmul_args *args);

#endif
