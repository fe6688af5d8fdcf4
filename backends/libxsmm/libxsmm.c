// SPDX-License-Identifier: BSD-2-Clause
// libxsmm as a backend: its batch-reduce kernels, made at run time for one shape, in the loops over
// panels and blocks that its users write around them. It is column-major: its m is our n. Debian
// has it as an archive, so it is linked; its constructor needs a fifth of a millisecond.
#include "whole/split.h"

#include <libxsmm.h>
#include <libxsmm_version.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

// Columns of w that are adjacent, rows of one kernel and steps of k of it (docs/tuning.md); rows of
// b that a product reads where they are, since a copy would cost more.
enum {
    PANEL = WHOLE_COLS,
    ROWS = 64,
    DEPTH_LEAST = 16,
    DEPTH = 96,
    BATCH_DEPTH = 768,
    IN_PLACE_ROWS = 32
};

typedef libxsmm_smmfunction_reducebatch_strd kernel;

// b in panels: column j begins at floats[j / PANEL * PANEL * k].
typedef struct panels {
    int64_t k, n;
    float floats[];
} panels;

typedef struct product {
    const decoct_whole_matmul *call;
    whole_split split;
    int64_t depth, steps, rest; // k = steps * depth + rest
    int64_t failures;           // blocks without memory or a kernel
} product;

// It puts OMP_PROC_BIND into the environment, whose value is in its own memory: that is undone,
// since it would bind the threads of others.
static void start(void) {
    const char *before = getenv("OMP_PROC_BIND");
    libxsmm_init();
    if (!before) {
        unsetenv("OMP_PROC_BIND");
    }
}

static int32_t open_libxsmm(char *reason, uint64_t size) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    bool started = pthread_once(&once, start) == 0;
    if (!started) {
        snprintf(reason, size, "libxsmm could not be started");
    }
    return !started;
}

// ---- Panels ----

// Columns [col, col + cols) of b as (k, cols).
static void copy_panel(const decoct_operand *b, int64_t transposed, int64_t k, int64_t col,
                       int64_t cols, float *to) {
    const float *from = b->data;
    for (int64_t p = 0; p < k; p++) {
        for (int64_t j = 0; j < cols; j++) {
            to[p * cols + j] =
                from[transposed ? (col + j) * b->stride + p : p * b->stride + col + j];
        }
    }
}

typedef struct packing {
    const decoct_whole_weights *from;
    panels *to;
} packing;

static void pack_panel(void *data, int64_t index, int32_t worker) {
    const packing *p = data;
    const decoct_whole_weights *w = p->from;
    int64_t col = index * PANEL, cols = whole_smaller(PANEL, w->n - col);
    (void)worker;
    copy_panel(&w->b, w->b_transposed, w->k, col, cols, p->to->floats + col * w->k);
}

static int32_t pack(const decoct_host *host, const decoct_whole_weights *weights, void **packed) {
    int64_t floats;
    if (__builtin_mul_overflow(weights->k, weights->n, &floats) || floats > INT64_MAX / 8) {
        return 1;
    }
    panels *to = malloc(sizeof *to + (size_t)floats * sizeof *to->floats);
    if (!to) {
        return 1;
    }
    to->k = weights->k;
    to->n = weights->n;
    packing p = {weights, to};
    host->run(host->context, (weights->n + PANEL - 1) / PANEL, pack_panel, &p);
    *packed = to;
    return 0;
}

// ---- The product ----

// The largest divisor of k up to DEPTH, so that no rest needs a kernel of its own.
static int64_t find_depth(int64_t k) {
    for (int64_t depth = DEPTH; depth >= DEPTH_LEAST; depth--) {
        if (k % depth == 0) {
            return depth;
        }
    }
    return k < DEPTH ? k : DEPTH;
}

// Some steps of k, `count` times `depth` from `first` on: y += x w, for one panel whose rows are
// `ld` apart. False: there is no such kernel.
static int add_steps(const decoct_whole_matmul *a, const whole_block *b, const float *w, int64_t ld,
                     const int64_t first, int64_t depth, unsigned long long count) {
    const float one = 1.0f;
    const float *x = whole_x(a, b);
    int lda = (int)ld, ldb = (int)a->x.stride, ldc = (int)a->y.stride, size = (int)sizeof *x;
    kernel run = libxsmm_smmdispatch_reducebatch_strd((int)b->cols, (int)b->rows, (int)depth,
                                                      (int)depth * lda * size, (int)depth * size,
                                                      &lda, &ldb, &ldc, &one, &one, NULL, NULL);
    if (run) {
        run(w + first * ld, x + first, whole_y(a, b), &count);
    }
    return run != NULL;
}

// The same for all rows of a block.
static int add_to_rows(const decoct_whole_matmul *a, const whole_block *b, const float *w,
                       int64_t ld, int64_t first, int64_t depth, int64_t count) {
    int well = 1;
    for (int64_t row = 0; row < b->rows && well && count > 0 && depth > 0; row += ROWS) {
        whole_block part = {b->row + row, whole_smaller(ROWS, b->rows - row), b->col, b->cols};
        well = add_steps(a, &part, w, ld, first, depth, (unsigned long long)count);
    }
    return well;
}

// All of k: a part of the panel stays in cache while the rows go past it.
static int multiply_panel(const product *p, const whole_block *b, const float *w, int64_t ld) {
    int64_t batch = BATCH_DEPTH / p->depth;
    int well = 1;
    for (int64_t step = 0; step < p->steps && well; step += batch) {
        well = add_to_rows(p->call, b, w, ld, step * p->depth, p->depth,
                           whole_smaller(batch, p->steps - step));
    }
    return well && add_to_rows(p->call, b, w, ld, p->steps * p->depth, p->rest, 1);
}

// The panels of a block: packed ahead, read where they are, or copied one after another.
static int multiply_columns(const product *p, const whole_block *b, float *room) {
    const decoct_whole_matmul *a = p->call;
    const panels *ready = a->packed;
    int well = 1;
    for (int64_t at = 0; at < b->cols && well; at += PANEL) {
        whole_block part = *b;
        part.col += at;
        part.cols = whole_smaller(PANEL, b->cols - at);
        if (ready) {
            well = multiply_panel(p, &part, ready->floats + part.col * a->k, part.cols);
        } else if (room) {
            copy_panel(&a->b, a->b_transposed, a->k, part.col, part.cols, room);
            well = multiply_panel(p, &part, room, part.cols);
        } else {
            well = multiply_panel(p, &part, (const float *)a->b.data + part.col, a->b.stride);
        }
    }
    return well;
}

static void multiply_block(void *data, int64_t index, int32_t worker) {
    product *p = data;
    const decoct_whole_matmul *a = p->call;
    whole_block b = whole_block_at(&p->split, index);
    int copies = !a->packed && (a->b_transposed || a->m > IN_PLACE_ROWS);
    float *room = copies && a->k > 0 ? malloc((size_t)a->k * PANEL * sizeof *room) : NULL;
    (void)worker;
    whole_begin(a, &b);
    int well = a->k == 0 || ((!copies || room) && multiply_columns(p, &b, room));
    free(room);
    if (!well) {
        __atomic_fetch_add(&p->failures, 1, __ATOMIC_RELAXED);
    }
}

static int32_t matmul(const decoct_host *host, const decoct_whole_matmul *call) {
    product p = {.call = call, .split = whole_divide(host, call->m, call->n, call->k)};
    p.depth = find_depth(call->k);
    p.steps = p.depth > 0 ? call->k / p.depth : 0;
    p.rest = call->k - p.steps * p.depth;
    int64_t ld = call->packed ? PANEL : call->b.stride;
    if (!whole_fits_int(call) || p.depth * ld > INT32_MAX / 4) {
        return 1;
    }
    host->run(host->context, p.split.count, multiply_block, &p);
    return p.failures > 0;
}

static const decoct_whole_kernels whole = {.dtypes = 1u << DECOCT_F32,
                                           .bits = DECOCT_BITS_OTHER,
                                           .matmul = matmul,
                                           .pack = pack,
                                           .release = free,
                                           .open = open_libxsmm};

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {.struct_size = sizeof(decoct_backend),
                                             .abi = DECOCT_BACKEND_ABI,
                                             .name = "libxsmm",
                                             .version = LIBXSMM_CONFIG_VERSION,
                                             .cpu_features = DECOCT_CPU_AVX2 | DECOCT_CPU_FMA,
                                             .priority = 1000,
                                             .bits = DECOCT_BITS_OTHER,
                                             .whole = &whole,
                                             .whole_size = sizeof whole};
