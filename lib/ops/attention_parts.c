// SPDX-License-Identifier: BSD-2-Clause
#include "attention_parts.h"

#include "core/sizes.h"
#include "machine/memory.h"

#include <decoct/reference.h>
#include <math.h>
#include <string.h>

enum { PART = DECOCT_KEY_PART, KEYS = DECOCT_KEY_BLOCK, STATE = 2 };

// ---- Times ----

void dct_parts_add(dct_parts_keys *keys, int64_t first, int64_t last) {
    first = first < 0 ? 0 : first;
    last = last < first ? first : last;
    double count = (double)(last - first);
    keys->first = keys->sequences && keys->first < first ? keys->first : first;
    keys->last = keys->sequences && keys->last > last ? keys->last : last;
    keys->longest = keys->longest > count ? keys->longest : count;
    keys->total += count;
    keys->parts += floor(count / PART + 0.5);
    keys->sequences++;
}

// `pieces` of equal work: how many the busiest thread has.
static double most_of(double pieces, int32_t threads) {
    return ceil(pieces / threads);
}

static double larger(double a, double b) {
    return a > b ? a : b;
}

// A thread has whole pieces, and one has the longest.
double dct_parts_time_whole(const dct_parts_keys *keys, dct_parts_way way, int32_t threads) {
    double pieces = (double)way.pieces * (double)keys->sequences;
    double mean = keys->total / (double)keys->sequences;
    return way.cost * larger(most_of(pieces, threads) * mean, keys->longest);
}

// Parts come out even but for a last one.
double dct_parts_time_cut(const dct_parts_keys *keys, dct_parts_way way, int32_t threads) {
    double of_part = keys->longest < PART ? keys->longest : PART;
    double most = most_of((double)way.pieces * keys->parts, threads) * of_part;
    return way.cost * larger(most, (double)way.pieces * keys->total / threads);
}

// ---- Memory ----

decoct_status dct_parts_open(decoct_context *ctx, const decoct_attention_args *a,
                             const dct_parts_keys *keys, dct_parts *parts) {
    int64_t rows, each, count, all;
    parts->first = keys->first / PART;
    parts->count = dct_ceil_div(keys->last, PART) - parts->first;
    bool fits = dct_mul(a->batch, a->heads, &rows) && dct_mul(rows, a->q_len, &rows) &&
                dct_add(a->value_dim, STATE, &each) && dct_mul(rows, parts->count, &count) &&
                dct_mul(count, each, &all) && dct_add(all, a->value_dim, &all);
    parts->rows = rows;
    parts->out = fits ? dct_scratch(ctx, DCT_SCRATCH_PARTS, all) : NULL;
    if (!parts->out) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "attention: no memory for parts of the keys");
    }
    parts->state = parts->out + count * a->value_dim;
    parts->zeros = parts->state + count * STATE;
    memset(parts->zeros, 0, (size_t)a->value_dim * sizeof(float));
    return DECOCT_OK;
}

// ---- Pieces ----

bool dct_parts_cut(const dct_parts *parts, int64_t part, int64_t row,
                   decoct_attention_piece *piece) {
    const int64_t first = (parts->first + part) * PART, steps = piece->rows - 1;
    const int64_t rows = (piece->heads ? piece->heads : 1) * piece->rows;
    row += part * parts->rows;
    piece->out = parts->out + row * piece->value_dim;
    piece->out_stride = piece->value_dim;
    piece->out_head_stride = piece->rows * piece->value_dim;
    piece->state = parts->state + row * STATE;
    piece->sinks = NULL;
    piece->kv_len = dct_smaller(piece->kv_len - first, PART);
    piece->visible -= first;
    piece->position -= first;
    if (piece->kv_len <= 0 || piece->visible + steps * piece->visible_step <= 0) {
        memset(piece->state, 0, (size_t)(rows * STATE) * sizeof(float)); // sums of 0
        return false;
    }
    piece->k = piece->k ? (const float *)piece->k + first * piece->k_stride : NULL;
    piece->keys =
        piece->keys ? (const float *)piece->keys + first / KEYS * piece->key_block_stride : NULL;
    piece->v = (const float *)piece->v + first * piece->v_stride;
    piece->mask = piece->mask ? piece->mask + first : NULL;
    return true;
}

// ---- Merging ----

typedef struct merge_job {
    const decoct_attention_args *a;
    const dct_parts *parts;
} merge_job;

// docs/bits.md, rule 5.
static void merge_row(void *data, int64_t row, int32_t worker) {
    const merge_job *job = data;
    const decoct_attention_args *a = job->a;
    const dct_parts *p = job->parts;
    int64_t b = row / a->q_len / a->heads, h = row / a->q_len % a->heads, i = row % a->q_len;
    float *out = a->out + b * a->out_batch_stride + h * a->out_head_stride + i * a->out_stride;
    decoct_reference_part all = {-INFINITY, 0.0f};
    (void)worker;
    memset(out, 0, (size_t)a->value_dim * sizeof *out);
    for (int64_t part = 0; part < p->count; part++) {
        const int64_t at = part * p->rows + row;
        const float *state = p->state + at * STATE;
        decoct_reference_merge(a->value_dim, (decoct_reference_part){state[0], state[1]},
                               p->out + at * a->value_dim, &all, out);
    }
    if (a->sinks && a->sinks[h] != -INFINITY) {
        decoct_reference_merge(a->value_dim, (decoct_reference_part){a->sinks[h], 1.0f}, p->zeros,
                               &all, out);
    }
    float inverse = all.sum == 0.0f ? 0.0f : 1.0f / all.sum;
    for (int64_t c = 0; c < a->value_dim; c++) {
        out[c] *= inverse;
    }
}

void dct_parts_merge(decoct_context *ctx, const decoct_attention_args *a, const dct_parts *parts) {
    merge_job job = {a, parts};
    double numbers = (double)parts->rows * (double)parts->count * (double)a->value_dim;
    dct_run(ctx, parts->rows, numbers * 8.0, merge_row, &job);
}
