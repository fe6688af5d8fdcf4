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
 *  these CPUs means the same. Waits until the large products that run have ended; with
 *  glibc, new ones wait until the number is set. */
DECOCT_API void decoct_blas_set_threads(int32_t threads);
/** How many threads a large product may use, the calling one included; 1 if no context can be
 *  opened. If no call has found the number yet (decoct_blas_set_threads forgets it), it waits for
 *  large products as that function does; else it does not wait. */
DECOCT_API int32_t decoct_blas_threads(void);

#ifdef __cplusplus
}
#endif
#endif
