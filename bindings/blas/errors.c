// SPDX-License-Identifier: BSD-2-Clause
// A BLAS reports a wrong argument through a function that the host may replace. This library has
// no such function of its own, so that it never hides the one of the program or of the BLAS that is
// underneath.
#include "errors.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

enum { NAME_LENGTH = 6 };

extern void xerbla_(const char *name, const int *info, size_t length) __attribute__((weak));
extern void cblas_xerbla(int info, const char *name, const char *form, ...) __attribute__((weak));

void blas_wrong(const char *name, int info) {
    if (xerbla_) {
        xerbla_(name, &info, NAME_LENGTH);
    } else {
        fprintf(stderr, " ** On entry to %s parameter number %2d had an illegal value\n", name,
                info);
    }
}

void cblas_wrong(int info, const char *name, const char *form, int value) {
    if (cblas_xerbla) {
        cblas_xerbla(info, name, form, value);
    } else {
        fprintf(stderr, "Parameter %d to routine %s was incorrect\n", info, name);
    }
}

void blas_warn(const char *text, const char *more) {
    static atomic_flag warned = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&warned)) {
        fprintf(stderr, "libdecoct-blas: %s%s\n", text, more);
    }
}
