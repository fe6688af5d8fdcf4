// SPDX-License-Identifier: BSD-2-Clause
/**
 * @file blas.h
 * @brief What libdecoct-blas has beside the functions of BLAS.
 *
 * The functions of BLAS themselves (sgemm_, sgemv_, cblas_sgemm, cblas_sgemv,
 * cblas_sgemm_batch_strided) have the declarations of any <cblas.h> with 32-bit integers.
 */
#ifndef DECOCT_BLAS_H
#define DECOCT_BLAS_H

#include <decoct/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Sets how many threads a large product may use, for the whole process; 0: as
 *  $DECOCT_BLAS_THREADS says, else all CPUs that this process may use. A number above that of
 *  these CPUs counts as it. Waits until no large product runs. */
DECOCT_API void decoct_blas_set_threads(int32_t threads);
/** How many threads a large product may use, the calling one included. */
DECOCT_API int32_t decoct_blas_threads(void);

#ifdef __cplusplus
}
#endif
#endif
