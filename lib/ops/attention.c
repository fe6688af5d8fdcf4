// SPDX-License-Identifier: BSD-2-Clause
// Attention: cuts heads x queries into pieces for the threads.
#include "attention.h"

#include "attention_keys.h"
#include "attention_parts.h"
#include "core/border.h"
#include "core/call_trace.h"
#include "core/sizes.h"
#include "machine/memory.h"

#include <string.h>

enum { FEW_QUERIES = 16 };
// Multiply-adds in the time that it takes to read a number of a key or value (docs/tuning.md).
enum { READ_COST = 4 };
// Another cut must be this much faster.
static const double SAVED = 15.0 / 16;
// Rows of all heads, of which a piece reads some only: memory is slower so (docs/tuning.md).
static const double GAPS = 9.0 / 8;

// ---- The pieces ----

typedef struct attend_job {
    const decoct_attention_args *a;
    const dct_choice *kernels;
    uint32_t asked;             // which kernel of these: a set of DECOCT_ATTENTION_ bits
    const dct_keys *keys;       // NULL: kernels get unpacked ones
    int64_t piece_rows, pieces; // of one head
    int64_t heads;              // of one piece: some, with few queries; 0: one
    dct_parts parts;            // of the keys, each in pieces of its own
    char *scratch;
    int64_t scratch_stride; // bytes of one worker
} attend_job;

// What the queries from `row` on see, and the parameters of the scores of head h.
static void set_parameters(const decoct_attention_args *a, int64_t h, int64_t row,
                           decoct_attention_piece *piece) {
    int64_t position = a->q_offset + row;
    if (a->causal) {
        piece->visible = position + 1;
        piece->window = a->window;
    } else if (a->window) { // the keys in (p - window, p + window)
        piece->visible = position + a->window;
        piece->window = 2 * a->window - 1;
    } else {
        piece->visible = a->kv_len;
    }
    piece->visible_step = a->causal || a->window ? 1 : 0;
    piece->position = position;
    piece->scale = a->scale;
    piece->softcap = a->softcap;
    piece->slopes = a->slopes ? a->slopes + h : NULL;
    piece->sinks = a->sinks ? a->sinks + h : NULL;
}

// `keys`: packed, or NULL.
static decoct_attention_piece make_piece(const attend_job *job, int64_t head, int64_t row,
                                         const float *keys) {
    const decoct_attention_args *a = job->a;
    int64_t b = head / a->heads, h = head % a->heads, kv = h / (a->heads / a->kv_heads);
    int64_t all = head * a->q_len + row; // row of the weights
    decoct_attention_piece piece = {
        .rows = dct_smaller(a->q_len - row, job->piece_rows),
        .kv_len = dct_kv_len_of(a, b),
        .head_dim = a->head_dim,
        .value_dim = a->value_dim,
        .q = a->q + b * a->q_batch_stride + h * a->q_head_stride + row * a->q_stride,
        .q_stride = a->q_stride,
        .keys = keys,
        .key_block_stride = DECOCT_KEY_BLOCK * a->head_dim,
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
        .k = a->k ? a->k + b * a->k_batch_stride + kv * a->k_head_stride : NULL,
        .k_stride = a->k_stride,
    };
    set_parameters(a, h, row, &piece);
    return piece;
}

// Some heads of one sequence, from `first` on, with all their queries.
static decoct_attention_piece make_heads_piece(const attend_job *job, int64_t b, int64_t first) {
    const decoct_attention_args *a = job->a;
    decoct_attention_piece piece = make_piece(job, b * a->heads + first, 0, NULL);
    piece.heads = dct_smaller(a->heads - first, job->heads);
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

// Runs the kernel; keys beyond the length of a sequence have weight 0.
static void run_whole(const attend_job *job, decoct_attention_piece *piece, int32_t worker) {
    int64_t behind = job->a->kv_len - piece->kv_len;
    piece->scratch = job->scratch ? job->scratch + worker * job->scratch_stride : NULL;
    dct_choice_here(job->kernels)->attention[job->asked]->run(piece);
    for (int64_t h = 0; piece->weights && behind > 0 && h < (piece->heads ? piece->heads : 1);
         h++) {
        float *weights = piece->weights + h * piece->weights_head_stride + piece->kv_len;
        for (int64_t i = 0; i < piece->rows; i++) {
            memset(weights + i * piece->weights_stride, 0, (size_t)behind * sizeof *weights);
        }
    }
}

// The whole piece, or a part of its keys; `row` is that of its first query, of batch heads q_len.
static void run_piece(const attend_job *job, decoct_attention_piece *piece, int64_t part,
                      int64_t row, int32_t worker) {
    if (!job->parts.count || dct_parts_cut(&job->parts, part, row, piece)) {
        run_whole(job, piece, worker);
    }
}

// Pieces of each sequence, or of a part of each.
static int64_t pieces_of(const attend_job *job) {
    return job->heads ? dct_ceil_div(job->a->heads, job->heads) : job->a->heads * job->pieces;
}

static void attend_heads(void *data, int64_t index, int32_t worker) {
    const attend_job *job = data;
    const int64_t groups = pieces_of(job), parts = job->parts.count ? job->parts.count : 1;
    const int64_t group = index / parts, b = group / groups, first = group % groups * job->heads;
    decoct_attention_piece piece = make_heads_piece(job, b, first);
    run_piece(job, &piece, index % parts, (b * job->a->heads + first) * job->a->q_len, worker);
}

// The packed keys of one head of q, or NULL.
static const float *packed_keys(const attend_job *job, int64_t head, int32_t worker) {
    const decoct_attention_args *a = job->a;
    int64_t b = a->kv_shared ? 0 : head / a->heads;
    int64_t kv = head % a->heads / (a->heads / a->kv_heads);
    return job->keys ? dct_keys_of(job->keys, b * a->kv_heads + kv, worker) : NULL;
}

// Head by head, so that a thread has whole heads, whose keys stay in its cache. The last queries
// see the most keys: they come first, so that no thread ends with them.
static void attend_piece(void *data, int64_t index, int32_t worker) {
    const attend_job *job = data;
    const int64_t parts = job->parts.count ? job->parts.count : 1, all = index / parts;
    const int64_t row = (job->pieces - 1 - all % job->pieces) * job->piece_rows;
    const int64_t head = all / job->pieces;
    decoct_attention_piece piece = make_piece(job, head, row, packed_keys(job, head, worker));
    run_piece(job, &piece, index % parts, head * job->a->q_len + row, worker);
}

// Bytes that a piece needs with any kernel that may get it: one for each vector length.
static int64_t scratch_bytes(const attend_job *job, const decoct_attention_piece *piece) {
    const decoct_attention_kernel *own = job->kernels->attention[job->asked];
    const decoct_attention_kernel *spare = job->kernels->spare->attention[job->asked];
    int64_t bytes = own->scratch_bytes ? own->scratch_bytes(piece) : 0;
    int64_t others = spare != own && spare->scratch_bytes ? spare->scratch_bytes(piece) : 0;
    return bytes < 0 || others < 0 ? -1 : bytes > others ? bytes : others;
}

// What is asked of a kernel, a set of DECOCT_ATTENTION_ bits.
static uint32_t find_asked(const decoct_attention_args *a) {
    return (a->window ? DECOCT_ATTENTION_WINDOW : 0) |
           (a->softcap != 0.0f ? DECOCT_ATTENTION_SOFTCAP : 0) |
           (a->slopes ? DECOCT_ATTENTION_SLOPES : 0) | (a->sinks ? DECOCT_ATTENTION_SINKS : 0);
}

// Whether kernels for every vector length pack keys themselves: DECOCT_PACKS_.
static uint32_t packs_keys(const dct_choice *kernels, uint32_t asked) {
    uint32_t own = kernels->attention[asked]->packs_keys;
    uint32_t spare = kernels->spare->attention[asked]->packs_keys;
    return own < spare ? own : spare;
}

// Rows of a piece that kernels for every vector length work on together.
static int64_t tile_rows(const dct_choice *kernels, uint32_t asked) {
    return dct_smaller(kernels->attention[asked]->tile_rows,
                       kernels->spare->attention[asked]->tile_rows);
}

// Multiply-adds, roughly. A key that few queries share takes the time of reading it.
static double work_of(const decoct_attention_args *a) {
    double rows = (double)a->q_len * (double)(a->heads / a->kv_heads);
    rows = rows < READ_COST ? READ_COST : rows;
    double keys = (double)a->kv_len, window = (a->causal ? 1.0 : 2.0) * (double)a->window;
    keys = a->window && window < keys ? window : keys;
    return (double)a->batch * (double)a->kv_heads * rows * keys *
           (double)(a->head_dim + a->value_dim + 20);
}

// Are keys of different heads adjacent in memory, and values?
static bool is_adjacent(const decoct_attention_args *a) {
    return a->k_head_stride < a->k_stride && a->v_head_stride < a->v_stride;
}

// Heads in a piece of unpacked keys: those that share their keys, so that each key is read once,
// and those of a thread where keys of different heads are adjacent in memory. 0: one head, by
// itself.
static int64_t heads_together(const decoct_attention_args *a, int32_t threads) {
    const int64_t group = a->heads / a->kv_heads;
    const bool adjacent = is_adjacent(a);
    int64_t of_thread = dct_ceil_div(a->batch * a->heads, threads);
    of_thread = dct_smaller(of_thread, a->heads);
    int64_t heads = adjacent ? of_thread : dct_smaller(group, of_thread);
    int64_t whole = dct_ceil_div(heads, group) * group; // no group is shared by two threads
    bool all_work = a->batch * dct_ceil_div(a->heads, whole) >= threads;
    heads = whole <= a->heads && (all_work || whole == heads) ? whole : heads;
    return heads > 1 || adjacent ? heads : 0;
}

// ---- Parts of the keys ----

// Do kernels for every vector length take parts as pieces?
static bool takes_parts(const dct_choice *kernels, uint32_t asked) {
    return kernels->attention[asked]->features & kernels->spare->attention[asked]->features &
           DECOCT_ATTENTION_PARTS;
}

// Pieces of some heads (0: one), with piece_rows queries at most.
static dct_parts_way way_of(const attend_job *job, int64_t heads) {
    const decoct_attention_args *a = job->a;
    int64_t count = heads ? heads : 1, keys = dct_ceil_div(count, a->heads / a->kv_heads);
    int64_t rows = count * dct_smaller(a->q_len, job->piece_rows), least = keys * READ_COST;
    double gaps = !job->keys && is_adjacent(a) && count < a->heads ? GAPS : 1.0;
    return (dct_parts_way){heads ? dct_ceil_div(a->heads, heads) : a->heads * job->pieces,
                           gaps * (double)(rows > least ? rows : least)};
}

// Cuts the call if the busiest thread ends clearly sooner then: a part costs less than
// a microsecond (queries are packed again, outputs are stored and merged), which is less than 2 %
// of its time in cache (docs/performance.md), and merging is one more run of the threads. Pieces
// have as many heads as pays: memory is read in its order, and keys that heads share are read once.
// Calls that ask for weights are not cut: these need the sum of all parts. With at most as many
// query rows as a part has keys, the results of the parts are smaller than keys and values. Their
// memory is there even if the call is not cut: how many threads a call gets depends on which are
// awake, and a call that was made before must not need more memory.
static decoct_status cut(decoct_context *ctx, attend_job *job, bool together, int32_t threads) {
    const decoct_attention_args *a = job->a;
    const bool fits = a->q_len <= DECOCT_KEY_PART / (a->heads / a->kv_heads);
    dct_parts_keys keys = {0};
    for (int64_t b = 0; b < a->batch; b++) {
        dct_keys_span seen = dct_keys_seen(a, b);
        dct_parts_add(&keys, seen.first, seen.last);
    }
    if (a->weights || !fits || keys.longest <= DECOCT_KEY_PART) {
        return DECOCT_OK;
    }
    dct_parts parts;
    decoct_status status = dct_parts_open(ctx, a, &keys, &parts);
    double best = dct_parts_time_whole(&keys, way_of(job, job->heads), threads);
    for (int32_t most = 1; most <= threads && !status; most *= 2) {
        int64_t heads = together ? heads_together(a, most) : 0;
        double time = dct_parts_time_cut(&keys, way_of(job, heads), threads);
        if (time < best * SAVED) {
            best = time;
            job->heads = heads;
            job->parts = parts;
        }
    }
    return status;
}

// ---- Memory of the workers ----

// With the keys of the longest sequence.
static decoct_attention_piece first_piece(const attend_job *job) {
    const float *keys = job->keys ? job->keys->packed : NULL;
    decoct_attention_piece piece =
        job->heads ? make_heads_piece(job, 0, 0) : make_piece(job, 0, 0, keys);
    piece.kv_len = job->a->kv_len;
    return piece;
}

// Bytes that a worker needs, whatever the threads that the call gets: more of them have fewer heads
// in a piece, or parts of the keys, and a call that was made before must not need more memory.
static int64_t worker_bytes(const attend_job *job, bool together) {
    attend_job whole = *job;
    whole.heads = together ? heads_together(job->a, 1) : 0;
    decoct_attention_piece mine = first_piece(job), largest = first_piece(&whole);
    if (job->parts.count) {
        mine.kv_len = dct_smaller(mine.kv_len, DECOCT_KEY_PART);
        mine.state = job->parts.state;
        mine.sinks = NULL;
    }
    int64_t bytes = scratch_bytes(job, &mine), most = scratch_bytes(job, &largest);
    return bytes < 0 || most < 0 ? -1 : bytes > most ? bytes : most;
}

static decoct_status worker_scratch(decoct_context *ctx, attend_job *job, bool together) {
    int64_t all, one = worker_bytes(job, together);
    if (one == 0) {
        return DECOCT_OK;
    }
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

// ---- The call ----

static void run_pieces(decoct_context *ctx, const attend_job *job, int32_t threads) {
    const int64_t parts = job->parts.count ? job->parts.count : 1;
    dct_run_on(ctx, threads, job->a->batch * pieces_of(job) * parts,
               job->heads ? attend_heads : attend_piece, (void *)job);
    if (job->parts.count) {
        dct_parts_merge(ctx, job->a, &job->parts);
    }
}

static decoct_status attend(decoct_context *ctx, const decoct_attention_args *a,
                            const dct_keys *keys) {
    attend_job job = {.a = a, .kernels = ctx->kernels, .asked = find_asked(a), .keys = keys};
    if (a->batch == 0 || a->heads == 0 || a->q_len == 0) {
        return DECOCT_OK;
    }
    job.piece_rows = tile_rows(job.kernels, job.asked);
    job.pieces = dct_ceil_div(a->q_len, job.piece_rows);
    int32_t threads = dct_share(ctx, work_of(a));
    bool together =
        !keys && packs_keys(job.kernels, job.asked) >= DECOCT_PACKS_HEADS && job.pieces == 1;
    job.heads = together ? heads_together(a, threads) : 0;
    decoct_status status = DECOCT_OK;
    if (dct_pool_threads(ctx->pool) > 1 && a->kv_len > DECOCT_KEY_PART &&
        takes_parts(job.kernels, job.asked)) {
        status = cut(ctx, &job, together, threads);
    }
    status = status ? status : worker_scratch(ctx, &job, together);
    if (!status) {
        run_pieces(ctx, &job, threads);
    }
    return status;
}

static void report(decoct_context *ctx, double begun, decoct_status status,
                   const decoct_attention_args *a) {
    decoct_trace_call call = {.status = status,
                              .operation = "attention",
                              .batch = a->batch,
                              .heads = a->heads,
                              .kv_heads = a->kv_heads,
                              .q_len = a->q_len,
                              .kv_len = a->kv_len,
                              .head_dim = a->head_dim,
                              .value_dim = a->value_dim};
    const dct_choice *here = dct_choice_here(ctx->kernels);
    dct_call_end(ctx, begun, ctx->backends, here->attention[find_asked(a)], call);
}

decoct_status dct_attend(decoct_context *ctx, const decoct_attention_args *a, const float *keys,
                         int64_t keys_head_stride) {
    double begun = dct_call_begin(ctx);
    const dct_keys all = {.packed = keys, .head_stride = keys_head_stride};
    decoct_status status = attend(ctx, a, &all);
    if (begun > 0.0) {
        report(ctx, begun, status, a);
    }
    return status;
}

// ---- The public call ----

// In place of keys and values that do not exist: no kernel sees a null pointer.
static const float NOTHING;

static decoct_status pack_and_attend(decoct_context *ctx, const decoct_attention_args *a) {
    // Packing keys is worth it when many queries share them; otherwise the kernel packs block by
    // block, and the keys are read from memory once.
    if (packs_keys(ctx->kernels, find_asked(a)) && a->q_len <= FEW_QUERIES) {
        return attend(ctx, a, NULL);
    }
    dct_keys keys;
    decoct_status status = dct_keys_open(ctx, a, &keys);
    return status ? status : attend(ctx, a, &keys);
}

static decoct_status attention(decoct_context *ctx, const decoct_attention_args *args) {
    decoct_attention_args a;
    decoct_status status =
        dct_take_struct(&ctx->error, "attention", &a, sizeof a, DCT_FIRST_ATTENTION, args);
    status = status ? status : dct_attention_check(&ctx->error, &a);
    if (status || a.q_len == 0) {
        return status;
    }
    a.k = a.k ? a.k : &NOTHING;
    a.v = a.v ? a.v : &NOTHING;
    double begun = dct_call_begin(ctx);
    status = pack_and_attend(ctx, &a);
    if (begun > 0.0) {
        report(ctx, begun, status, &a);
    }
    return status;
}

decoct_status decoct_attention(decoct_context *ctx, const decoct_attention_args *args) {
    decoct_status status = dct_enter(ctx);
    return status ? status : dct_leave(ctx, attention(ctx, args));
}
