// SPDX-License-Identifier: BSD-2-Clause
// The backends that were found, and the kernel chosen for each purpose.
#ifndef DCT_DISPATCH_H
#define DCT_DISPATCH_H

#include "kernels.h"
#include "machine/cpu.h"
#include "machine/memory.h"
#include "machine/status.h"

enum { DCT_ATTENTION_SETS = DCT_ATTENTION_ALL + 1 };

// The kernel that was chosen for each purpose. Only what a comment names may be NULL.
typedef struct dct_choice {
    const decoct_matmul_kernel *matmul[DCT_DTYPES]; // by the type of w
    // By what is asked of it, a set of DECOCT_ATTENTION_ bits.
    const decoct_attention_kernel *attention[DCT_ATTENTION_SETS];
    const decoct_rows_kernel *rows[DCT_OPS][DCT_DTYPES]; // by the type of x; NULL: not available
    void (*pack_keys)(const decoct_keys_piece *piece);
    const decoct_probe_kernel *probe;
    const decoct_whole_kernels *whole;      // with matmul; NULL: none
    const decoct_whole_kernels *whole_rows; // with rows; NULL: none
    // The vector length that some of them need, one of DCT_CPU_LENGTHS, and the choice for threads
    // of another one. 0: they run on every thread, and `spare` is this choice itself.
    uint64_t length;
    const struct dct_choice *spare;
} dct_choice;

// The kernels for the calling thread. To be asked where a kernel is called, since each thread has
// its own vector length and may change it.
static inline const dct_choice *dct_choice_here(const dct_choice *choice) {
    return choice->length && dct_cpu_length() != choice->length ? choice->spare : choice;
}

// One backend that was found.
typedef struct dct_backend {
    dct_kernels kernels; // those that were not admitted are dropped
    uint64_t features;   // of the CPU that it needs
    uint32_t priority;
    int32_t bits;           // DECOCT_BITS_
    int32_t (*asked)(void); // its usable(), or NULL
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
decoct_status dct_backends_open(dct_memory *memory, uint64_t features, const char *forced,
                                bool strict, dct_backends **out, dct_error *error);
dct_backends *dct_backends_share(dct_backends *backends);
void dct_backends_release(dct_backends *backends);

int32_t dct_backends_count(const dct_backends *backends);
const dct_backend *dct_backends_at(const dct_backends *backends, int32_t index);
const dct_choice *dct_backends_choice(const dct_backends *backends);
// Name of the backend that a chosen kernel is from, or NULL.
const char *dct_backends_having(const dct_backends *backends, const void *kernel);
// Name of the backend that serves a slot, or NULL.
const char *dct_backends_serving(const dct_backends *backends, int32_t slot);

#endif
