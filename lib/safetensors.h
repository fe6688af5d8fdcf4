// SPDX-License-Identifier: BSD-2-Clause
// Reads a model.safetensors file: memory-mapped, every offset checked before it is used.
#ifndef DCT_SAFETENSORS_H
#define DCT_SAFETENSORS_H

#include "status.h"

#include <stdbool.h>

typedef struct dct_safetensors dct_safetensors;

typedef enum dct_tensor_type { DCT_TENSOR_F32, DCT_TENSOR_F16, DCT_TENSOR_BF16 } dct_tensor_type;

typedef struct dct_tensor {
    dct_tensor_type type;
    int32_t rank; // 1 or 2 are what models need; at most 8
    int64_t shape[8];
    int64_t count;    // product of shape
    const void *data; // inside the mapping; may be unaligned
} dct_tensor;

decoct_status dct_safetensors_open(const char *path, dct_safetensors **out, dct_error *error);
void dct_safetensors_close(dct_safetensors *file);
// Finds a tensor by name; false if it is not there. Tensors of other types (I64 masks, ...) are
// checked for bounds, then skipped: they are not found.
bool dct_safetensors_find(const dct_safetensors *file, const char *name, dct_tensor *out);
// Values [first, first + count) as f32, exactly.
void dct_tensor_read(const dct_tensor *tensor, int64_t first, int64_t count, float *out);

#endif
