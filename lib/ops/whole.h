// SPDX-License-Identifier: BSD-2-Clause
// Backends that have whole operations instead of kernels: they are asked first.
#ifndef DCT_WHOLE_H
#define DCT_WHOLE_H

#include "core/context.h"

// True if the backend that the context has named has done the whole product.
bool dct_whole_matmul(decoct_context *ctx, const decoct_whole_matmul *call);
// The same for an operation on rows.
bool dct_whole_rows(decoct_context *ctx, decoct_op op, const decoct_rows_piece *call);
// What such a backend made of weights, for its own products; NULL: nothing.
void *dct_whole_pack(decoct_context *ctx, const decoct_whole_weights *weights);

#endif
