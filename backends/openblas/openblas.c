// SPDX-License-Identifier: BSD-2-Clause
// OpenBLAS as a backend: matrix products by cblas_sgemm, and cblas_sgemv for one row, each block of
// y on one thread of the context. It has no products of f32 by bf16 or f16.
#include "whole/library.h"
#include "whole/split.h"

#include <cblas.h>

typedef void sgemm_function(CBLAS_ORDER order, CBLAS_TRANSPOSE transposed_a,
                            CBLAS_TRANSPOSE transposed_b, blasint m, blasint n, blasint k,
                            float alpha, const float *a, blasint lda, const float *b, blasint ldb,
                            float beta, float *c, blasint ldc);
typedef void sgemv_function(CBLAS_ORDER order, CBLAS_TRANSPOSE transposed, blasint m, blasint n,
                            float alpha, const float *a, blasint lda, const float *x, blasint incx,
                            float beta, float *y, blasint incy);
_Static_assert(_Generic(&cblas_sgemm, sgemm_function * : 1, default : 0),
               "cblas.h has another one");
_Static_assert(_Generic(&cblas_sgemv, sgemv_function * : 1, default : 0),
               "cblas.h has another one");

// Written once, before any product.
static struct {
    bool opened;
    sgemm_function *sgemm;
    sgemv_function *sgemv;
    void (*set_threads)(int threads);
} library;

// Of the whole process, which may use it for other things; its own threads then sleep.
static bool use_one_thread(char *reason, uint64_t size) {
    (void)reason;
    library.set_threads(1);
    return size > 0;
}

static int32_t open_openblas(char *reason, uint64_t size) {
    const whole_symbol symbols[] = {{"cblas_sgemm", &library.sgemm},
                                    {"cblas_sgemv", &library.sgemv},
                                    {"openblas_set_num_threads", &library.set_threads}};
    return !whole_open(&library.opened, "libopenblas.so.0", symbols, 3, use_one_thread, reason,
                       size);
}

typedef struct product {
    const decoct_whole_matmul *call;
    whole_split split;
} product;

static const float *columns_of_b(const decoct_whole_matmul *a, int64_t col) {
    return (const float *)a->b.data + (a->b_transposed ? col * a->b.stride : col);
}

// BLAS requires the distance of rows to be at least their length, and 1.
static blasint distance(int64_t stride, int64_t cols) {
    return (blasint)whole_larger(whole_larger(stride, cols), 1);
}

static void multiply_block(void *data, int64_t index, int32_t worker) {
    const product *p = data;
    const decoct_whole_matmul *a = p->call;
    whole_block b = whole_block_at(&p->split, index);
    blasint rows = (blasint)b.rows, cols = (blasint)b.cols, k = (blasint)a->k;
    blasint ldx = distance(a->x.stride, a->k), ldy = distance(a->y.stride, b.cols);
    blasint ldb = distance(a->b.stride, a->b_transposed ? a->k : b.cols);
    const float *x = whole_x(a, &b), *w = columns_of_b(a, b.col);
    float *y = whole_y(a, &b);
    (void)worker;
    whole_begin(a, &b);
    if (k == 0) {
        return;
    }
    if (rows == 1 && a->b_transposed) {
        library.sgemv(CblasRowMajor, CblasNoTrans, cols, k, 1.0f, w, ldb, x, 1, 1.0f, y, 1);
    } else if (rows == 1) {
        library.sgemv(CblasRowMajor, CblasTrans, k, cols, 1.0f, w, ldb, x, 1, 1.0f, y, 1);
    } else {
        library.sgemm(CblasRowMajor, CblasNoTrans, a->b_transposed ? CblasTrans : CblasNoTrans,
                      rows, cols, k, 1.0f, x, ldx, w, ldb, 1.0f, y, ldy);
    }
}

static int32_t matmul(const decoct_host *host, const decoct_whole_matmul *call) {
    if (!whole_fits_int(call)) {
        return 1;
    }
    product p = {.call = call, .split = whole_divide(host, call->m, call->n, call->k)};
    host->run(host->context, p.split.count, multiply_block, &p);
    return 0;
}

static const decoct_whole_kernels whole = {
    .dtypes = 1u << DECOCT_F32, .bits = DECOCT_BITS_OTHER, .matmul = matmul, .open = open_openblas};

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {.struct_size = sizeof(decoct_backend),
                                             .abi = DECOCT_BACKEND_ABI,
                                             .name = "openblas",
                                             .version = WHOLE_VERSION,
                                             .priority = 1000,
                                             .bits = DECOCT_BITS_OTHER,
                                             .whole = &whole,
                                             .whole_size = sizeof whole};
