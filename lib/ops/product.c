// SPDX-License-Identifier: BSD-2-Clause
// One matrix product on the threads of the pool: cuts y into blocks, for every layout of w.
#include "product.h"

#include "core/progress.h"
#include "core/sizes.h"
#include "machine/memory.h"
#include "weights.h"

#include <math.h>

// Blocks of y for each thread, and panels of the narrowest one, unless there is none for each
// thread then. Packing w in a task takes as long as some rows more.
enum { BLOCKS_PER_THREAD = 3, NARROWEST = 4, PACK_ROWS = 16, WIDTHS = 16 };
// Another cut must be this much faster.
static const double SAVED = 63.0 / 64;
// Multiply-adds of a task of many small products, about 2 us; and such tasks for each thread, at
// least (docs/tuning.md).
static const double BATCH_WORK = 1 << 17;
enum { BATCH_TASKS = 4 };
// What a worker packs at once if w is unpacked: up to 1 MiB, so that x, which goes past all of it,
// is read a few times only. A kernel that needs scratch packs x again for each group, so its groups
// are larger (docs/tuning.md).
enum { GROUP_BYTES = 1 << 20, LARGE_GROUP_BYTES = 1 << 22 };
// w up to this size is not packed for any number of rows: 256 KiB. A larger one is slower unpacked
// with narrow panels, which touch a line of every row of w (docs/tuning.md).
enum { PLAIN_FLOATS = 1 << 16 };
// Rows of w are far apart by the power of two that divides their bytes: this number of panels, and
// the bytes of a usual L2 cache (docs/tuning.md).
enum { ALIASED_PANELS = 32, ALIASED_BYTES = 1 << 20 };
// A larger w, or one whose rows are apart by this power of two, is packed for more rows than these
// if panels are a line of the cache wide (docs/tuning.md).
enum { SCATTERED_FLOATS = 1 << 18, SCATTERED_BYTES = 1 << 10, SCATTERED_ROWS = 36 };

// A piece on a thread of another vector length than its kernel's: the spare kernel has blocks of
// its own. It does without scratch, which has the size that the other one needs.
static void run_spare(const dct_product *p, const decoct_matmul_kernel *spare,
                      const decoct_matmul_piece *whole) {
    int64_t m_block = spare->m_block ? spare->m_block : whole->rows;
    int64_t k_block = spare->k_block ? spare->k_block : whole->k, first = 0;
    do {
        int64_t last = dct_smaller(first + k_block, whole->k);
        for (int64_t row = 0; row < whole->rows; row += m_block) {
            decoct_matmul_piece piece = *whole;
            piece.rows = dct_smaller(whole->rows - row, m_block);
            piece.k = last - first;
            piece.x.data = (const float *)whole->x.data + row * whole->x.stride + first;
            piece.w = (const char *)whole->w +
                      (p->plain ? first * whole->w_stride : dct_panel_bytes(spare, first));
            piece.y.data = (float *)whole->y.data + row * whole->y.stride;
            piece.bias = last == whole->k ? whole->bias : NULL;
            piece.accumulate = first > 0 ? 1 : whole->accumulate;
            piece.scratch = NULL;
            (p->plain ? spare->plain : spare->run)(&piece);
        }
        first = last;
    } while (first < whole->k);
}

static void run_piece(const dct_product *p, const decoct_matmul_piece *piece) {
    const decoct_matmul_kernel *here = dct_choice_here(p->kernels)->matmul[p->kernel->w_dtype];
    if (here != p->kernel) {
        run_spare(p, here, piece);
    } else {
        (p->plain ? here->plain : here->run)(piece);
    }
}

// A block of rows from i on and some columns from j on, k = first to last, without w.
static decoct_matmul_piece piece_at(const dct_product *p, int64_t i, int64_t j, int64_t cols,
                                    int64_t first, int64_t last) {
    return (decoct_matmul_piece){
        .rows = dct_smaller(p->m - i, p->m_block),
        .cols = cols,
        .k = last - first,
        .x = {.data = p->x + i * p->x_stride + first, .stride = p->x_stride},
        .y = {.data = p->y + i * p->y_stride + j, .stride = p->y_stride},
        .bias = p->bias && last == p->k ? p->bias + j : NULL,
        .accumulate = first > 0,
    };
}

// Its part of w, unpacked.
static void take_plain_w(const dct_product *p, int64_t j, int64_t first,
                         decoct_matmul_piece *piece) {
    piece->w = p->w + first * p->row_stride + j;
    piece->w_stride = p->row_stride * (int64_t)sizeof(float);
}

static void multiply_piece(const dct_product *p, int64_t i, int64_t j, int64_t cols, int64_t first,
                           int64_t last, const char *group, int32_t worker) {
    decoct_matmul_piece piece = piece_at(p, i, j, cols, first, last);
    if (p->plain) {
        take_plain_w(p, j, first, &piece);
        run_piece(p, &piece);
        return;
    }
    piece.w = group ? group
                    : p->panels + j / p->kernel->panel_cols * p->panel_bytes +
                          dct_panel_bytes(p->kernel, first);
    piece.w_stride = group ? dct_panel_bytes(p->kernel, piece.k) : p->panel_bytes;
    piece.scratch = dct_tile_scratch(p->ctx, p->kernel->scratch_bytes, worker);
    run_piece(p, &piece);
}

// Packs some columns of w, k = first to last. Returns how many rows from i on were multiplied on
// the way.
static int64_t fill_group(const dct_product *p, int64_t i, int64_t j, int64_t cols, int64_t first,
                          int64_t last, char *group, int32_t worker) {
    const decoct_matmul_kernel *kernel = p->kernel;
    bool own = kernel == dct_choice_here(p->kernels)->matmul[kernel->w_dtype];
    if (own && p->col_stride == 1 && kernel->plain_pack) {
        decoct_matmul_piece piece = piece_at(p, i, j, cols, first, last);
        take_plain_w(p, j, first, &piece);
        piece.scratch = dct_tile_scratch(p->ctx, kernel->scratch_bytes, worker);
        kernel->plain_pack(&piece, group, dct_panel_bytes(kernel, piece.k));
        return p->m_block;
    }
    dct_pack_job job = {.kernels = p->kernels,
                        .kernel = kernel,
                        .k = last - first,
                        .w = p->w + first * p->row_stride,
                        .row_stride = p->row_stride,
                        .col_stride = p->col_stride};
    dct_pack_columns(&job, j, cols, group);
    return 0;
}

// Rows [i, end) of some columns through all of k. Between blocks of k the running sums are stored
// in y, in f32, so that cutting k does not change the chain.
static void multiply_columns(const dct_product *p, int64_t i, int64_t end, int64_t j, int64_t cols,
                             int32_t worker) {
    char *group = p->groups ? p->groups + worker * p->group_room : NULL;
    int64_t first = 0;
    do {
        int64_t last = dct_smaller(first + p->k_block, p->k), row = i;
        if (group && last > first) { // an empty w may be NULL
            row += fill_group(p, i, j, cols, first, last, group, worker);
        }
        for (; row < end; row += p->m_block) {
            multiply_piece(p, row, j, cols, first, last, group, worker);
        }
        first = last;
    } while (first < p->k);
}

static void multiply_task(void *data, int64_t index, int32_t worker) {
    const dct_product *p = data;
    int64_t i = index % p->parts * p->part, last_row = dct_smaller(i + p->part, p->m);
    int64_t j = index / p->parts * p->n_block, end = dct_smaller(j + p->n_block, p->n);
    int64_t panel = p->kernel->panel_cols, panels = dct_ceil_div(end - j, panel);
    int64_t groups = p->groups ? dct_ceil_div(panels * panel, p->group) : 1;
    int64_t step = dct_ceil_div(panels, groups) * panel; // of nearly equal width
    for (; j < end; j += step) {
        multiply_columns(p, i, last_row, j, dct_smaller(end - j, step), worker);
    }
}

// Rows of a task: m_blocks, as few as make `parts` of them.
static int64_t rows_of_part(const dct_product *p, int64_t parts) {
    return dct_ceil_div(dct_ceil_div(p->m, p->m_block), parts) * p->m_block;
}

// Is reading an unpacked w all that takes time? Then the parts of its rows that a task reads are to
// be as long as possible.
static bool is_reading(const dct_product *p) {
    return p->plain && p->m < DCT_READ_COST;
}

// How many tasks there should be: some for each thread.
static int64_t tasks_wanted(const dct_product *p, int32_t threads) {
    return threads == 1 ? 1 : is_reading(p) ? threads : (int64_t)threads * BLOCKS_PER_THREAD;
}

// Columns of a task: as many as `widest` panels, fewer if there should be that many tasks.
static int64_t panels_of_task(int64_t panels, int64_t widest, int64_t parts, int64_t tasks) {
    int64_t most = dct_ceil_div(panels, NARROWEST), blocks = dct_ceil_div(panels, widest);
    int64_t wanted = dct_smaller(dct_ceil_div(tasks, parts), most);
    return dct_ceil_div(panels, blocks > wanted ? blocks : wanted);
}

// A cut of y into tasks of `part` rows and some panels, and how long the thread works that has the
// most of them.
typedef struct cut {
    int64_t part, wide;
    double time;
} cut;

// Another cut, if the threads end sooner by it. They take tasks in their order: all parts of a
// column of tasks, then the next column. So the last rounds may be of the last column alone, which
// is narrower.
static void try_cut(const dct_product *p, int64_t part, int64_t wide, int32_t threads, cut *best) {
    const int64_t panels = dct_ceil_div(p->n, p->kernel->panel_cols);
    const int64_t parts = dct_ceil_div(p->m, part), columns = dct_ceil_div(panels, wide);
    const int64_t rounds = dct_ceil_div(parts * columns, threads);
    const int64_t over = parts * columns - (rounds - 1) * threads; // tasks of the last round
    const int64_t narrow = parts < over ? 0 : 1 + (parts - over) / threads;
    const int64_t most = rounds * wide - narrow * (columns * wide - panels);
    const double time =
        (double)most * (double)(dct_smaller(part, p->m) + (p->groups ? PACK_ROWS : 0));
    if (time < best->time * SAVED) {
        *best = (cut){.part = part, .wide = wide, .time = time};
    }
}

// Tasks of which the thread that has the most of them ends the soonest. `most` parts: one m_block
// each, or fewer if w is packed in the task, since each task packs its columns again. As many tasks
// as there should be come first; wider ones only if they are quicker.
static void cut_evenly(dct_product *p, int64_t widest, int64_t most, int32_t threads) {
    const int64_t wanted = tasks_wanted(p, threads);
    const int64_t panels = dct_ceil_div(p->n, p->kernel->panel_cols);
    cut best = {.time = INFINITY};
    for (int64_t parts = p->groups ? 1 : most; parts <= most; parts++) {
        const int64_t part = rows_of_part(p, parts),
                      wide = panels_of_task(panels, widest, parts, wanted);
        const bool few = dct_ceil_div(p->m, part) * dct_ceil_div(panels, wide) < threads;
        int64_t least = threads > 1 ? dct_smaller(wide, few ? 1 : NARROWEST) : wide;
        least = least > wide - WIDTHS ? least : wide - WIDTHS;
        for (int64_t w = wide; w >= least; w--) {
            try_cut(p, part, w, threads, &best);
        }
        const int64_t wider = threads > 1 ? dct_smaller(widest, wide + WIDTHS) : wide;
        for (int64_t w = wide + 1; w <= wider; w++) {
            try_cut(p, part, w, threads, &best);
        }
    }
    p->part = best.part;
    p->n_block = best.wide * p->kernel->panel_cols;
    p->parts = dct_ceil_div(p->m, p->part);
}

// The rows of a block, at most those of the kernel's: blocks of nearly equal height. Where columns
// alone do not make a task for each thread, there are as many blocks as do, or a multiple of that.
static int64_t rows_of_block(const dct_product *p, int64_t panels, int32_t threads) {
    const decoct_matmul_kernel *kernel = p->kernel;
    const int64_t tile = kernel->tile_rows, most = kernel->m_block ? kernel->m_block : 4 * tile;
    const int64_t across = dct_ceil_div(panels, NARROWEST), step = dct_ceil_div(threads, across);
    const int64_t blocks = dct_ceil_div(dct_ceil_div(p->m, most), step) * step;
    const int64_t rows = dct_ceil_div(p->m, dct_smaller(blocks, dct_ceil_div(p->m, tile)));
    return dct_smaller(dct_ceil_div(rows, tile) * tile, most);
}

// Cuts y into tasks.
static void cut_blocks(dct_product *p, int32_t threads) {
    const decoct_matmul_kernel *kernel = p->kernel;
    int64_t panel = kernel->panel_cols, panels = dct_ceil_div(p->n, panel);
    p->m_block = rows_of_block(p, panels, threads);
    p->k_block = kernel->k_block ? kernel->k_block : p->k;
    const int64_t m_blocks = dct_ceil_div(p->m, p->m_block);
    bool once = m_blocks == 1 && (p->k <= p->k_block || is_reading(p)); // no cached block is reused
    int64_t widest = kernel->n_block && !once ? dct_ceil_div(kernel->n_block, panel) : panels;
    int64_t most = m_blocks, wanted = (int64_t)threads * BLOCKS_PER_THREAD;
    if (p->groups) {
        most = dct_smaller(most, dct_ceil_div(wanted, dct_ceil_div(panels, NARROWEST)));
    }
    cut_evenly(p, widest, most, threads);
}

// Makes tasks short enough for calls of the host's progress function between them, as far as whole
// panels and blocks of rows go.
static void shorten_tasks(const decoct_context *ctx, dct_product *p) {
    double most = dct_progress_piece(ctx), k = (double)(p->k > 0 ? p->k : 1);
    int64_t panel = p->kernel->panel_cols;
    double rows = most / (k * (double)panel) / (double)p->m_block;
    if (rows < (double)(p->part / p->m_block)) {
        p->part = (rows > 1.0 ? (int64_t)rows : 1) * p->m_block;
        p->parts = dct_ceil_div(p->m, p->part);
    }
    double panels = most / (k * (double)dct_smaller(p->part, p->m)) / (double)panel;
    if (panels < (double)(p->n_block / panel)) {
        p->n_block = (panels > 1.0 ? (int64_t)panels : 1) * panel;
    }
}

// May a kernel get all of it at once? Cutting would take as long as a small product.
static bool is_one_piece(const dct_product *p) {
    return !p->groups && p->m <= p->kernel->m_block && p->k <= p->kernel->k_block;
}

static decoct_matmul_piece whole_piece(const dct_product *p, int32_t worker) {
    const void *w = p->plain ? (const void *)p->w : p->panels;
    uint64_t scratch = p->plain ? 0 : p->kernel->scratch_bytes;
    return (decoct_matmul_piece){.rows = p->m,
                                 .cols = p->n,
                                 .k = p->k,
                                 .x = {.data = p->x, .stride = p->x_stride},
                                 .w = w,
                                 .w_stride = p->plain ? p->row_stride * (int64_t)sizeof(float)
                                                      : p->panel_bytes,
                                 .y = {.data = p->y, .stride = p->y_stride},
                                 .bias = p->bias,
                                 .scratch = dct_tile_scratch(p->ctx, scratch, worker)};
}

void dct_multiply(decoct_context *ctx, dct_product *p) {
    if (p->m == 0 || p->n == 0) {
        return;
    }
    double work = dct_product_work(p->m, p->n, p->k);
    int32_t threads = dct_share(ctx, work);
    if (threads == 1 && is_one_piece(p) && work <= dct_progress_piece(ctx)) {
        decoct_matmul_piece piece = whole_piece(p, 0);
        run_piece(p, &piece);
        dct_progress_work(ctx, work);
        return;
    }
    cut_blocks(p, threads);
    shorten_tasks(ctx, p);
    dct_run_on(ctx, threads, p->parts * dct_ceil_div(p->n, p->n_block), multiply_task, p);
}

// ---- Many products of one shape ----

typedef struct batch_job {
    const dct_product *first; // cut for one thread
    const dct_batch *batch;
    int64_t each; // products of a task
} batch_job;

static dct_product product_at(const dct_product *first, const dct_batch *batch, int64_t index) {
    dct_product p = *first;
    p.x += index * batch->x_stride;
    p.w = p.w ? p.w + index * batch->w_stride : NULL;
    p.y += index * batch->y_stride;
    return p;
}

// Products from `at` to `end`, each in one piece: of the next one only the operands differ.
static void batch_pieces(const batch_job *job, int64_t at, int64_t end, int32_t worker) {
    const dct_product *p = job->first;
    const dct_batch *b = job->batch;
    decoct_matmul_piece piece = whole_piece(p, worker);
    for (; at < end; at++) {
        piece.x.data = p->x + at * b->x_stride;
        piece.y.data = p->y + at * b->y_stride;
        if (p->plain) {
            piece.w = p->w + at * b->w_stride;
        }
        run_piece(p, &piece);
    }
}

// Some whole products on one worker.
static void batch_task(void *data, int64_t index, int32_t worker) {
    const batch_job *job = data;
    int64_t end = dct_smaller((index + 1) * job->each, job->batch->count);
    if (is_one_piece(job->first)) {
        batch_pieces(job, index * job->each, end, worker);
        return;
    }
    int64_t tasks = job->first->parts * dct_ceil_div(job->first->n, job->first->n_block);
    for (int64_t at = index * job->each; at < end; at++) {
        dct_product p = product_at(job->first, job->batch, at);
        for (int64_t i = 0; i < tasks; i++) {
            multiply_task(&p, i, worker);
        }
    }
}

// How many products make a task that is longer than taking it costs, and short enough for the
// host's progress function and for the threads to end together.
static int64_t products_of_task(const decoct_context *ctx, double one_work, int64_t count) {
    double piece = dct_progress_piece(ctx), work = BATCH_WORK < piece ? BATCH_WORK : piece;
    int64_t most = dct_ceil_div(count, (int64_t)dct_pool_threads(ctx->pool) * BATCH_TASKS);
    return one_work >= work ? 1 : dct_smaller((int64_t)(work / one_work), most);
}

void dct_multiply_batch(decoct_context *ctx, dct_product *p, const dct_batch *batch) {
    if (batch->count == 1) {
        dct_multiply(ctx, p);
        return;
    }
    if (p->m == 0 || p->n == 0) {
        return;
    }
    double one_work = (double)p->m * (double)p->n * ((double)p->k + 1.0);
    if (batch->count < dct_pool_threads(ctx->pool) || one_work > dct_progress_piece(ctx)) {
        // The threads share each of them.
        for (int64_t i = 0; i < batch->count && !ctx->ran; i++) {
            dct_product one = product_at(p, batch, i);
            dct_multiply(ctx, &one);
        }
        return;
    }
    cut_blocks(p, 1);
    batch_job job = {
        .first = p, .batch = batch, .each = products_of_task(ctx, one_work, batch->count)};
    dct_run(ctx, dct_ceil_div(batch->count, job.each), (double)batch->count * one_work, batch_task,
            &job);
}

// ---- w that was not packed ahead ----

// Room to pack some columns at a time, no more than a task has: the packed part stays in cache
// while the task's rows of x go past it.
static bool make_groups(decoct_context *ctx, dct_product *p) {
    int64_t panel = p->kernel->panel_cols, count;
    int64_t widest = p->kernel->n_block ? dct_smaller(p->kernel->n_block, p->n) : p->n;
    int64_t k = dct_smaller(p->kernel->k_block ? p->kernel->k_block : p->k, p->k);
    int64_t bytes = dct_panel_bytes(p->kernel, k);
    int64_t most = p->kernel->scratch_bytes ? LARGE_GROUP_BYTES : GROUP_BYTES;
    int64_t panels = dct_smaller(bytes > 0 ? most / bytes : 1, dct_ceil_div(widest, panel));
    panels = panels > 0 ? panels : 1;
    p->group = panel * panels;
    bool fits =
        dct_mul(panels, bytes, &p->group_room) &&
        dct_add(p->group_room, DCT_ALIGN - 1, &p->group_room) &&
        dct_mul(p->group_room -= p->group_room % DCT_ALIGN, dct_pool_threads(ctx->pool), &count);
    p->groups = fits ? dct_scratch_bytes(ctx, DCT_SCRATCH_PANELS, count) : NULL;
    return p->groups != NULL;
}

// The power of two that divides the bytes from one row of w to the next.
static int64_t apart_by(int64_t stride) {
    const int64_t bytes = stride * (int64_t)sizeof(float);
    return bytes & -bytes;
}

// True if rows of w are so far apart that a column of them has only some sets of a cache, which do
// not hold it for the next tile: it has two of the 64 sets of L1, or is larger than its part of L2.
static bool is_aliased(const decoct_matmul_kernel *kernel, int64_t k, int64_t stride) {
    k = kernel->k_block ? dct_smaller(kernel->k_block, k) : k;
    if (k <= 1) { // then a stride may be any number
        return false;
    }
    const int64_t panel = kernel->panel_cols * (int64_t)sizeof(float), apart = apart_by(stride);
    return apart >= ALIASED_PANELS * panel || (double)apart * (double)k > ALIASED_BYTES;
}

// True if a tile takes single lines of the cache from all of w, which is large, or has few sets for
// them: only the first tiles find the lines beside them where these left them.
static bool is_scattered(const decoct_matmul_kernel *kernel, int64_t n, int64_t k, int64_t stride) {
    return kernel->panel_cols * (int64_t)sizeof(float) <= DCT_ALIGN && k > 1 &&
           ((double)k * (double)n > SCATTERED_FLOATS || apart_by(stride) >= SCATTERED_BYTES);
}

// Where packing would not be paid back: for one block of rows, or if all of w is small; if caches
// cannot hold it, for one tile, and for some tiles if it is scattered.
bool dct_is_read_plain(const decoct_matmul_kernel *kernel, int64_t m, int64_t n, int64_t k,
                       int64_t stride) {
    const bool packs = kernel->plain_pack, aliased = packs && is_aliased(kernel, k, stride);
    const bool scattered = packs && !aliased && is_scattered(kernel, n, k, stride);
    const int64_t most = aliased     ? kernel->tile_rows
                         : scattered ? dct_smaller(SCATTERED_ROWS, kernel->m_block)
                                     : kernel->m_block;
    return m <= most || (!aliased && !scattered && (double)k * (double)n <= PLAIN_FLOATS);
}

// Reads w unpacked where its rows are dense and that is better.
static bool take_plain(dct_product *p) {
    const decoct_matmul_kernel *kernel = p->kernel;
    p->plain = p->col_stride == 1 && kernel->plain &&
               p->kernels->spare->matmul[kernel->w_dtype]->plain &&
               dct_is_read_plain(kernel, p->m, p->n, p->k, p->row_stride);
    return p->plain;
}

bool dct_product_unpacked(decoct_context *ctx, dct_product *p) {
    return take_plain(p) || make_groups(ctx, p);
}
