// SPDX-License-Identifier: BSD-2-Clause
// A matrix that was packed once for the matmul kernel of its type.
#ifndef DCT_WEIGHTS_H
#define DCT_WEIGHTS_H

#include "core/context.h"

struct decoct_weights {
    dct_backends *backends; // keeps the kernel's module loaded
    const decoct_matmul_kernel *kernel;
    int64_t k, n;
    void *panels; // (ceil(n / panel_cols)) of panel_bytes
    int64_t panel_bytes;
    // A dense copy as w was stored, for a backend with whole products; NULL: the context had no
    // such backend.
    void *dense;
    bool transposed; // of the copy: (n, k)
    // In place of the copy, what the whole operations of such a backend made of w; NULL: nothing.
    void *own;
    const decoct_whole_kernels *whole; // their release
};

// w, or a part of it, to be packed.
typedef struct dct_pack_job {
    const dct_choice *kernels;
    const decoct_matmul_kernel *kernel; // the one of `kernels` for the type of w
    int64_t k, n;
    const void *w; // of the kernel's w_dtype
    int64_t row_stride, col_stride;
    char *panels;
} dct_pack_job;

// Packs columns [first, first + cols) of w, all steps of k, to `panels`.
void dct_pack_columns(const dct_pack_job *job, int64_t first, int64_t cols, char *panels);

decoct_status dct_weights_create(decoct_context *ctx, const decoct_weights_args *args,
                                 decoct_weights **out);

#endif
