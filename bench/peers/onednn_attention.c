// SPDX-License-Identifier: BSD-2-Clause
// Causal attention as a user of oneDNN writes it: for each head and each block of queries,
// scores = q k^T of the keys that the block sees, the mask, softmax, and the product with v. Its
// threads work inside the primitives.
#include "onednn.h"

#include "cases/operands.h"
#include "cases/sizes.h"

#include <math.h>
#include <stdlib.h>

// The best number of queries in a block (docs/tuning.md); the heads go into one call as long as
// their scores stay in the L2 cache. KEYS: see run_one.
enum { BLOCK = 64, GROUP_FLOATS = 131072, KEYS = 256 };

// The primitives of one block of queries; each block sees more keys than the one before.
typedef struct block {
    int64_t first, rows, seen;
    onednn_call scores, softmax, output;
} block;

typedef struct onednn_attention_job {
    const onednn *lib;
    peer_case c;
    int64_t groups; // heads in one call
    int count;
    block *blocks;
    float *scores; // (groups, rows, seen)
} onednn_attention_job;

// See run_one.
static bool is_one(const peer_case *c) {
    return c->q_len == 1 && c->threads == 1;
}

static bool open_block(onednn_attention_job *j, block *b) {
    const onednn *lib = j->lib;
    const peer_case *c = &j->c;
    int64_t dim = c->head_dim, width = c->heads * dim, kv = c->kv_heads * dim, g = j->groups;
    float scale = 1.0f / sqrtf((float)dim);
    onednn_layout q, key, scores, value, y;
    if (is_one(c)) { // the products are dnnl_sgemm
        return onednn_strided(lib, &(onednn_shape){g, 1, b->seen, b->seen, b->seen, 1}, &scores) &&
               onednn_softmax(lib, &scores, 2, &b->softmax) &&
               onednn_attach(lib, &b->softmax, j->scores, NULL, j->scores);
    }
    return onednn_strided(lib, &(onednn_shape){g, b->rows, dim, dim, width, 1}, &q) &&
           onednn_strided(lib, &(onednn_shape){g, dim, b->seen, dim, 1, kv}, &key) &&
           onednn_strided(lib, &(onednn_shape){g, b->rows, b->seen, b->rows * b->seen, b->seen, 1},
                          &scores) &&
           onednn_strided(lib, &(onednn_shape){g, b->seen, dim, dim, kv, 1}, &value) &&
           onednn_strided(lib, &(onednn_shape){g, b->rows, dim, dim, width, 1}, &y) &&
           onednn_matmul(lib, &q, &key, &scores, scale, &b->scores) &&
           onednn_softmax(lib, &scores, 2, &b->softmax) &&
           onednn_matmul(lib, &scores, &value, &y, 1.0f, &b->output) &&
           onednn_attach(lib, &b->softmax, j->scores, NULL, j->scores);
}

void onednn_attention_close(void *data) {
    onednn_attention_job *j = data;
    if (!j) {
        return;
    }
    for (int i = 0; j->blocks && i < j->count; i++) {
        onednn_free(j->lib, &j->blocks[i].scores);
        onednn_free(j->lib, &j->blocks[i].softmax);
        onednn_free(j->lib, &j->blocks[i].output);
    }
    free(j->blocks);
    free(j->scores);
    free(j);
}

void *onednn_attention_open(const onednn *lib, const peer_case *c) {
    onednn_attention_job *j = calloc(1, sizeof *j);
    if (!j) {
        return NULL;
    }
    int64_t rows = c->q_len < BLOCK ? c->q_len : BLOCK;
    bool fit = c->q_len == 1 || c->heads * rows * c->kv_len <= GROUP_FLOATS;
    bool together = is_one(c) || (fit && c->kv_heads == c->heads);
    *j = (onednn_attention_job){.lib = lib, .c = *c, .groups = together ? c->heads : 1};
    j->count = (int)ceil_div(c->q_len, rows);
    j->blocks = calloc((size_t)j->count, sizeof *j->blocks);
    j->scores = operand_room(j->groups * rows * c->kv_len);
    bool opened = j->blocks && j->scores;
    for (int i = 0; i < j->count && opened; i++) {
        block *b = &j->blocks[i];
        b->first = i * rows;
        b->rows = c->q_len - b->first < rows ? c->q_len - b->first : rows;
        b->seen = c->kv_len - c->q_len + b->first + b->rows;
        opened = open_block(j, b);
    }
    if (!opened) {
        onednn_attention_close(j);
        return NULL;
    }
    return j;
}

// Only the last columns of a block, as many as it has rows, are hidden from some of its queries.
static void mask(const onednn_attention_job *j, const block *b) {
    int64_t always = b->seen - b->rows;
    for (int64_t row = 0; row < j->groups * b->rows; row++) {
        float *scores = j->scores + row * b->seen;
        for (int64_t col = always + row % b->rows + 1; col < b->seen; col++) {
            scores[col] = -INFINITY;
        }
    }
}

static bool run_block(const onednn_attention_job *j, const block *b, int64_t head) {
    const onednn *lib = j->lib;
    int64_t dim = j->c.head_dim, first = (b->first * j->c.heads + head) * dim;
    int64_t at = head / (j->c.heads / j->c.kv_heads) * dim;
    if (!onednn_attach(lib, &b->scores, j->c.q + first, j->c.key + at, j->scores) ||
        !onednn_attach(lib, &b->output, j->scores, j->c.value + at, j->c.y + first) ||
        !onednn_execute(lib, &b->scores) || lib->stream_wait(lib->stream)) {
        return false;
    }
    mask(j, b);
    return onednn_execute(lib, &b->softmax) && onednn_execute(lib, &b->output) &&
           !lib->stream_wait(lib->stream);
}

// One query on one thread: all heads take their turn at a few keys, so that memory is read once
// from front to back and not by each head in pieces. Faster than the primitives: docs/tuning.md.
static bool run_one(const onednn_attention_job *j) {
    const onednn *lib = j->lib;
    const peer_case *c = &j->c;
    int64_t dim = c->head_dim, width = c->kv_heads * dim, kv = c->kv_len;
    int64_t group = c->heads / c->kv_heads; // heads that read the same keys
    float scale = 1.0f / sqrtf((float)dim);
    bool well = true;
    for (int64_t at = 0; at < kv && well; at += KEYS) {
        int64_t keys = kv - at < KEYS ? kv - at : KEYS;
        for (int64_t h = 0; h < c->kv_heads && well; h++) {
            well = !lib->sgemm('N', 'T', group, keys, dim, scale, c->q + h * group * dim, dim,
                               c->key + at * width + h * dim, width, 0.0f,
                               j->scores + h * group * kv + at, kv);
        }
    }
    well = well && onednn_execute(lib, &j->blocks->softmax) && !lib->stream_wait(lib->stream);
    for (int64_t at = 0; at < kv && well; at += KEYS) {
        int64_t keys = kv - at < KEYS ? kv - at : KEYS;
        for (int64_t h = 0; h < c->kv_heads && well; h++) {
            well = !lib->sgemm('N', 'N', group, dim, keys, 1.0f, j->scores + h * group * kv + at,
                               kv, c->value + at * width + h * dim, width, at > 0 ? 1.0f : 0.0f,
                               c->y + h * group * dim, dim);
        }
    }
    return well;
}

bool onednn_attention_run(void *data) {
    const onednn_attention_job *j = data;
    if (is_one(&j->c)) {
        return run_one(j);
    }
    for (int64_t head = 0; head < j->c.heads; head += j->groups) {
        for (int i = 0; i < j->count; i++) {
            if (!run_block(j, &j->blocks[i], head)) {
                return false;
            }
        }
    }
    return true;
}
