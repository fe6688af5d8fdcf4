// SPDX-License-Identifier: BSD-2-Clause
// BLIS: sgemm, which packs both operands in each call (0.9 has no stable call for weights packed
// ahead). One row uses sgemv, as its users would.
#include "cblas.h"
#include "library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARCHES_MAX = 64 };

typedef struct library {
    void *handle;
    void (*init)(void);
    int (*arch)(void);
    const char *(*arch_name)(int arch);
    const char *(*version)(void);
    void (*set_threads)(int64_t threads);
    cblas blas;
} library;

static bool open_library(library *lib, char *note, size_t size) {
    static const char *const names[] = {"libblis.so.4", NULL};
    const library_symbol symbols[] = {
        {"bli_init", &lib->init},
        {"bli_arch_query_id", &lib->arch},
        {"bli_arch_string", &lib->arch_name},
        {"bli_info_get_version_str", &lib->version},
        {"bli_thread_set_num_threads", &lib->set_threads},
        {"cblas_sgemm", &lib->blas.sgemm},
        {"cblas_sgemv", &lib->blas.sgemv},
    };
    lib->handle = library_open(names, note, size);
    if (!lib->handle || !library_find(lib->handle, symbols, 7, note, size)) {
        return false;
    }
    lib->init(); // without it, querying an arch that was set by hand aborts
    return true;
}

// The configuration with the widest vectors that this CPU can run; NULL: not one is known to fit.
static const char *fitting_arch(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        return "skx";
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return "haswell";
    }
#endif
    return NULL;
}

// BLIS chooses by the CPU's model name and runs portable C on an unknown model. Its
// users then name an older CPU in BLIS_ARCH_TYPE, which is read once: so it is opened again.
static bool open_named(library *lib, const char *arch, char *note, size_t size) {
    for (int i = 0; i < ARCHES_MAX && strcmp(lib->arch_name(i), "generic") != 0; i++) {
        if (strcmp(lib->arch_name(i), arch) == 0) {
            char number[16];
            snprintf(number, sizeof number, "%d", i);
            dlclose(lib->handle);
            setenv("BLIS_ARCH_TYPE", number, 1);
            bool opened = open_library(lib, note, size);
            unsetenv("BLIS_ARCH_TYPE");
            return opened;
        }
    }
    return true;
}

static const char avx2[] = "BLIS_ARCH_TYPE of haswell";

static void *load_blis(const peer_request *request, char *note, size_t size) {
    library *lib = calloc(1, sizeof *lib);
    if (!lib || !open_library(lib, note, size)) {
        free(lib);
        return NULL;
    }
    const char *arch = request->avx2 ? "haswell" : fitting_arch();
    bool unknown =
        arch && !getenv("BLIS_ARCH_TYPE") && strcmp(lib->arch_name(lib->arch()), "generic") == 0;
    bool opened = (!unknown && !request->avx2) || open_named(lib, arch, note, size);
    const char *name = opened ? lib->arch_name(lib->arch()) : "";
    if (!opened ||
        (request->avx2 && !library_limited(strcmp(name, "haswell") == 0, avx2, name, note, size))) {
        free(lib);
        return NULL;
    }
    snprintf(note, size, "BLIS %s; %s%s", lib->version(), name,
             unknown && !request->avx2 ? " (set by us: it does not know this CPU)" : "");
    return lib;
}

static void *open_blis(void *data, const peer_case *c, char *why, size_t size) {
    const library *lib = data;
    return cblas_open(lib, &lib->blas, c, why, size);
}

static bool run_blis(void *data) {
    const cblas_job *j = data;
    const library *lib = j->library;
    lib->set_threads(j->c.threads);
    cblas_run(j);
    return true;
}

const peer peer_blis = {.name = "blis",
                        .words = "cblas_sgemm; cblas_sgemv for one row",
                        .load = load_blis,
                        .open = open_blis,
                        .run = run_blis,
                        .close = free,
                        .avx2 = avx2};
