// SPDX-License-Identifier: BSD-2-Clause
#include "speed.h"

#include "machine/clock.h"

#include <decoct/lists.h>

#include <stdio.h>

// Small enough for the second cache of any CPU: a kernel is measured, not the memory.
enum {
    ROWS = 64,
    COLS = 768,
    PRODUCT_ROWS = 32,
    PRODUCT_STEPS = 512,
    PRODUCT_COLS = 256,
    QUERIES = 32,
    KEYS = 512,
    HEAD = 64,
    BATCHES = 5
};
static const double BATCH_SECONDS = 1e-3;

static const uint32_t needs_of[DCT_OPS] = {
#define DECOCT_OP(NAME, name, needs, forms, cost) [DCT_OP_INDEX_##NAME] = (needs),
#include <decoct/ops.def>
#undef DECOCT_OP
};

// ---- Timing ----

// Seconds of one call: the quickest of a few batches.
static double time_call(conform_kernel *run, const void *piece) {
    double best = 0.0;
    int64_t count = 1;
    run(piece);
    for (int i = 0; i < BATCHES;) {
        double began = clock_now();
        for (int64_t n = 0; n < count; n++) {
            run(piece);
        }
        double seconds = clock_now() - began;
        if (seconds < BATCH_SECONDS && i == 0) {
            count *= 2;
            continue;
        }
        double each = seconds / (double)count;
        best = i == 0 || each < best ? each : best;
        i++;
    }
    return best;
}

static conform_matrix *operand(conform_probe *p, int64_t rows, int64_t cols, decoct_dtype dtype) {
    return conform_random_operand(p, "operand", rows, cols, cols, dtype, CONFORM_ALIGNED, 1.0f);
}

// ---- The calls ----

static double time_rows(conform_probe *p, const dct_kernels *k, speed_work *out) {
    decoct_op op = p->slot - DCT_SLOT_ROWS;
    uint32_t needs = needs_of[op];
    conform_matrix *x = operand(p, ROWS, COLS, p->dtype), *y = operand(p, ROWS, COLS, DECOCT_F32);
    conform_matrix *ids = conform_ids(p, "ids", ROWS, CONFORM_ALIGNED);
    for (int32_t i = 0; i < ROWS; i++) {
        ((int32_t *)ids->data)[i] = ROWS - 1 - i;
    }
    bool vectors = needs & (DCT_MAY_GAIN | DCT_MAY_BIAS | DCT_NEEDS_BIAS);
    bool angles = needs & DCT_NEEDS_ANGLES;
    decoct_rows_piece piece = {
        .rows = ROWS,
        .cols = COLS,
        .x = conform_in(x),
        .up = needs & DCT_MAY_UP ? conform_in(operand(p, ROWS, COLS, DECOCT_F32))
                                 : (decoct_operand){0},
        .y = conform_out(y),
        .gain = vectors ? operand(p, 1, COLS, DECOCT_F32)->data : NULL,
        .bias = vectors ? operand(p, 1, COLS, DECOCT_F32)->data : NULL,
        .ids = needs & DCT_NEEDS_IDS ? ids->data : NULL,
        .scale = needs & DCT_NEEDS_EPS ? 1e-5f : 0.5f,
        .beta = 0.5f,
        .cosine = angles ? operand(p, ROWS, HEAD / 2, DECOCT_F32)->data : NULL,
        .sine = angles ? operand(p, ROWS, HEAD / 2, DECOCT_F32)->data : NULL,
        .angle_stride = HEAD / 2,
        .head_dim = angles ? HEAD : 0,
        .rotary_dim = angles ? HEAD : 0};
    out->bytes = (double)(ROWS * COLS) * (double)(x->size + y->size);
    snprintf(out->shape, sizeof out->shape, "%d x %d", ROWS, COLS);
    return time_call((conform_kernel *)k->rows[op].run, &piece);
}

static void pack_all(const decoct_matmul_kernel *m, const conform_matrix *w, int64_t steps,
                     int64_t w_stride, char *panels) {
    for (int64_t j = 0; j < w->cols; j += m->panel_cols) {
        for (int64_t i = 0; i < steps; i += DCT_PACK_STEPS) {
            m->pack(&(decoct_pack_piece){
                .k = steps - i < DCT_PACK_STEPS ? steps - i : DCT_PACK_STEPS,
                .cols = m->panel_cols,
                .w = (const char *)w->data + (i * w->cols + j) * w->size,
                .row_stride = w->cols,
                .col_stride = 1,
                .panel = panels + j / m->panel_cols * w_stride + dct_panel_bytes(m, i)});
        }
    }
}

static double time_matmul(conform_probe *p, const dct_kernels *k, speed_work *out) {
    const decoct_matmul_kernel *m = &k->matmul[p->slot - DCT_SLOT_MATMUL];
    int64_t rows = m->m_block && m->m_block < PRODUCT_ROWS ? m->m_block : PRODUCT_ROWS;
    int64_t steps = m->k_block && m->k_block < PRODUCT_STEPS ? m->k_block : PRODUCT_STEPS;
    int64_t cols = (PRODUCT_COLS + m->panel_cols - 1) / m->panel_cols * m->panel_cols;
    int64_t w_stride = (dct_panel_bytes(m, steps) + 63) / 64 * 64;
    conform_matrix *x = operand(p, rows, steps, DECOCT_F32), *w = operand(p, steps, cols, p->dtype);
    conform_matrix *y = operand(p, rows, cols, DECOCT_F32);
    conform_matrix *panels =
        conform_bytes(p, "panels", cols / m->panel_cols * w_stride, CONFORM_ALIGNED);
    conform_matrix *scratch = conform_scratch(p, (int64_t)m->scratch_bytes);
    pack_all(m, w, steps, w_stride, panels->data);
    decoct_matmul_piece piece = {.rows = rows,
                                 .cols = cols,
                                 .k = steps,
                                 .x = conform_in(x),
                                 .w = panels->data,
                                 .w_stride = w_stride,
                                 .y = conform_out(y),
                                 .scratch = scratch ? scratch->data : NULL};
    out->flops = 2.0 * (double)rows * (double)cols * (double)steps;
    snprintf(out->shape, sizeof out->shape, "%lld x %lld x %lld", (long long)rows, (long long)cols,
             (long long)steps);
    return m->run ? time_call((conform_kernel *)m->run, &piece) : 0.0;
}

static const decoct_attention_kernel *find_attention(const dct_kernels *k, decoct_dtype dtype) {
    for (int i = 0; i < DCT_ATTENTION_MOST && k->attention[i].run; i++) {
        if (k->attention[i].kv_dtypes >> dtype & 1) {
            return &k->attention[i];
        }
    }
    return NULL;
}

static double time_attention(conform_probe *p, const dct_kernels *k, speed_work *out) {
    const decoct_attention_kernel *a = find_attention(k, p->dtype);
    conform_matrix *q = operand(p, QUERIES, HEAD, DECOCT_F32);
    conform_matrix *keys = operand(p, KEYS, HEAD, p->dtype), *v = operand(p, KEYS, HEAD, p->dtype);
    conform_matrix *blocks = operand(p, KEYS / DECOCT_KEY_BLOCK, HEAD * DECOCT_KEY_BLOCK, p->dtype);
    conform_matrix *y = operand(p, QUERIES, HEAD, DECOCT_F32);
    for (int64_t i = 0; i < blocks->rows; i++) {
        decoct_keys_piece piece = {
            .count = DECOCT_KEY_BLOCK, .head_dim = HEAD, .k = conform_in(keys)};
        piece.k.data = (const char *)keys->data + i * DECOCT_KEY_BLOCK * HEAD * keys->size;
        piece.block = (char *)blocks->data + i * HEAD * DECOCT_KEY_BLOCK * blocks->size;
        p->right->pack_keys(&piece);
    }
    decoct_attention_piece piece = {.rows = QUERIES,
                                    .kv_len = KEYS,
                                    .head_dim = HEAD,
                                    .value_dim = HEAD,
                                    .q = q->data,
                                    .q_stride = HEAD,
                                    .keys = blocks->data,
                                    .key_block_stride = (int64_t)HEAD * DECOCT_KEY_BLOCK,
                                    .v = v->data,
                                    .v_stride = HEAD,
                                    .out = y->data,
                                    .out_stride = HEAD,
                                    .visible = KEYS,
                                    .scale = 0.125f,
                                    .k_dtype = p->dtype,
                                    .v_dtype = p->dtype,
                                    .heads = 1,
                                    .kv_group = 1};
    conform_matrix *scratch =
        a && a->scratch_bytes ? conform_scratch(p, a->scratch_bytes(&piece)) : NULL;
    piece.scratch = scratch ? scratch->data : NULL;
    out->flops = 4.0 * QUERIES * KEYS * HEAD;
    snprintf(out->shape, sizeof out->shape, "%d queries, %d keys of %d", QUERIES, KEYS, HEAD);
    return a ? time_call((conform_kernel *)a->run, &piece) : 0.0;
}

static double time_pack_keys(conform_probe *p, const dct_kernels *k, speed_work *out) {
    conform_matrix *keys = operand(p, DECOCT_KEY_BLOCK, HEAD, p->dtype);
    conform_matrix *block = operand(p, HEAD, DECOCT_KEY_BLOCK, p->dtype);
    decoct_keys_piece piece = {
        .count = DECOCT_KEY_BLOCK, .head_dim = HEAD, .k = conform_in(keys), .block = block->data};
    out->bytes = 2.0 * HEAD * DECOCT_KEY_BLOCK * (double)keys->size;
    snprintf(out->shape, sizeof out->shape, "%d keys of %d", DECOCT_KEY_BLOCK, HEAD);
    return time_call((conform_kernel *)k->pack_keys, &piece);
}

double speed_of(conform_probe *p, const dct_kernels *k, speed_work *out) {
    *out = (speed_work){0};
    conform_begin(p, "timing");
    if (!dct_kernels_has(k, p->slot)) {
        return 0.0;
    }
    return p->slot < DCT_SLOT_ATTENTION    ? time_matmul(p, k, out)
           : p->slot == DCT_SLOT_ATTENTION ? time_attention(p, k, out)
           : p->slot < DCT_SLOT_PACK_KEYS  ? time_rows(p, k, out)
           : p->slot == DCT_SLOT_PACK_KEYS ? time_pack_keys(p, k, out)
                                           : 0.0;
}

// ---- The ceilings ----

typedef struct roof_call {
    const decoct_probe_kernel *probe;
    const float *from;
    float *to;
    int64_t count;
} roof_call;

static void call_fma(const void *data) {
    const roof_call *c = data;
    c->probe->fma(c->count, c->to);
}

static void call_copy(const void *data) {
    const roof_call *c = data;
    c->probe->copy(c->count, c->from, c->to);
}

double speed_roof_flops(const decoct_probe_kernel *probe) {
    _Alignas(64) float sink[DECOCT_LANES] = {0.0f};
    roof_call call = {.probe = probe, .to = sink, .count = 1 << 12};
    return (double)call.count * (double)probe->fma_flops / time_call(call_fma, &call);
}

double speed_roof_bytes(conform_probe *p, const decoct_probe_kernel *probe) {
    conform_begin(p, "timing");
    conform_matrix *from = operand(p, ROWS, COLS, DECOCT_F32);
    conform_matrix *to = operand(p, ROWS, COLS, DECOCT_F32);
    roof_call call = {.probe = probe, .from = from->data, .to = to->data, .count = ROWS * COLS};
    return 2.0 * (double)(ROWS * COLS) * sizeof(float) / time_call(call_copy, &call);
}
