// SPDX-License-Identifier: BSD-2-Clause
// Matrix product: checks, packs w into panels, cuts y into blocks and hands them to the threads.
#include "matmul.h"

#include "core/border.h"
#include "core/overlap.h"
#include "machine/memory.h"

// Blocks of y for each thread, and panels of the narrowest one.
enum { BLOCKS_PER_THREAD = 3, NARROWEST = 4 };
// Multiply-adds in the time that it takes to read a weight from the last cache.
enum { READ_COST = 3 };
// What a worker packs at once when w comes unpacked: 256 KiB, half of a small L2 cache.
enum { GROUP_FLOATS = 1 << 16 };
// w up to this size is not packed for any number of rows: 256 KiB. A larger one is slower unpacked
// with narrow panels, which touch a line of every row of w (docs/tuning.md).
enum { PLAIN_FLOATS = 1 << 16 };

struct decoct_weights {
    dct_backends *backends; // keeps the kernel's module loaded
    const decoct_matmul_kernel *kernel;
    int64_t k, n;
    void *panels; // (ceil(n / panel_cols)) of dct_panel_bytes(kernel, k)
    int64_t panel_bytes;
};

static int64_t ceil_div(int64_t a, int64_t b) {
    return a / b + (a % b != 0);
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// ---- Packing ----

// In place of the operands of an empty product, which may be NULL: no kernel sees a null pointer.
static const float NOTHING;

enum { PACK_PANELS = 8, PACK_STEPS = 16 };

typedef struct pack_job {
    const decoct_matmul_kernel *kernel;
    int64_t k, n;
    const void *w; // of the kernel's w_dtype
    int64_t row_stride, col_stride;
    char *panels;
} pack_job;

// Element (p, j) of w.
static const void *w_at(const pack_job *job, int64_t p, int64_t j) {
    return (const char *)job->w +
           (p * job->row_stride + j * job->col_stride) * dct_dtype_bytes(job->kernel->w_dtype);
}

// Packs columns [first, first + cols) of w, all steps of k: some steps of all panels at a time, so
// that w is read by whole pieces of its rows.
static void pack_columns(const pack_job *job, int64_t first, int64_t cols, char *panels) {
    int64_t panel_cols = job->kernel->panel_cols, bytes = dct_panel_bytes(job->kernel, job->k);
    for (int64_t p = 0; p < job->k; p += PACK_STEPS) {
        for (int64_t j = 0; j < cols; j += panel_cols) {
            job->kernel->pack(&(decoct_pack_piece){.k = smaller(job->k - p, PACK_STEPS),
                                                   .cols = smaller(cols - j, panel_cols),
                                                   .w = w_at(job, p, first + j),
                                                   .row_stride = job->row_stride,
                                                   .col_stride = job->col_stride,
                                                   .panel = panels + j / panel_cols * bytes +
                                                            dct_panel_bytes(job->kernel, p)});
        }
    }
}

static void pack_task(void *data, int64_t index, int32_t worker) {
    const pack_job *job = data;
    int64_t wide = PACK_PANELS * job->kernel->panel_cols, first = index * wide;
    (void)worker;
    pack_columns(job, first, smaller(job->n - first, wide),
                 job->panels + index * PACK_PANELS * dct_panel_bytes(job->kernel, job->k));
}

static void pack(decoct_context *ctx, pack_job *job) {
    int64_t count = ceil_div(job->n, PACK_PANELS * job->kernel->panel_cols);
    dct_run(ctx, count, (double)job->k * (double)job->n * 4.0, pack_task, job);
}

static void weights_free(decoct_weights *weights) {
    if (weights) {
        dct_backends_release(weights->backends);
        dct_free(weights->panels);
        dct_free(weights);
    }
}

static decoct_status check_weights(dct_error *error, decoct_weights_args *a) {
    if (a->dtype < 0 || a->dtype >= DCT_DTYPES) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "weights: there is no type %d", a->dtype);
    }
    if (a->reserved != 0 || (a->transposed != 0 && a->transposed != 1)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "weights: %s",
                        a->reserved ? "reserved is not 0" : "transposed is not 0 or 1");
    }
    decoct_status status = dct_check_size(error, "weights", "k", a->k);
    status = status ? status : dct_check_size(error, "weights", "n", a->n);
    return status ? status
                  : dct_check_rows(error, "weights", "w", a->transposed ? a->n : a->k,
                                   a->transposed ? a->k : a->n, &a->stride, a->w);
}

// Room for all panels, or NULL.
static decoct_weights *weights_new(const decoct_matmul_kernel *kernel, int64_t k, int64_t n) {
    int64_t columns, steps, bytes;
    decoct_weights *weights = dct_zalloc(1, sizeof *weights);
    int64_t panels = ceil_div(n, kernel->panel_cols);
    bool fits = dct_mul(kernel->panel_cols, sizeof(float), &columns) &&
                dct_add(k, kernel->k_group, &steps) && dct_mul(columns, steps, &bytes) &&
                dct_mul(panels, dct_panel_bytes(kernel, k), &bytes);
    if (weights && fits) {
        weights->kernel = kernel;
        weights->k = k;
        weights->n = n;
        weights->panel_bytes = dct_panel_bytes(kernel, k);
        weights->panels = dct_alloc(bytes, 1);
    }
    if (weights && !weights->panels) {
        dct_free(weights);
        return NULL;
    }
    return weights;
}

decoct_status dct_weights_create(decoct_context *ctx, const decoct_weights_args *args,
                                 decoct_weights **out) {
    if (!out) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "weights: out is NULL");
    }
    decoct_weights_args a = *args;
    decoct_status status = check_weights(&ctx->error, &a);
    if (status) {
        return status;
    }
    decoct_weights *weights = weights_new(ctx->kernels->matmul[a.dtype], a.k, a.n);
    if (!weights) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "weights: no memory for (%lld, %lld)",
                        (long long)a.k, (long long)a.n);
    }
    weights->backends = dct_backends_share(ctx->backends);
    pack_job job = {.kernel = weights->kernel,
                    .k = a.k,
                    .n = a.n,
                    .w = a.w ? a.w : &NOTHING,
                    .row_stride = a.transposed ? 1 : a.stride,
                    .col_stride = a.transposed ? a.stride : 1,
                    .panels = weights->panels};
    pack(ctx, &job);
    if (ctx->ran) {
        weights_free(weights);
        return ctx->ran;
    }
    *out = weights;
    return DECOCT_OK;
}

decoct_status decoct_weights_create(decoct_context *ctx, int64_t k, int64_t n, const float *w,
                                    int64_t stride, int32_t transposed, decoct_weights **out) {
    decoct_status status = dct_enter(ctx);
    return status
               ? status
               : dct_leave(ctx,
                           dct_weights_create(ctx,
                                              &(decoct_weights_args){.k = k,
                                                                     .n = n,
                                                                     .w = w,
                                                                     .stride = stride,
                                                                     .transposed = transposed != 0},
                                              out));
}

decoct_status decoct_weights_create_from(decoct_context *ctx, const decoct_weights_args *args,
                                         decoct_weights **out) {
    decoct_weights_args a;
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    status = dct_take_struct(&ctx->error, "weights", &a, sizeof a, DCT_FIRST_WEIGHTS, args);
    return dct_leave(ctx, status ? status : dct_weights_create(ctx, &a, out));
}

void decoct_weights_destroy(decoct_weights *weights) {
    int32_t cancel = dct_cancel_off();
    weights_free(weights);
    dct_cancel_restore(cancel);
}

// ---- The product ----

typedef struct product {
    const decoct_context *ctx;
    const decoct_matmul_kernel *kernel;
    int64_t m, n, k;
    int64_t m_block, n_block, k_block;
    int64_t part, parts; // rows of y that one task works on: some m_blocks; and how many such parts
    const float *x;
    int64_t x_stride;
    const char *panels; // the whole of w packed; NULL: see `plain` and `groups`
    int64_t panel_bytes;
    void (*plain)(const decoct_matmul_piece *piece); // takes w unpacked, or NULL
    const float *w;
    int64_t row_stride, col_stride; // of w
    char *groups;                   // where each worker packs what it needs, or NULL
    int64_t group, group_room;      // columns that a worker packs at once, bytes they take
    float *y;
    int64_t y_stride;
    const float *bias;
} product;

// A block of rows from i on and some columns from j on, k = first to last.
static void multiply_piece(const product *p, int64_t i, int64_t j, int64_t cols, int64_t first,
                           int64_t last, const char *group, int32_t worker) {
    decoct_matmul_piece piece = {
        .rows = smaller(p->m - i, p->m_block),
        .cols = cols,
        .k = last - first,
        .x = {.data = p->x + i * p->x_stride + first, .stride = p->x_stride},
        .y = {.data = p->y + i * p->y_stride + j, .stride = p->y_stride},
        .bias = p->bias && last == p->k ? p->bias + j : NULL,
        .accumulate = first > 0,
    };
    if (p->plain) {
        piece.w = p->w + first * p->row_stride + j;
        piece.w_stride = p->row_stride * (int64_t)sizeof(float);
        p->plain(&piece);
        return;
    }
    const char *panel = p->panels + j / p->kernel->panel_cols * p->panel_bytes;
    piece.w = group ? group : panel + dct_panel_bytes(p->kernel, first);
    piece.w_stride = group ? dct_panel_bytes(p->kernel, piece.k) : p->panel_bytes;
    piece.scratch = dct_tile_scratch(p->ctx, p->kernel->scratch_bytes, worker);
    p->kernel->run(&piece);
}

// Rows [i, end) of some columns through all of k. Between blocks of k the running sums stand in y,
// in f32, so that cutting k does not change the chain.
static void multiply_columns(const product *p, int64_t i, int64_t end, int64_t j, int64_t cols,
                             int32_t worker) {
    char *group = p->groups ? p->groups + worker * p->group_room : NULL;
    int64_t first = 0;
    do {
        int64_t last = smaller(first + p->k_block, p->k);
        if (group && last > first) { // an empty w may be NULL
            pack_job job = {.kernel = p->kernel,
                            .k = last - first,
                            .w = p->w + first * p->row_stride,
                            .row_stride = p->row_stride,
                            .col_stride = p->col_stride};
            pack_columns(&job, j, cols, group);
        }
        for (int64_t row = i; row < end; row += p->m_block) {
            multiply_piece(p, row, j, cols, first, last, group, worker);
        }
        first = last;
    } while (first < p->k);
}

static void multiply_task(void *data, int64_t index, int32_t worker) {
    const product *p = data;
    int64_t i = index % p->parts * p->part, last_row = smaller(i + p->part, p->m);
    int64_t j = index / p->parts * p->n_block, end = smaller(j + p->n_block, p->n);
    int64_t step = p->groups ? p->group : end - j;
    for (; j < end; j += step) {
        multiply_columns(p, i, last_row, j, smaller(end - j, step), worker);
    }
}

// Cuts y into tasks. How many columns each has: as many as the kernel likes, fewer when there are
// several threads, so that each finds some tasks. How many rows: one m_block; as many as can be
// where w is packed on the way, since each task packs its columns anew.
static void cut_blocks(product *p, int32_t threads) {
    const decoct_matmul_kernel *kernel = p->kernel;
    int64_t panel = kernel->panel_cols, panels = ceil_div(p->n, panel);
    p->m_block = kernel->m_block ? kernel->m_block : 4 * (int64_t)kernel->tile_rows;
    p->k_block = kernel->k_block ? kernel->k_block : p->k;
    int64_t m_blocks = ceil_div(p->m, p->m_block);
    int64_t even = ceil_div(ceil_div(p->m, m_blocks), kernel->tile_rows) * kernel->tile_rows;
    p->m_block = smaller(even, p->m_block); // a kernel is promised no more than its own m_block
    m_blocks = ceil_div(p->m, p->m_block);
    bool once = m_blocks == 1 && p->k <= p->k_block; // nothing stays in cache for a next block
    int64_t widest = kernel->n_block && !once ? ceil_div(kernel->n_block, panel) : panels;
    int64_t n_blocks = ceil_div(panels, widest), narrowest = ceil_div(panels, NARROWEST);
    p->parts = m_blocks;
    if (p->groups) {
        p->parts = smaller(m_blocks, ceil_div((int64_t)threads * BLOCKS_PER_THREAD, narrowest));
    }
    if (threads > 1) {
        int64_t wanted =
            smaller(ceil_div((int64_t)threads * BLOCKS_PER_THREAD, p->parts), narrowest);
        n_blocks = n_blocks > wanted ? n_blocks : wanted;
    }
    p->part = ceil_div(m_blocks, p->parts) * p->m_block;
    p->parts = ceil_div(p->m, p->part);
    p->n_block = ceil_div(panels, n_blocks) * panel;
}

static void multiply(decoct_context *ctx, product *p) {
    if (p->m == 0 || p->n == 0) {
        return;
    }
    // A weight costs the time of some multiply-adds before it has been read.
    double rows = p->m < READ_COST ? READ_COST : (double)p->m;
    int32_t threads = dct_share(ctx, rows * (double)p->n * ((double)p->k + 1.0));
    const decoct_matmul_kernel *kernel = p->kernel;
    if (threads == 1 && !p->groups && p->m <= kernel->m_block && p->k <= kernel->k_block) {
        // All in one piece: cutting would take as long as a small product.
        p->m_block = p->m;
        p->k_block = p->k;
        multiply_columns(p, 0, p->m, 0, p->n, 0);
        return;
    }
    cut_blocks(p, threads);
    dct_run_on(ctx, threads, p->parts * ceil_div(p->n, p->n_block), multiply_task, p);
}

void dct_linear(decoct_context *ctx, const decoct_weights *w, const float *bias, int64_t m,
                const float *x, int64_t x_stride, float *y, int64_t y_stride) {
    product p = {.ctx = ctx,
                 .kernel = w->kernel,
                 .m = m,
                 .n = w->n,
                 .k = w->k,
                 .x = x,
                 .x_stride = x_stride,
                 .panels = w->panels,
                 .panel_bytes = w->panel_bytes,
                 .y = y,
                 .y_stride = y_stride,
                 .bias = bias};
    multiply(ctx, &p);
}

// Room to pack a few columns at a time: the packed part stays in the worker's own cache while the
// task's rows of x go past it.
static bool make_groups(decoct_context *ctx, product *p) {
    int64_t panel = p->kernel->panel_cols, count;
    int64_t k = smaller(p->kernel->k_block ? p->kernel->k_block : p->k, p->k);
    int64_t panels = k > 0 ? GROUP_FLOATS / panel / k : 1;
    p->group = panel * (panels > 0 ? panels : 1);
    bool fits = dct_mul(k, p->group, &p->group_room) &&
                dct_mul(p->group_room, sizeof(float), &p->group_room) &&
                dct_mul(p->group_room, dct_pool_threads(ctx->pool), &count);
    p->groups = fits ? dct_scratch_bytes(ctx, DCT_SCRATCH_PANELS, count) : NULL;
    return p->groups != NULL;
}

// Reads w unpacked where its rows are dense and packing would not be paid back: for one block of
// rows, or if all of w is small.
static bool take_plain(product *p) {
    bool few = p->m <= p->kernel->m_block, small = (double)p->k * (double)p->n <= PLAIN_FLOATS;
    p->plain = p->col_stride == 1 && (few || small) ? p->kernel->plain : NULL;
    return p->plain != NULL;
}

static decoct_status multiply_unpacked(decoct_context *ctx, const decoct_matmul_args *a) {
    if (a->m == 0 || a->n == 0) {
        return DECOCT_OK;
    }
    product p = {.ctx = ctx,
                 .kernel = ctx->kernels->matmul[DECOCT_F32],
                 .m = a->m,
                 .n = a->n,
                 .k = a->k,
                 .x = a->x,
                 .x_stride = a->x_stride,
                 .w = a->b,
                 .row_stride = a->b_transposed ? 1 : a->b_stride,
                 .col_stride = a->b_transposed ? a->b_stride : 1,
                 .y = a->y,
                 .y_stride = a->y_stride,
                 .bias = a->bias};
    if (!take_plain(&p) && !make_groups(ctx, &p)) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "matmul: no memory to pack b (%lld, %lld)",
                        (long long)a->k, (long long)a->n);
    }
    multiply(ctx, &p);
    return DECOCT_OK;
}

static decoct_status check(dct_error *error, decoct_matmul_args *a) {
    decoct_status status = dct_check_size(error, "matmul", "m", a->m);
    status = status ? status : dct_check_size(error, "matmul", "n", a->n);
    status = status ? status : dct_check_size(error, "matmul", "k", a->k);
    if (status) {
        return status;
    }
    bool reads_b = a->m > 0 && a->n > 0 && a->k > 0;
    if (!a->b == !a->weights && (a->b || reads_b)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "matmul: give either b or weights");
    }
    if (a->weights && (a->weights->k != a->k || a->weights->n != a->n)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "matmul: the weights are (%lld, %lld), but (k, n) = (%lld, %lld)",
                        (long long)a->weights->k, (long long)a->weights->n, (long long)a->k,
                        (long long)a->n);
    }
    status = dct_check_rows(error, "matmul", "x", a->m, a->k, &a->x_stride, a->x);
    if (!status) {
        status = dct_check_rows(error, "matmul", "y", a->m, a->n, &a->y_stride, a->y);
    }
    if (!status && !a->weights) {
        bool t = a->b_transposed;
        status = dct_check_rows(error, "matmul", "b", t ? a->n : a->k, t ? a->k : a->n,
                                &a->b_stride, reads_b ? (const void *)a->b : a);
    }
    return status;
}

// y is written while the inputs are still read.
static decoct_status check_apart(dct_error *error, const decoct_matmul_args *a) {
    bool t = a->b_transposed;
    int64_t y_floats = a->m * a->y_stride;
    if (dct_is_apart(a->y, y_floats, a->x, a->m * a->x_stride) &&
        dct_is_apart(a->y, y_floats, a->b, a->b ? (t ? a->n : a->k) * a->b_stride : 0) &&
        dct_is_apart(a->y, y_floats, a->bias, a->n)) {
        return DECOCT_OK;
    }
    dct_view y = dct_view_of_rows(a->y, a->m, a->n, a->y_stride);
    dct_view x = dct_view_of_rows(a->x, a->m, a->k, a->x_stride);
    dct_view b = dct_view_of_rows(a->b, t ? a->n : a->k, t ? a->k : a->n, a->b_stride);
    dct_view bias = dct_view_of_rows(a->bias, 1, a->n, a->n);
    decoct_status status = dct_check_apart(error, "matmul", "y", &y, "x", &x);
    status = status ? status : dct_check_apart(error, "matmul", "y", &y, "b", &b);
    return status ? status : dct_check_apart(error, "matmul", "y", &y, "bias", &bias);
}

static decoct_status matmul(decoct_context *ctx, const decoct_matmul_args *args) {
    decoct_matmul_args a;
    decoct_status status =
        dct_take_struct(&ctx->error, "matmul", &a, sizeof a, DCT_FIRST_MATMUL, args);
    status = status ? status : check(&ctx->error, &a);
    status = status ? status : check_apart(&ctx->error, &a);
    if (status) {
        return status;
    }
    a.x = a.x ? a.x : &NOTHING;
    a.b = a.b ? a.b : &NOTHING;
    if (a.weights) {
        dct_linear(ctx, a.weights, a.bias, a.m, a.x, a.x_stride, a.y, a.y_stride);
        return DECOCT_OK;
    }
    return multiply_unpacked(ctx, &a);
}

decoct_status decoct_matmul(decoct_context *ctx, const decoct_matmul_args *args) {
    decoct_status status = dct_enter(ctx);
    return status ? status : dct_leave(ctx, matmul(ctx, args));
}
