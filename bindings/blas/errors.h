// SPDX-License-Identifier: BSD-2-Clause
// Reports of libdecoct-blas: wrong arguments as BLAS reports them, and warnings.
#ifndef BLAS_ERRORS_H
#define BLAS_ERRORS_H

// Calls xerbla_ of the program or of another BLAS in it; if there is not one, prints a message to
// stderr. `name` is padded with a blank to six characters, "SGEMM "; info counts from 1.
void blas_wrong(const char *name, int info);
// The same through cblas_xerbla, for arguments that only the C interface has. `form` is printed
// with `value`.
void cblas_wrong(int info, const char *name, const char *form, int value);
// Prints the first warning of the process to stderr; later ones would repeat it in every call.
void blas_warn(const char *text, const char *more);

#endif
