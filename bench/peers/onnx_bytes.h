// SPDX-License-Identifier: BSD-2-Clause
// A model of one operator as ONNX bytes.
#ifndef BENCH_ONNX_BYTES_H
#define BENCH_ONNX_BYTES_H

#include "onnxruntime_api.h"

#include <stdbool.h>
#include <stddef.h>

// The model is from `at` to `end`; free `bytes`.
typedef struct onnx_bytes {
    unsigned char *bytes, *at, *end;
} onnx_bytes;

// Bytes of a tensor's data.
size_t onnx_size(const tensor *t);
// False: no memory.
bool onnx_write(onnx_bytes *w, const model *m);

#endif
