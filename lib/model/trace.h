// SPDX-License-Identifier: BSD-2-Clause
// What each step of a recipe wrote, for the host.
#ifndef DCT_TRACE_H
#define DCT_TRACE_H

#include "recipe.h"

// Gives the host what a step wrote; nothing where it wrote to the cache alone.
void dct_trace_step(const dct_pass *pass, const dct_step *step, int64_t index);

#endif
