// SPDX-License-Identifier: BSD-2-Clause
// Attention: checks, packs the keys by blocks, cuts heads x queries into pieces for the threads.
#include "attention.h"

#include "core/border.h"
#include "core/overlap.h"
#include "machine/memory.h"

#include <math.h>
#include <string.h>

enum { KEYS = DECOCT_KEY_BLOCK, FEW_QUERIES = 16 };

static int64_t ceil_div(int64_t a, int64_t b) {
    return a / b + (a % b != 0);
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// ---- Packing keys ----

bool dct_keys_size(int64_t kv_len, int64_t head_dim, int64_t *count) {
    return dct_mul(ceil_div(kv_len, KEYS), KEYS, count) && dct_mul(*count, head_dim, count);
}

typedef struct keys_job {
    const decoct_attention_args *a;
    void (*pack)(const decoct_keys_piece *piece);
    float *keys;
    int64_t head_stride, blocks;
} keys_job;

static void pack_block(void *data, int64_t index, int32_t worker) {
    const keys_job *job = data;
    const decoct_attention_args *a = job->a;
    int64_t block = index % job->blocks, head = index / job->blocks;
    const float *k = a->k + head / a->kv_heads * a->k_batch_stride +
                     head % a->kv_heads * a->k_head_stride + block * KEYS * a->k_stride;
    (void)worker;
    job->pack(&(decoct_keys_piece){.count = smaller(a->kv_len - block * KEYS, KEYS),
                                   .head_dim = a->head_dim,
                                   .k = {.data = k, .stride = a->k_stride},
                                   .block = job->keys + head * job->head_stride +
                                            block * KEYS * a->head_dim});
}

// ---- The pieces ----

typedef struct attend_job {
    const decoct_attention_args *a;
    const decoct_attention_kernel *kernel;
    const float *keys;
    int64_t keys_head_stride;
    int64_t piece_rows, pieces; // of one head
    int64_t heads;              // of one piece: some, with few queries; 0: one
    char *scratch;
    int64_t scratch_stride; // bytes of one worker
} attend_job;

static decoct_attention_piece make_piece(const attend_job *job, int64_t head, int64_t row) {
    const decoct_attention_args *a = job->a;
    int64_t b = head / a->heads, h = head % a->heads, kv = h / (a->heads / a->kv_heads);
    int64_t all = head * a->q_len + row; // row of the weights
    return (decoct_attention_piece){
        .rows = smaller(a->q_len - row, job->piece_rows),
        .kv_len = a->kv_len,
        .head_dim = a->head_dim,
        .value_dim = a->value_dim,
        .q = a->q + b * a->q_batch_stride + h * a->q_head_stride + row * a->q_stride,
        .q_stride = a->q_stride,
        .keys = job->keys ? job->keys + (b * a->kv_heads + kv) * job->keys_head_stride : NULL,
        .key_block_stride = KEYS * a->head_dim,
        .v = a->v + b * a->v_batch_stride + kv * a->v_head_stride,
        .v_stride = a->v_stride,
        .out = a->out + b * a->out_batch_stride + h * a->out_head_stride + row * a->out_stride,
        .out_stride = a->out_stride,
        .mask = a->mask ? a->mask + b * a->mask_batch_stride + h * a->mask_head_stride +
                              row * a->mask_stride
                        : NULL,
        .mask_stride = a->mask_stride,
        .weights = a->weights ? a->weights + all * a->kv_len : NULL,
        .weights_stride = a->kv_len,
        .visible = a->causal ? a->q_offset + row + 1 : a->kv_len,
        .visible_step = a->causal ? 1 : 0,
        .scale = a->scale,
        .k = a->k ? a->k + b * a->k_batch_stride + kv * a->k_head_stride : NULL,
        .k_stride = a->k_stride,
    };
}

// Some heads of one sequence, from `first` on, with all their queries.
static decoct_attention_piece make_heads_piece(const attend_job *job, int64_t b, int64_t first) {
    const decoct_attention_args *a = job->a;
    decoct_attention_piece piece = make_piece(job, b * a->heads + first, 0);
    piece.heads = smaller(a->heads - first, job->heads);
    piece.kv_group = a->heads / a->kv_heads;
    piece.kv_phase = first % piece.kv_group;
    piece.q_head_stride = a->q_head_stride;
    piece.k_head_stride = a->k_head_stride;
    piece.v_head_stride = a->v_head_stride;
    piece.out_head_stride = a->out_head_stride;
    piece.mask_head_stride = a->mask_head_stride;
    piece.weights_head_stride = a->q_len * a->kv_len;
    return piece;
}

static void attend_heads(void *data, int64_t index, int32_t worker) {
    const attend_job *job = data;
    int64_t parts = ceil_div(job->a->heads, job->heads);
    decoct_attention_piece piece = make_heads_piece(job, index / parts, index % parts * job->heads);
    piece.scratch = job->scratch ? job->scratch + worker * job->scratch_stride : NULL;
    job->kernel->run(&piece);
}

// The last queries see the most keys: they come first, so that no thread ends with them.
static void attend_piece(void *data, int64_t index, int32_t worker) {
    const attend_job *job = data;
    int64_t heads = job->a->batch * job->a->heads;
    int64_t row = (job->pieces - 1 - index / heads) * job->piece_rows;
    decoct_attention_piece piece = make_piece(job, index % heads, row);
    piece.scratch = job->scratch ? job->scratch + worker * job->scratch_stride : NULL;
    job->kernel->run(&piece);
}

static decoct_status worker_scratch(decoct_context *ctx, attend_job *job) {
    if (!job->kernel->scratch_bytes) {
        return DECOCT_OK;
    }
    decoct_attention_piece piece = job->heads ? make_heads_piece(job, 0, 0) : make_piece(job, 0, 0);
    int64_t all, one = job->kernel->scratch_bytes(&piece);
    if (one < 0 || !dct_add(one, DCT_ALIGN, &one)) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "attention: no memory for the workers");
    }
    job->scratch_stride = one - one % DCT_ALIGN;
    if (dct_mul(job->scratch_stride, dct_pool_threads(ctx->pool), &all)) {
        job->scratch = dct_scratch_bytes(ctx, DCT_SCRATCH_WORKERS, all);
    }
    return job->scratch
               ? DECOCT_OK
               : dct_fail(&ctx->error, DECOCT_E_MEMORY, "attention: no memory for the workers");
}

decoct_status dct_attend(decoct_context *ctx, const decoct_attention_args *a, const float *keys,
                         int64_t keys_head_stride) {
    attend_job job = {.a = a,
                      .kernel = ctx->kernels->attention[0],
                      .keys = keys,
                      .keys_head_stride = keys_head_stride};
    if (a->batch == 0 || a->heads == 0 || a->q_len == 0) {
        return DECOCT_OK;
    }
    job.piece_rows = job.kernel->tile_rows;
    job.pieces = ceil_div(a->q_len, job.piece_rows);
    double work = (double)a->batch * (double)a->heads * (double)a->q_len * (double)a->kv_len *
                  (double)(a->head_dim + a->value_dim + 20);
    int32_t threads = dct_share(ctx, work);
    bool side_by_side = !keys && job.kernel->packs_keys >= DECOCT_PACKS_HEADS && job.pieces == 1 &&
                        a->k_head_stride < a->k_stride && a->v_head_stride < a->v_stride;
    job.heads = side_by_side ? ceil_div(a->heads, threads) : 0;
    decoct_status status = worker_scratch(ctx, &job);
    if (!status) {
        int64_t parts = side_by_side ? ceil_div(a->heads, job.heads) : a->heads * job.pieces;
        dct_run_on(ctx, threads, a->batch * parts, side_by_side ? attend_heads : attend_piece,
                   &job);
    }
    return status;
}

// ---- The public call ----

enum { Q, K, V, MASK, OUT, VIEWS };

// One operand (batch, heads, len, dim): dense strides if they are 0; within memory; not NULL if it
// is used.
static decoct_status check_operand(dct_error *error, const char *name, dct_view *v, bool used) {
    int64_t *stride = v->stride, dim = v->width;
    if (stride[0] < 0 || stride[1] < 0 || stride[2] < 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "attention: a stride of %s is negative", name);
    }
    stride[2] = stride[2] ? stride[2] : dim;
    bool dense = !stride[0] && !stride[1] && stride[2] == dim;
    if ((!stride[1] && !dct_mul(v->count[2], stride[2], &stride[1])) ||
        (!stride[0] && !dct_mul(v->count[1], stride[1], &stride[0])) || !dct_view_fits(v)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "attention: %s (%lld, %lld, %lld, %lld) is too large%s", name,
                        (long long)v->count[0], (long long)v->count[1], (long long)v->count[2],
                        (long long)dim, dense ? "" : " with these strides");
    }
    if (v->count[2] > 1 && stride[2] < dim) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "attention: %s has stride %lld, less than its %lld components", name,
                        (long long)stride[2], (long long)dim);
    }
    if (!v->data && v->count[2] > 0 && used) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "attention: %s is NULL", name);
    }
    return DECOCT_OK;
}

static decoct_status check_shape(dct_error *error, const decoct_attention_args *a) {
    const struct {
        const char *name;
        int64_t value, least;
    } sizes[] = {{"batch", a->batch, 1},         {"heads", a->heads, 1},
                 {"kv_heads", a->kv_heads, 1},   {"q_len", a->q_len, 0},
                 {"kv_len", a->kv_len, 0},       {"head_dim", a->head_dim, 1},
                 {"value_dim", a->value_dim, 1}, {"q_offset", a->q_offset, -INT64_MAX / 2}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i].value < sizes[i].least) {
            return dct_fail(error, DECOCT_E_ARGUMENT, "attention: %s is %lld, at least %lld",
                            sizes[i].name, (long long)sizes[i].value, (long long)sizes[i].least);
        }
    }
    if (a->heads % a->kv_heads) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "attention: kv_heads %lld does not divide heads %lld",
                        (long long)a->kv_heads, (long long)a->heads);
    }
    int64_t last;
    if (!dct_add(a->q_offset, a->q_len, &last)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "attention: q_offset %lld is out of range",
                        (long long)a->q_offset);
    }
    if (!isfinite(a->scale) || a->reserved != 0.0f) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "attention: %s",
                        isfinite(a->scale) ? "reserved is not 0"
                                           : "the scale is not a finite number");
    }
    return DECOCT_OK;
}

// The scores are as large as a mask, whether there is one or not.
static decoct_status check_mask(dct_error *error, decoct_attention_args *a, dct_view *v) {
    int64_t scores;
    if (!dct_mul(a->q_len, a->kv_len, &scores) || !dct_mul(scores, a->heads, &scores) ||
        !dct_mul(scores, a->batch, &scores) || scores > PTRDIFF_MAX / (int64_t)sizeof(float)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "attention: scores (batch, heads, q_len, kv_len) = (%lld, %lld, %lld, "
                        "%lld) are too large",
                        (long long)a->batch, (long long)a->heads, (long long)a->q_len,
                        (long long)a->kv_len);
    }
    a->mask_stride = a->mask_stride ? a->mask_stride : a->kv_len;
    *v = (dct_view){a->mask,
                    a->kv_len,
                    {a->batch, a->heads, a->q_len},
                    {a->mask_batch_stride, a->mask_head_stride, a->mask_stride}};
    if (!a->mask) {
        return DECOCT_OK;
    }
    if (a->mask_stride < a->kv_len || a->mask_head_stride < 0 || a->mask_batch_stride < 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "attention: a stride of the mask is too small");
    }
    return dct_view_fits(v) ? DECOCT_OK
                            : dct_fail(error, DECOCT_E_ARGUMENT,
                                       "attention: the strides of the mask are too large");
}

// out and weights are written while the inputs are still read.
static decoct_status check_apart(dct_error *error, const decoct_attention_args *a,
                                 const dct_view *views) {
    static const char *const names[] = {"q", "k", "v", "the mask", "out"};
    dct_view weights =
        dct_view_of_rows(a->weights, a->batch * a->heads * a->q_len, a->kv_len, a->kv_len);
    decoct_status status = DECOCT_OK;
    for (int i = 0; i < OUT && !status; i++) {
        status = dct_check_apart(error, "attention", "out", &views[OUT], names[i], &views[i]);
    }
    for (int i = 0; i <= OUT && a->weights && !status; i++) {
        status = dct_check_apart(error, "attention", "weights", &weights, names[i], &views[i]);
    }
    return status;
}

static decoct_status check(dct_error *error, decoct_attention_args *a) {
    a->batch = a->batch ? a->batch : 1;
    a->value_dim = a->value_dim ? a->value_dim : a->head_dim;
    decoct_status status = check_shape(error, a);
    if (status) {
        return status;
    }
    a->scale = a->scale != 0.0f ? a->scale : 1.0f / sqrtf((float)a->head_dim);
    const struct {
        const char *name;
        const void *data;
        int64_t heads, len, dim, *batch_stride, *head_stride, *stride;
        int view;
    } operands[] = {
        {"q", a->q, a->heads, a->q_len, a->head_dim, &a->q_batch_stride, &a->q_head_stride,
         &a->q_stride, Q},
        {"k", a->k, a->kv_heads, a->kv_len, a->head_dim, &a->k_batch_stride, &a->k_head_stride,
         &a->k_stride, K},
        {"v", a->v, a->kv_heads, a->kv_len, a->value_dim, &a->v_batch_stride, &a->v_head_stride,
         &a->v_stride, V},
        {"out", a->out, a->heads, a->q_len, a->value_dim, &a->out_batch_stride, &a->out_head_stride,
         &a->out_stride, OUT},
    };
    dct_view views[VIEWS];
    for (size_t i = 0; i < sizeof operands / sizeof *operands && !status; i++) {
        dct_view *v = &views[operands[i].view];
        *v = (dct_view){operands[i].data,
                        operands[i].dim,
                        {a->batch, operands[i].heads, operands[i].len},
                        {*operands[i].batch_stride, *operands[i].head_stride, *operands[i].stride}};
        status = check_operand(error, operands[i].name, v, a->q_len > 0);
        *operands[i].batch_stride = v->stride[0];
        *operands[i].head_stride = v->stride[1];
        *operands[i].stride = v->stride[2];
    }
    status = status ? status : check_mask(error, a, &views[MASK]);
    return status ? status : check_apart(error, a, views);
}

// In place of keys and values that do not exist: no kernel sees a null pointer.
static const float NOTHING;

static decoct_status attention(decoct_context *ctx, const decoct_attention_args *args) {
    decoct_attention_args a;
    decoct_status status =
        dct_take_struct(&ctx->error, "attention", &a, sizeof a, DCT_FIRST_ATTENTION, args);
    status = status ? status : check(&ctx->error, &a);
    if (status || a.q_len == 0) {
        return status;
    }
    a.k = a.k ? a.k : &NOTHING;
    a.v = a.v ? a.v : &NOTHING;
    // Packing keys is worth it when many queries share them; otherwise the kernel packs block by
    // block, and the keys are read from memory once.
    const decoct_attention_kernel *kernel = ctx->kernels->attention[0];
    if (kernel->packs_keys && a.q_len <= FEW_QUERIES) {
        return dct_attend(ctx, &a, NULL, 0);
    }
    keys_job job = {.a = &a, .pack = ctx->kernels->pack_keys, .blocks = ceil_div(a.kv_len, KEYS)};
    int64_t heads, count;
    bool fits = dct_keys_size(a.kv_len, a.head_dim, &job.head_stride) &&
                dct_mul(a.batch, a.kv_heads, &heads) && dct_mul(heads, job.head_stride, &count);
    job.keys = fits ? dct_scratch(ctx, DCT_SCRATCH_KEYS, count) : NULL;
    if (!job.keys) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "attention: no memory to pack the keys");
    }
    dct_run(ctx, heads * job.blocks, (double)count * 4.0, pack_block, &job);
    return dct_attend(ctx, &a, job.keys, job.head_stride);
}

decoct_status decoct_attention(decoct_context *ctx, const decoct_attention_args *args) {
    decoct_status status = dct_enter(ctx);
    return status ? status : dct_leave(ctx, attention(ctx, args));
}
