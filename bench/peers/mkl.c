// SPDX-License-Identifier: BSD-2-Clause
// MKL: cblas_sgemm, or cblas_sgemm_compute on weights that were packed ahead, whichever is faster.
#include "cblas.h"
#include "library.h"
#include "trial.h"

#include "cases/operands.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, PACKED = 151, B_MATRIX = 162, LP64 = 0, INTEL = 0 };

typedef struct library {
    cblas blas;
    void (*set_threads)(int threads);
    int (*set_interface)(int kind);
    int (*set_threading)(int kind);
    void (*version)(char *text, int size);
    size_t (*pack_size)(int what, int m, int n, int k);
    void (*pack)(int order, int what, int trans, int m, int n, int k, float alpha,
                 const float *from, int ld, float *to);
    void (*compute)(int order, int trans_a, int trans_b, int m, int n, int k, const float *a,
                    int lda, const float *b, int ldb, float beta, float *c, int ldc);
} library;

typedef struct mkl_job {
    cblas_job plain;
    float *packed; // NULL: the plain call is used
} mkl_job;

static const char avx2[] = "MKL_ENABLE_INSTRUCTIONS=AVX2";

// The library of its kernels that the first product has loaded. On CPUs that are not Intel's it
// ignores the setting and takes libmkl_def, which has kernels for AVX2 and no wider ones.
static const char *kernels(const library *lib, const char *folder) {
    static const char *const names[] = {"libmkl_avx512.so.3", "libmkl_avx2.so.3",
                                        "libmkl_def.so.3"};
    const float x[4] = {0.0f};
    float y[4];
    lib->blas.sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, 2, 2, 2, 1.0f, x, 2, x, 2, 0.0f, y, 2);
    for (int i = 0; i < 3; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/pypi/mkl/%s", folder, names[i]);
        if (dlopen(path, RTLD_NOW | RTLD_NOLOAD)) {
            return names[i];
        }
    }
    return "unknown kernels";
}

static void *load_mkl(const peer_request *request, char *note, size_t size) {
    const char *folder = request->folder;
    if (request->avx2) {
        setenv("MKL_ENABLE_INSTRUCTIONS", "AVX2", 1);
    }
    // Its threads need OpenMP, which it looks for among the functions of the program.
    char omp[4096], version[256] = "";
    library *lib = calloc(1, sizeof *lib);
    void *handle = library_open_in(folder, "pypi/mkl/libmkl_rt.so", note, size);
    const library_symbol symbols[] = {
        {"cblas_sgemm", &lib->blas.sgemm},
        {"cblas_sgemv", &lib->blas.sgemv},
        {"cblas_sgemm_batch_strided", &lib->blas.sgemm_batch},
        {"MKL_Set_Num_Threads", &lib->set_threads},
        {"MKL_Set_Interface_Layer", &lib->set_interface},
        {"MKL_Set_Threading_Layer", &lib->set_threading},
        {"MKL_Get_Version_String", &lib->version},
        {"cblas_sgemm_pack_get_size", &lib->pack_size},
        {"cblas_sgemm_pack", &lib->pack},
        {"cblas_sgemm_compute", &lib->compute},
    };
    if (!handle || !lib ||
        !library_find(handle, symbols, (int)(sizeof symbols / sizeof *symbols), note, size)) {
        free(lib);
        return NULL;
    }
    snprintf(omp, sizeof omp, "%s/pypi/mkl/libiomp5.so", folder);
    dlopen(omp, RTLD_NOW | RTLD_GLOBAL);
    lib->set_interface(LP64);
    lib->set_threading(INTEL);
    lib->version(version, sizeof version - 1);
    const char *found = kernels(lib, folder);
    bool narrow = strstr(found, "avx2") || strstr(found, "def");
    if (request->avx2 && !library_limited(narrow, avx2, found, note, size)) {
        free(lib);
        return NULL;
    }
    snprintf(note, size, "%s; %s", version, found);
    return lib;
}

static bool run_mkl(void *data) {
    const mkl_job *j = data;
    const library *lib = j->plain.library;
    const peer_case *c = &j->plain.c;
    int m = (int)c->m, n = (int)c->n, k = (int)c->k;
    lib->set_threads(c->threads);
    if (j->packed) {
        lib->compute(ROW_MAJOR, NO_TRANS, PACKED, m, n, k, c->x, k, j->packed, n, 0.0f, c->y, n);
    } else {
        cblas_run(&j->plain);
    }
    return true;
}

// Keeps the packed weights if they are faster.
static bool try_packed(mkl_job *j) {
    const library *lib = j->plain.library;
    const peer_case *c = &j->plain.c;
    int m = (int)c->m, n = (int)c->n, k = (int)c->k;
    double unpacked = trial_best(run_mkl, j, INFINITY);
    size_t bytes = lib->pack_size(B_MATRIX, m, n, k);
    j->packed = operand_room((int64_t)(bytes / sizeof(float)) + 16);
    if (!j->packed) {
        return false;
    }
    lib->pack(ROW_MAJOR, B_MATRIX, NO_TRANS, m, n, k, 1.0f, c->w, n, j->packed);
    if (trial_best(run_mkl, j, unpacked) > unpacked) {
        free(j->packed);
        j->packed = NULL;
    }
    return true;
}

static void close_mkl(void *data) {
    mkl_job *j = data;
    free(j->packed);
    free(j);
}

static void *open_mkl(void *data, const peer_case *c, char *why, size_t size) {
    const library *lib = data;
    cblas_job *plain = cblas_open(lib, &lib->blas, c, why, size);
    mkl_job *j = plain ? calloc(1, sizeof *j) : NULL;
    if (j) {
        j->plain = *plain;
    }
    free(plain);
    if (j && c->op == PEER_MATMUL && !try_packed(j)) {
        snprintf(why, size, "out of memory");
        close_mkl(j);
        return NULL;
    }
    return j;
}

const peer peer_mkl = {.name = "mkl",
                       .words =
                           "cblas_sgemm, or cblas_sgemm_compute with packed weights where that "
                           "is faster; cblas_sgemv for one row; cblas_sgemm_batch_strided",
                       .load = load_mkl,
                       .open = open_mkl,
                       .run = run_mkl,
                       .close = close_mkl,
                       .avx2 = avx2};
