// SPDX-License-Identifier: BSD-2-Clause
// Angles of rotary position embeddings inside the library, once arguments were checked.
#ifndef DCT_ROTARY_H
#define DCT_ROTARY_H

#include "core/context.h"

// Fills cosine and sine. All fields must be set: theta, scale and stride are not 0.
void dct_rotary_angles(decoct_context *ctx, const decoct_rotary_args *args);

#endif
