// SPDX-License-Identifier: BSD-2-Clause
// What the scalar kernels share. Their arithmetic is installed, for backends outside this project:
// decoct/reference.h.
#ifndef SCALAR_H
#define SCALAR_H

#if defined(__FMA__) || defined(__aarch64__) || defined(__riscv_flen)
#define HAVE_FMA 1
#else
#define HAVE_FMA 0
#endif

#include <decoct/backend.h>
#include <decoct/reference.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { LANES = DECOCT_LANES, KEYS = DECOCT_KEY_BLOCK, PART = DECOCT_KEY_PART };

extern const decoct_matmul_kernels backend_matmul;
extern const decoct_attention_kernels backend_attention;
extern const decoct_rows_kernels backend_rows;
void backend_pack_keys(const decoct_keys_piece *a);

#endif
