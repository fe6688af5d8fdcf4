// SPDX-License-Identifier: BSD-2-Clause
// Angles of rotary position embeddings inside the library, once arguments were checked.
#ifndef DCT_ROTARY_H
#define DCT_ROTARY_H

#include "core/context.h"

// What is said of the frequencies: DECOCT_E_ARGUMENT, with `op` at the head of the message.
decoct_status dct_rotary_check(dct_error *error, const char *op, const decoct_rotary_args *args);
// Fills cosine and sine. All fields must be set: theta, scale and stride are not 0.
void dct_rotary_angles(decoct_context *ctx, const decoct_rotary_args *args);

#endif
