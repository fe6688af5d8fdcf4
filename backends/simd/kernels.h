// SPDX-License-Identifier: BSD-2-Clause
// What the files of a vector backend give to its table. They are compiled apart, once for each ISA;
// inside the library the build gives these names the prefix of their backend.
#ifndef SIMD_KERNELS_H
#define SIMD_KERNELS_H

#include <decoct/backend.h>

extern const decoct_matmul_kernels backend_matmul;
extern const decoct_attention_kernels backend_attention;
extern const decoct_rows_kernels backend_rows;
void backend_pack_keys(const decoct_keys_piece *a);

#endif
