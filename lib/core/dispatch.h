// SPDX-License-Identifier: BSD-2-Clause
// The backends that were found, and the kernel chosen for each operation. Nobody else asks about
// the CPU.
#ifndef DCT_DISPATCH_H
#define DCT_DISPATCH_H

#include "machine/status.h"

#include <decoct/backend.h>
#include <stdbool.h>

// Every kernel of the table once: its field, and how to see whether a table has it. matmul_plain is
// a part of matmul.
#define DCT_KERNEL_LIST(X)                                                                         \
    X(matmul, .run)                                                                                \
    X(attention, .run)                                                                             \
    X(softmax, )                                                                                   \
    X(layer_norm, )                                                                                \
    X(gelu, )                                                                                      \
    X(add, )                                                                                       \
    X(bias, )                                                                                      \
    X(embedding, )                                                                                 \
    X(pack_keys, )                                                                                 \
    X(probe, .fma)

// One backend that was looked at.
typedef struct dct_backend {
    decoct_backend table; // copied; kernels that were not admitted are NULL
    char name[64], version[64], origin[512], reason[1536];
    char rejected[1024];    // which of its kernels were not admitted, each with its reason
    int32_t rejected_count; // how many those are
    int32_t serves;         // how many kernels
    void *module;           // from dlopen, NULL if built in
    int descriptor;         // through which the module was loaded, -1: none
    bool usable;            // could run here
    bool outside;           // named by DECOCT_BACKEND_PATH: must pass the admission test
    bool no_memory;         // it was refused for that
    bool forced;            // the one that was asked for by name
} dct_backend;

// Shared by contexts' weights: counted references, never changed after opening.
typedef struct dct_backends dct_backends;

// Finds, checks and chooses. `forced` NULL: the best. `strict`: an error if a kernel of the forced
// one was not admitted.
decoct_status dct_backends_open(uint64_t features, const char *forced, bool strict,
                                dct_backends **out, dct_error *error);
dct_backends *dct_backends_share(dct_backends *backends);
void dct_backends_release(dct_backends *backends);

int32_t dct_backends_count(const dct_backends *backends);
const dct_backend *dct_backends_at(const dct_backends *backends, int32_t index);
// The chosen kernels, as a table with no gaps but matmul_plain.
const decoct_backend *dct_backends_kernels(const dct_backends *backends);
// Name of the backend that serves a kernel; NULL: no such kernel.
const char *dct_backends_serving(const dct_backends *backends, const char *kernel);

#endif
