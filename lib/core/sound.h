// SPDX-License-Identifier: BSD-2-Clause
// Are the sizes and pointers that a kernel states such that the library can work with them?
#ifndef DCT_SOUND_H
#define DCT_SOUND_H

#include <decoct/backend.h>
#include <stdbool.h>

enum {
    DCT_WHY_ROOM = 128,
    DCT_SCRATCH_MAX = 1 << 24 // bytes that a kernel may ask for
};

// Of a kernel as dct_kernels_copy gives it. False: `why` (DCT_WHY_ROOM bytes) names the field.
bool dct_matmul_is_sound(const decoct_matmul_kernel *kernel, char *why);
bool dct_attention_is_sound(const decoct_attention_kernel *kernel, char *why);
bool dct_probe_is_sound(const decoct_probe_kernel *kernel, char *why);

#endif
