// SPDX-License-Identifier: BSD-2-Clause
// Attention on arrays of your own, then the next word of a sentence.
// ./potion HEADS KV_HEADS SEQ HEAD_DIM SEED
#include <decoct/decoct.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static decoct_context *ctx;

static void need(decoct_status status) {
    if (status) {
        fprintf(stderr, "%s\n", decoct_last_error(ctx));
        exit(1);
    }
}

static uint64_t attention(int64_t heads, int64_t kv_heads, int64_t seq, int64_t dim, int64_t seed) {
    int64_t queries = heads * seq * dim, keys = kv_heads * seq * dim;
    float *q = calloc((size_t)(2 * queries + 2 * keys), sizeof *q); // q, k, v and out in one piece
    float *k = q + queries, *v = k + keys, *out = v + keys;
    for (float *x = q; x < out; x++) {
        seed = seed * 48271 % 2147483647;
        *x = (float)(seed % 65536) / 32768 - 1;
    }
    need(decoct_attention_dense(ctx, 1, heads, kv_heads, seq, seq, dim, 1, q, k, v, out));
    uint64_t hash = UINT64_C(0xcbf29ce484222325); // FNV-1a; the bytes are little-endian
    for (size_t i = 0; i < (size_t)queries * sizeof *out; i++) {
        hash = (hash ^ ((unsigned char *)out)[i]) * UINT64_C(0x100000001b3);
    }
    free(q);
    return hash;
}

static void print_next(const char *text) {
    char folder[4096], word[64];
    int32_t ids[64], best = 0;
    int64_t count;
    uint64_t length;
    decoct_model *model;
    decoct_session *session;
    need(decoct_default_model(ctx, folder, sizeof folder, NULL));
    need(decoct_model_open(ctx, folder, &model));
    need(decoct_encode(ctx, model, text, strlen(text), ids, 64, &count));
    int32_t vocabulary = (int32_t)decoct_model_vocabulary(model);
    float *logits = calloc((size_t)vocabulary, sizeof *logits);
    need(decoct_session_create(ctx, model, 0, &session));
    need(decoct_session_eval(ctx, session, ids, count, 0, logits));
    for (int32_t id = 1; id < vocabulary; id++) {
        best = logits[id] > logits[best] ? id : best;
    }
    need(decoct_decode(ctx, model, &best, 1, word, sizeof word, &length));
    printf("%s%.*s\n", text, (int)length, word);
    free(logits);
    decoct_session_destroy(session);
    decoct_model_close(model);
}

int main(int count, char **argument) {
    int64_t n[6] = {0};
    for (int i = 1; i < count && i < 6; i++) {
        n[i] = strtoll(argument[i], NULL, 10);
    }
    if (decoct_context_open(NULL, &ctx)) {
        fprintf(stderr, "%s\n", decoct_last_error(NULL));
        return 1;
    }
    printf("%016" PRIx64 "\n", attention(n[1], n[2], n[3], n[4], n[5]));
    print_next("Sarah lies still on the bed, feeling");
    decoct_context_close(ctx);
}
