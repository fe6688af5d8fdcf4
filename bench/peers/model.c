// SPDX-License-Identifier: BSD-2-Clause
// Prefill and decode of a whole model, ours and llama.cpp's turn by turn, with the ceilings beside.
#include "model.h"

#include "cases/operands.h"
#include "cases/stored.h"
#include "llama.h"
#include "measure/ticker.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { US, FMA, MEMORY, THEM, SIDES, TOKENS = 1024, MEMORY_FLOATS = 64 << 20 };

// Their type becomes the model's own.
static const row_shape rows[MODEL_ROWS] = {{"prefill", {512, 0}, DECOCT_F32},
                                           {"prefill", {1024, 0}, DECOCT_F32},
                                           {"decode", {1, 0}, DECOCT_F32},
                                           {"decode", {1, 512}, DECOCT_F32}};

// One model in both libraries; the row that is run decides what is fed.
typedef struct pair {
    ours *us;
    decoct_model *model;
    decoct_session *session;
    decoct_model_info info;
    void *them; // NULL: not there
    int32_t ids[TOKENS];
    float *logits, *memory;
    double fma_amount, memory_amount;
    int64_t count, keep;
} pair;

static bool run_ours(void *data) {
    pair *p = data;
    return !decoct_session_truncate(p->us->ctx, p->session, p->keep) &&
           !decoct_session_eval(p->us->ctx, p->session, p->ids, p->count, 0, p->logits);
}

static bool run_theirs(void *data) {
    pair *p = data;
    return llama_peer_run(p->them, p->ids, p->count, p->keep);
}

static bool run_fma(void *data) {
    pair *p = data;
    return !decoct_probe(p->us->ctx, DECOCT_PROBE_FMA, 20000, NULL, NULL, &p->fma_amount);
}

static bool run_memory(void *data) {
    pair *p = data;
    return !decoct_probe(p->us->ctx, DECOCT_PROBE_READ, MEMORY_FLOATS, p->memory, NULL,
                         &p->memory_amount);
}

static void close_pair(pair *p) {
    if (p->them) {
        llama_peer_close(p->them);
    }
    decoct_session_destroy(p->session);
    decoct_model_close(p->model);
    free(p->logits);
    free(p->memory);
    free(p);
}

static bool open_ours(pair *p, const char *folder) {
    char path[4096];
    snprintf(path, sizeof path, "%s/decoct", folder);
    p->info.struct_size = sizeof p->info;
    if (decoct_model_open(p->us->ctx, path, &p->model) ||
        decoct_model_describe(p->us->ctx, p->model, &p->info) ||
        decoct_session_create(p->us->ctx, p->model, TOKENS, &p->session)) {
        return false;
    }
    for (int i = 0; i < TOKENS; i++) {
        p->ids[i] = (int32_t)(((int64_t)i * 7919 + 13) % p->info.vocabulary);
    }
    p->logits = operand_new(p->info.vocabulary, 0.0f, 0);
    p->memory = operand_new(MEMORY_FLOATS, 1.0f, 1);
    return p->logits && p->memory;
}

static void open_theirs(pair *p, const char *folder, const char *packages, int32_t threads,
                        char *why, size_t size) {
    char path[4096];
    snprintf(path, sizeof path, "%s/gpt2-f32.gguf", folder);
    void *library = llama_peer_load(packages, why, size);
    p->them = library ? llama_peer_open(library, path, threads, TOKENS, why, size) : NULL;
}

// Both after the same tokens: the largest difference of two scores as a share of 5e-3 of the
// largest score. Their sums are in another order through all layers, so no formula bounds it
// tightly.
static double deviation(pair *p) {
    if (!run_ours(p) || !run_theirs(p)) {
        return NAN;
    }
    const float *theirs = llama_peer_logits(p->them);
    double largest = 0.0, worst = 0.0;
    for (int64_t i = 0; i < p->info.vocabulary; i++) {
        double off = fabs((double)p->logits[i] - (double)theirs[i]);
        largest = fmax(largest, fabs((double)p->logits[i]));
        worst = off > worst || isnan(off) ? off : worst;
    }
    return worst / (5e-3 * largest);
}

// What the model must at least compute and read for the row.
static void cost(const pair *p, double *flops, double *bytes) {
    double d = (double)p->info.d_model, layers = (double)p->info.layers;
    double weights = layers * (4.0 * d * d + 2.0 * d * (double)p->info.d_ffn);
    double head = d * (double)p->info.vocabulary, n = (double)p->count, keep = (double)p->keep;
    double pairs = n * keep + n * (n + 1.0) / 2.0;
    *flops = 2.0 * (weights * n + head) + 4.0 * layers * pairs * d;
    *bytes = stored_bytes(p->info.dtype, weights + head) + 4.0 * 2.0 * layers * (keep + n) * d;
}

// Fills both caches to the depth p->keep; then `count` tokens are fed.
static bool fill_caches(pair *p, int64_t count) {
    int64_t depth = p->keep;
    p->keep = 0;
    if (!run_ours(p) || (p->them && !run_theirs(p))) {
        return false;
    }
    p->keep = depth;
    p->count = count;
    return true;
}

static bool run_row(pair *p, const row_shape *row, const contest_options *options, row_result *r) {
    contestant list[SIDES] = {{.name = "decoct", .run = run_ours, .data = p},
                              {.name = "FMA", .run = run_fma, .data = p},
                              {.name = "memory", .run = run_memory, .data = p},
                              {.name = "llama.cpp", .run = run_theirs, .data = p}};
    contestant roof = {0};
    row_figure *them = &r->peers[0];
    double flops, bytes;
    p->keep = row->dims[1];
    p->count = p->keep ? p->keep : row->dims[0];
    if (p->keep && !fill_caches(p, row->dims[0])) {
        return false;
    }
    them->there = p->them != NULL;
    them->deviation = p->them ? deviation(p) : NAN;
    if (them->there && !(them->deviation <= 1.0)) {
        snprintf(them->why, sizeof them->why,
                 "its result is %.3g times as far from ours as allowed", them->deviation);
    }
    contest_run(list, p->them ? SIDES : THEM, options);
    cost(p, &flops, &bytes);
    for (int i = 0; i < options->rounds; i++) {
        double compute = flops * list[FMA].seconds[i] / p->fma_amount;
        double move = bytes * list[MEMORY].seconds[i] / p->memory_amount;
        roof.seconds[i] = compute > move ? compute : move;
    }
    r->unit = "tokens/s";
    r->ours = (double)p->count / contest_seconds(&list[US], options->rounds);
    r->share = contest_ratio(&list[US], &roof, options->rounds);
    them->there = them->there && !list[THEM].failed;
    r->best = them->there && them->deviation <= 1.0 ? 0 : -1;
    if (them->there) {
        them->rate = (double)p->count / contest_seconds(&list[THEM], options->rounds);
        them->ratio = contest_ratio(&list[US], &list[THEM], options->rounds);
    }
    return !list[US].failed && !list[FMA].failed && !list[MEMORY].failed;
}

int model_rows(const char *folder, const char *packages, int32_t threads, ours *us, report *out,
               const contest_options *options, int *wrong, char *error, size_t size) {
    static const peer llama = {.name = "llama.cpp",
                               .words = "llama_decode, flash attention, F32 weights, F16 cache"};
    const row_peer them = {&llama, NULL};
    pair *p = calloc(1, sizeof *p);
    if (!p) {
        snprintf(error, size, "out of memory");
        return -1;
    }
    p->us = us;
    char why[160] = "left out by --peers";
    ticker_begin("reading the model", 0);
    bool well = open_ours(p, folder);
    if (well && packages) {
        open_theirs(p, folder, packages, threads, why, sizeof why);
    }
    ticker_end();
    for (int i = 0; i < MODEL_ROWS && well; i++) {
        row_result result = {0};
        row_shape row = rows[i];
        row.dtype = p->info.dtype;
        if (!p->them) {
            snprintf(result.peers[0].why, sizeof result.peers[0].why, "%s", why);
        }
        report_begin_row(out, &row, threads);
        well = run_row(p, &row, options, &result);
        *wrong += well ? report_row(out, &row, threads, &them, 1, &result) : 0;
    }
    if (!well) {
        const char *words = decoct_last_error(us->ctx);
        snprintf(error, size, "%s", *words ? words : "out of memory");
    }
    close_pair(p);
    return well ? MODEL_ROWS : -1;
}
