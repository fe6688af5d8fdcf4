// SPDX-License-Identifier: BSD-2-Clause
// Structs and texts that cross the border of the library.
#ifndef DCT_BORDER_H
#define DCT_BORDER_H

#include "machine/status.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// The size of each struct in the first release, 0.1.0: up to the end of its last field. No caller
// has a shorter one. Fields added later do not change these.
enum {
    DCT_FIRST_OPTIONS = offsetof(decoct_options, error_size) + sizeof(uint64_t),
    DCT_FIRST_BACKEND_INFO = offsetof(decoct_backend_info, reason) + sizeof(char *),
    DCT_FIRST_MATMUL = offsetof(decoct_matmul_args, y_stride) + sizeof(int64_t),
    DCT_FIRST_ATTENTION = offsetof(decoct_attention_args, mask_stride) + sizeof(int64_t),
    DCT_FIRST_BLOCK = offsetof(decoct_block_args, down_bias) + sizeof(float *),
    DCT_FIRST_BLOCK_FROM = offsetof(decoct_block_from_args, down_bias) + sizeof(float *),
    DCT_FIRST_MODEL_INFO = offsetof(decoct_model_info, type) + sizeof(char *),
    DCT_FIRST_MODEL_SOURCE = offsetof(decoct_model_source, descriptors) + sizeof(int32_t *),
    DCT_FIRST_STEP_INFO = offsetof(decoct_step_info, bytes) + sizeof(double),
    DCT_FIRST_ROWS = offsetof(decoct_rows_args, eps) + sizeof(float),
    DCT_FIRST_ROTARY = offsetof(decoct_rotary_args, stride) + sizeof(int64_t),
    DCT_FIRST_WEIGHTS = offsetof(decoct_weights_args, transposed) + sizeof(int32_t),
    DCT_FIRST_SAMPLE = offsetof(decoct_sample_args, position) + sizeof(uint64_t)
};

// Copies a caller's struct into one of ours of `size` bytes; what the caller's version lacks is 0.
// DECOCT_E_ARGUMENT, with `what` at the head of the message, if it is NULL, shorter than `first`,
// or uses fields that this library does not know (then the known ones are copied all the same).
decoct_status dct_take_any_struct(dct_error *error, const char *what, void *to, size_t size,
                                  size_t first, const void *from);
// The same; fast for callers of this version, which are nearly all.
static inline decoct_status dct_take_struct(dct_error *error, const char *what, void *to,
                                            size_t size, size_t first, const void *from) {
    uint32_t theirs = 0;
    if (from && (memcpy(&theirs, from, sizeof theirs), theirs == size)) {
        memcpy(to, from, size);
        return DECOCT_OK;
    }
    return dct_take_any_struct(error, what, to, size, first, from);
}
// Copies our struct to the caller's, as far as its size allows. Errors as above.
decoct_status dct_give_struct(dct_error *error, const char *what, void *to, size_t first,
                              const void *from, size_t size);
// DECOCT_E_ARGUMENT if a size is negative.
static inline decoct_status dct_check_size(dct_error *error, const char *op, const char *name,
                                           int64_t size) {
    return size >= 0 ? DECOCT_OK
                     : dct_fail(error, DECOCT_E_ARGUMENT, "%s: %s is %lld, at least 0", op, name,
                                (long long)size);
}
// DECOCT_E_ARGUMENT if `pointer` is NULL although `count` elements of it are used.
static inline decoct_status dct_check_given(dct_error *error, const char *op, const char *name,
                                            const void *pointer, uint64_t count) {
    return pointer || count == 0 ? DECOCT_OK
                                 : dct_fail(error, DECOCT_E_ARGUMENT, "%s: %s is NULL", op, name);
}
// Copies a text out: at most `size` bytes with the NUL, the whole length in *length.
void dct_give_text(const char *from, char *text, uint64_t size, uint64_t *length);

#endif
