// SPDX-License-Identifier: BSD-2-Clause
// GPT-1 (Radford et al. 2018) and GPT-2 (2019) of the tiny size, in double.
#include "tiny_reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = TEXT_TOKENS, D = TINY_WIDTH, FFN = 4 * D, WIDEST = TINY_VOCABULARY * D };

typedef struct reference {
    const tiny_text *t;
    const reference_switches *off;
    bool gpt1;
    double x[N * D]; // the residual stream
    double *weights;
} reference;

// A tensor by its name, in `layer` if that is not -1. Valid until the next call.
static const double *tensor(const reference *r, int64_t layer, const char *name) {
    static double values[WIDEST > TINY_CONTEXT * D ? WIDEST : TINY_CONTEXT * D];
    char whole[128];
    snprintf(whole, sizeof whole, "h.%d.%s", (int)layer, name);
    tiny_model files = r->t->files;
    tiny_values(tiny_find(&files, layer < 0 ? name : whole), values);
    return values;
}

// y (N, cols) = x (N, rows) W + b
static void linear(const reference *r, int64_t layer, const char *name, int rows, int cols,
                   const double *x, double *y) {
    char part[64];
    snprintf(part, sizeof part, "%s.bias", name);
    const double *b = tensor(r, layer, part);
    for (int i = 0; i < N * cols; i++) {
        y[i] = b[i % cols];
    }
    snprintf(part, sizeof part, "%s.weight", name);
    const double *w = tensor(r, layer, part);
    for (int i = 0; i < N * cols; i++) {
        for (int k = 0; k < rows; k++) {
            y[i] += x[i / cols * rows + k] * w[k * cols + i % cols];
        }
    }
}

static void norm(const reference *r, int64_t layer, const char *name, const double *x, double *y) {
    char part[64];
    for (int row = 0; row < N; row++) {
        double mean = 0.0, variance = 0.0;
        for (int c = 0; c < D; c++) {
            mean += x[row * D + c] / D;
        }
        for (int c = 0; c < D; c++) {
            variance += (x[row * D + c] - mean) * (x[row * D + c] - mean) / D;
        }
        for (int c = 0; c < D; c++) {
            y[row * D + c] = (x[row * D + c] - mean) / sqrt(variance + (double)1e-5f);
        }
    }
    snprintf(part, sizeof part, "%s.weight", name);
    const double *gain = tensor(r, layer, part);
    for (int i = 0; i < N * D; i++) {
        y[i] *= gain[i % D];
    }
    snprintf(part, sizeof part, "%s.bias", name);
    const double *bias = tensor(r, layer, part);
    for (int i = 0; i < N * D; i++) {
        y[i] += bias[i % D];
    }
}

static bool sees(const reference *r, int64_t layer, int64_t head, int64_t query, int64_t key) {
    const reference_switches *o = r->off;
    bool cut = o->cut && o->layer == layer && o->head == head && o->query == query && o->key == key;
    return !cut && (o->sees_all || key <= query);
}

static void attend(reference *r, int64_t layer, int64_t head, const double *qkv, double *mix) {
    double *w = r->weights + (layer * TEXT_HEADS + head) * N * N;
    int64_t at = head * TEXT_DIM;
    for (int64_t i = 0; i < N; i++) {
        double sum = 0.0;
        for (int64_t j = 0; j < N; j++) {
            double score = 0.0;
            for (int c = 0; c < TEXT_DIM; c++) {
                score += qkv[i * 3 * D + at + c] * qkv[j * 3 * D + D + at + c];
            }
            w[i * N + j] = sees(r, layer, head, i, j) ? exp(score / sqrt(TEXT_DIM)) : 0.0;
            sum += w[i * N + j];
        }
        for (int64_t j = 0; j < N; j++) {
            w[i * N + j] /= sum;
            for (int c = 0; c < TEXT_DIM; c++) {
                mix[i * D + at + c] += w[i * N + j] * qkv[j * 3 * D + 2 * D + at + c];
            }
        }
    }
}

static void add(reference *r, const double *y) {
    for (int i = 0; i < N * D; i++) {
        r->x[i] += y[i];
    }
}

static void run_block(reference *r, int64_t layer) {
    double in[N * D], out[N * D], mix[N * D] = {0}, qkv[N * 3 * D], wide[N * FFN];
    memcpy(in, r->x, sizeof in);
    if (!r->gpt1) {
        norm(r, layer, "ln_1", r->x, in);
    }
    linear(r, layer, "attn.c_attn", D, 3 * D, in, qkv);
    for (int64_t head = 0; head < TEXT_HEADS; head++) {
        attend(r, layer, head, qkv, mix);
    }
    linear(r, layer, "attn.c_proj", D, D, mix, out);
    add(r, out);
    norm(r, layer, r->gpt1 ? "ln_1" : "ln_2", r->x, in);
    if (r->gpt1) {
        memcpy(r->x, in, sizeof in);
    }
    linear(r, layer, "mlp.c_fc", D, FFN, in, wide);
    for (int i = 0; i < N * FFN; i++) {
        double z = wide[i], inner = sqrt(2.0 / acos(-1.0)) * (z + 0.044715 * z * z * z);
        wide[i] = 0.5 * z * (1.0 + tanh(inner));
    }
    linear(r, layer, "mlp.c_proj", FFN, D, wide, out);
    add(r, out);
    if (r->gpt1) {
        norm(r, layer, "ln_2", r->x, in);
        memcpy(r->x, in, sizeof in);
    }
}

void reference_run(const tiny_text *t, const reference_switches *switches, double *logits,
                   double *weights) {
    reference r = {.t = t, .off = switches, .weights = weights};
    r.gpt1 = strcmp(t->files.tensors[0].name, "tokens_embed.weight") == 0;
    if (!switches->no_positions) {
        memcpy(r.x, tensor(&r, -1, t->files.tensors[1].name), sizeof r.x);
    }
    const double *tokens = tensor(&r, -1, t->files.tensors[0].name);
    for (int i = 0; i < N * D; i++) {
        r.x[i] += tokens[t->ids[i / D] * D + i % D];
    }
    for (int64_t layer = 0; layer < TEXT_LAYERS; layer++) {
        run_block(&r, layer);
    }
    if (!r.gpt1) {
        double out[N * D];
        norm(&r, -1, "ln_f", r.x, out);
        memcpy(r.x, out, sizeof out);
    }
    tokens = tensor(&r, -1, t->files.tensors[0].name);
    for (int64_t i = 0; i < TEXT_LOGITS; i++) {
        logits[i] = 0.0;
        for (int c = 0; c < D; c++) {
            logits[i] += r.x[i / TINY_VOCABULARY * D + c] * tokens[i % TINY_VOCABULARY * D + c];
        }
    }
}
