// SPDX-License-Identifier: BSD-2-Clause
// Operations on rows inside the library, once shapes were checked.
#ifndef DCT_ROWOPS_H
#define DCT_ROWOPS_H

#include "core/context.h"

// Divides the rows of a piece among the threads. Strides, types and operands must be set.
void dct_rows(decoct_context *ctx, decoct_op op, const decoct_rows_piece *piece);

#endif
