// SPDX-License-Identifier: BSD-2-Clause
// libxsmm 1.17: its batch-reduce kernels, made at run time for one shape, in the loops over blocks
// that its users write around them. It is column-major: its m is our n.
#include "library.h"
#include "peer.h"

#include "cases/operands.h"
#include "cases/sizes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// c (rows, cols) = sum over the batch of a b, one a or b being a fixed stride after the other.
typedef void kernel(const float *a, const float *b, float *c, const unsigned long long *batch);

typedef struct library {
    int panel; // columns of w that are adjacent
    void (*init)(void);
    const char *(*arch)(void);
    kernel *(*dispatch)(int rows, int cols, int depth, int stride_a, int stride_b, const int *lda,
                        const int *ldb, const int *ldc, const float *alpha, const float *beta,
                        const int *flags, const int *prefetch);
} library;

// The best of the sizes that were tried at the shapes of GPT-2 (docs/tuning.md). With AVX-512 a
// kernel holds 64 columns.
enum { PANEL_AVX2 = 32, PANEL_AVX512 = 64, ROWS_MAX = 64, DEPTH_MAX = 96, BATCH_DEPTH = 768 };

// A plain product copies w to panels unless it has few rows or w stays in the L2 cache.
enum { IN_PLACE_ROWS = 32, IN_PLACE_FLOATS = 32768 };

// The kernels differ in [columns: a panel, the last one][rows: one more, fewer][y: set, added to].
typedef struct libxsmm_job {
    peer_case c;
    float *packed;           // [panel][k][its columns]; a plain product has one panel at a time
    bool in_place;           // w is read row-major
    int panel, depth, batch; // columns, k of one product, products of one call
    int parts;               // of m, all of the same size or one row more
    kernel *kernels[2][2][2];
} libxsmm_job;

static const char avx2[] = "LIBXSMM_TARGET=hsw";

static void *load_libxsmm(const peer_request *request, char *note, size_t size) {
    void *handle = library_open_in(request->folder, "libxsmm.so", note, size);
    library *lib = calloc(1, sizeof *lib);
    const library_symbol symbols[] = {
        {"libxsmm_init", &lib->init},
        {"libxsmm_get_target_arch", &lib->arch},
        {"libxsmm_smmdispatch_reducebatch_strd", &lib->dispatch},
    };
    if (!handle || !lib || !library_find(handle, symbols, 3, note, size)) {
        free(lib);
        return NULL;
    }
    if (request->avx2) {
        setenv("LIBXSMM_TARGET", "hsw", 1);
    }
    lib->init();
    const char *arch = lib->arch();
    if (request->avx2 && !library_limited(strcmp(arch, "hsw") == 0, avx2, arch, note, size)) {
        free(lib);
        return NULL;
    }
    bool narrow = strcmp(arch, "hsw") == 0 || strcmp(arch, "snb") == 0 || strcmp(arch, "wsm") == 0;
    lib->panel = narrow ? PANEL_AVX2 : PANEL_AVX512;
    snprintf(note, size, "libxsmm 1.17; %s, panels of %d", arch, lib->panel);
    return lib;
}

// Copies columns [first, first + cols) of w to (k, cols).
static void pack_panel(const peer_case *c, int64_t first, int64_t cols, float *to) {
    for (int64_t l = 0; l < c->k; l++) {
        memcpy(to + l * cols, c->w + l * c->n + first, (size_t)cols * sizeof *to);
    }
}

static int64_t panel_width(const libxsmm_job *j, int64_t first) {
    return j->c.n - first < j->panel ? j->c.n - first : j->panel;
}

// The largest divisor of k up to DEPTH_MAX, so that no rest needs a pass of its own; all of k if
// the divisors are small.
static int find_depth(int k) {
    for (int depth = DEPTH_MAX; depth >= 16; depth--) {
        if (k % depth == 0) {
            return depth;
        }
    }
    return k;
}

static bool make_kernels(const library *lib, libxsmm_job *j) {
    int m = (int)j->c.m, n = (int)j->c.n, k = (int)j->c.k;
    for (int i = 0; i < 8; i++) {
        bool last = (i & 4) != 0, fewer = (i & 2) != 0;
        int cols = last ? n % j->panel : j->panel;
        int rows = m / j->parts + (fewer ? 0 : 1);
        const float one = 1.0f, beta = (i & 1) ? 1.0f : 0.0f;
        if (cols == 0 || (!last && n < j->panel) || (!fewer && m % j->parts == 0)) {
            continue; // no such block
        }
        int ld_w = j->in_place ? n : cols;
        int stride_w = j->depth * ld_w * (int)sizeof(float);
        int stride_x = j->depth * (int)sizeof(float);
        kernel *made = lib->dispatch(cols, rows, j->depth, stride_w, stride_x, &ld_w, &k, &n, &one,
                                     &beta, NULL, NULL);
        if (!made) {
            return false;
        }
        j->kernels[last][fewer][i & 1] = made;
    }
    return true;
}

static void close_libxsmm(void *data) {
    libxsmm_job *j = data;
    if (j) {
        free(j->packed);
        free(j);
    }
}

static void *open_libxsmm(void *data, const peer_case *c, char *why, size_t size) {
    const library *lib = data;
    *why = '\0';
    if (c->op != PEER_MATMUL && c->op != PEER_MATMUL_PLAIN && c->op != PEER_BATCH) {
        return NULL;
    }
    if (c->threads != 1) {
        snprintf(why, size, "its kernels run on one thread; the loops around them would be ours");
        return NULL;
    }
    libxsmm_job *j = calloc(1, sizeof *j);
    bool plain = c->op != PEER_MATMUL;
    int64_t floats = c->k * (plain ? lib->panel : c->n);
    if (j) {
        j->c = *c;
        j->panel = lib->panel;
        j->in_place = plain && (c->m <= IN_PLACE_ROWS || c->k * c->n <= IN_PLACE_FLOATS);
        j->depth = find_depth((int)c->k);
        j->batch = j->depth < BATCH_DEPTH ? BATCH_DEPTH / j->depth : 1;
        j->parts = (int)ceil_div(c->m, ROWS_MAX);
        j->packed = operand_room(floats);
    }
    if (!j || !j->packed || !make_kernels(lib, j)) {
        snprintf(why, size, "it has no kernel for this shape");
        close_libxsmm(j);
        return NULL;
    }
    for (int64_t first = 0; !plain && first < c->n; first += j->panel) {
        pack_panel(c, first, panel_width(j, first), j->packed + first * c->k);
    }
    return j;
}

// y of one panel (k, cols) of w whose first column is `first`; a row of it is `ld` long.
static void run_panel(const libxsmm_job *j, const float *w, int64_t ld, int64_t first,
                      int64_t cols) {
    const peer_case *c = &j->c;
    bool last = cols < j->panel;
    for (int64_t done = 0; done < c->k; done += (int64_t)j->batch * j->depth) {
        int64_t left = (c->k - done) / j->depth;
        unsigned long long batch = (unsigned long long)(left < j->batch ? left : j->batch);
        for (int64_t part = 0, row = 0; part < j->parts; part++) {
            bool fewer = part >= c->m % j->parts;
            j->kernels[last][fewer][done > 0](w + done * ld, c->x + row * c->k + done,
                                              c->y + row * c->n + first, &batch);
            row += c->m / j->parts + (fewer ? 0 : 1);
        }
    }
}

static void run_product(const libxsmm_job *j) {
    const peer_case *c = &j->c;
    for (int64_t first = 0; first < c->n; first += j->panel) {
        int64_t cols = panel_width(j, first);
        if (j->in_place) {
            run_panel(j, c->w + first, c->n, first, cols);
        } else if (c->op != PEER_MATMUL) {
            pack_panel(c, first, cols, j->packed);
            run_panel(j, j->packed, cols, first, cols);
        } else {
            run_panel(j, j->packed + first * c->k, cols, first, cols);
        }
    }
}

// A batch is a loop over its products.
static bool run_libxsmm(void *data) {
    libxsmm_job *j = data;
    const peer_case all = j->c;
    for (int64_t i = 0; i < all.count; i++) {
        j->c.x = all.x + i * all.m * all.k;
        j->c.w = all.w + i * all.k * all.n;
        j->c.y = all.y + i * all.m * all.n;
        run_product(j);
    }
    j->c = all;
    return true;
}

const peer peer_libxsmm = {.name = "libxsmm",
                           .words = "libxsmm_smmdispatch_reducebatch_strd, w in panels (plain: "
                                    "copied in the call, or in place; a batch: a loop)",
                           .load = load_libxsmm,
                           .open = open_libxsmm,
                           .run = run_libxsmm,
                           .close = close_libxsmm,
                           .avx2 = avx2};
