// SPDX-License-Identifier: BSD-2-Clause
// Do two views of memory share an element? Views with gaps may be in one buffer, each in the gaps
// of the other, without sharing an element.
#ifndef DCT_OVERLAP_H
#define DCT_OVERLAP_H

#include "machine/status.h"

#include <stdbool.h>

// Runs of `width` elements of 4 bytes, along up to three axes. Counts and strides are not negative,
// strides in elements; an unused axis has count 1. `data` may be NULL.
typedef struct dct_view {
    const void *data;
    int64_t width, count[3], stride[3];
} dct_view;

dct_view dct_view_of_rows(const void *data, int64_t rows, int64_t cols, int64_t stride);
// True if the bytes at a and at b do not overlap. NULL has 0 bytes.
static inline bool dct_bytes_apart(const void *a, uint64_t a_bytes, const void *b,
                                   uint64_t b_bytes) {
    uintptr_t at = (uintptr_t)a, bt = (uintptr_t)b;
    return !a || !b || !a_bytes || !b_bytes || (at < bt ? bt - at >= a_bytes : at - bt >= b_bytes);
}

// The same for floats, gaps and all: the usual case, decided in a nanosecond.
static inline bool dct_is_apart(const float *a, int64_t a_floats, const float *b,
                                int64_t b_floats) {
    return dct_bytes_apart(a, (uint64_t)a_floats * sizeof(float), b,
                           (uint64_t)b_floats * sizeof(float));
}

// DECOCT_E_ARGUMENT if rows (rows, cols) overlap each other, are larger than memory or not there.
// Sets a stride of 0 to that of dense rows.
decoct_status dct_check_rows(dct_error *error, const char *op, const char *name, int64_t rows,
                             int64_t cols, int64_t *stride, const void *data);
// Can memory be that large?
bool dct_view_fits(const dct_view *view);
// True if some byte belongs to both.
bool dct_views_share(const dct_view *a, const dct_view *b);
// DECOCT_E_ARGUMENT if output y shares an element with input x.
decoct_status dct_check_apart(dct_error *error, const char *op, const char *y_name,
                              const dct_view *y, const char *x_name, const dct_view *x);

#endif
