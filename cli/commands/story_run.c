// SPDX-License-Identifier: BSD-2-Clause
// Runs of the model, and the arrays of the usual one: each step of the model says what it wrote.
#include "story.h"

#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- Arrays ----

static void shape_array(const decoct_model_info *info, int64_t n, story_array_name name,
                        int64_t rise, story_array *a) {
    int64_t layers = info->layers, heads = info->heads, d = info->d_model;
    switch (name) {
    case STORY_TOKEN_VECTORS:
    case STORY_POSITION_VECTORS:
    case STORY_POSITIONS_SUM:
    case STORY_FINAL:
        *a = (story_array){.rank = 2, .shape = {n, d}};
        break;
    case STORY_SCORES:
    case STORY_WEIGHTS:
    case STORY_LIFTED:
        *a = (story_array){.rank = 4, .shape = {layers, heads, n, n}};
        break;
    case STORY_HEAD_EFFECTS:
        *a = (story_array){.rank = 2, .shape = {layers, heads}};
        break;
    case STORY_RISE:
        *a = (story_array){.rank = 2, .shape = {layers + 1, rise}};
        break;
    default:
        *a = (story_array){.rank = 3, .shape = {layers, n, d}};
    }
}

int64_t story_array_size(const story_array *array) {
    int64_t size = array->rank > 0;
    for (int i = 0; i < array->rank; i++) {
        size *= array->shape[i];
    }
    return size;
}

void story_array_begin(story *s, story_array_name name) {
    story_array *a = &s->arrays[name];
    shape_array(&s->desk->info, s->prompt->count, name, s->rise_count, a);
    a->values = cli_alloc(story_array_size(a), sizeof *a->values);
}

// ---- One run ----

static decoct_status set_switches(const story *s, const story_switches *switches,
                                  decoct_session *session) {
    decoct_context *ctx = s->desk->ctx;
    decoct_status status = DECOCT_OK;
    if (switches->no_positions) {
        status = decoct_session_positions(ctx, session, 0);
    }
    if (status == DECOCT_OK && switches->no_mask) {
        status = decoct_session_causal(ctx, session, 0);
    }
    if (status == DECOCT_OK && switches->weights) {
        status = decoct_session_keep_queries(ctx, session);
    }
    if (status == DECOCT_OK && switches->trace) {
        status = decoct_session_trace(ctx, session, switches->trace, switches->user);
    }
    return status;
}

static decoct_status read_weights(const story *s, decoct_session *session, float *weights) {
    int64_t heads = s->desk->info.heads, n = s->prompt->count;
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < s->desk->info.layers * heads && status == DECOCT_OK; i++) {
        status = decoct_session_attention(s->desk->ctx, session, i / heads, i % heads,
                                          weights + i * n * n);
    }
    return status;
}

int story_run(const story *s, const int32_t *ids, const story_switches *switches, float *scores) {
    const cli_desk *desk = s->desk;
    int64_t n = s->prompt->count, rows = switches->all ? n : 1;
    decoct_session *session = NULL;
    decoct_status status = decoct_session_create(desk->ctx, desk->model, n, &session);
    if (status == DECOCT_OK) {
        status = set_switches(s, switches, session);
    }
    if (status == DECOCT_OK) {
        status = decoct_session_eval(desk->ctx, session, ids, n, switches->all, scores);
    }
    if (status == DECOCT_OK && switches->weights) {
        status = read_weights(s, session, switches->weights);
    }
    int code = status == DECOCT_OK ? CLI_OK : cli_fail_status(desk->ctx, status, "the model");
    if (code == CLI_OK) {
        code = cli_answer_check(scores, rows * desk->info.vocabulary);
    }
    decoct_session_destroy(session);
    return code;
}

// ---- What the steps write ----

// The columns of a step's values from cols * part / parts on are an array, or a layer of one.
enum { ANY_ORDER = -1 };
static const struct {
    const char *step;
    int nth;        // of the steps of this name in a block
    int norm_order; // of the families to which this row applies
    int part, parts;
    story_array_name to;
} sources[] = {{"embedding", 0, ANY_ORDER, 0, 1, STORY_TOKEN_VECTORS},
               {"positions", 0, ANY_ORDER, 0, 1, STORY_POSITIONS_SUM},
               {"q k v projection", 0, ANY_ORDER, 0, 3, STORY_Q},
               {"q k v projection", 0, ANY_ORDER, 1, 3, STORY_K},
               {"q k v projection", 0, ANY_ORDER, 2, 3, STORY_V},
               {"attention", 0, ANY_ORDER, 0, 1, STORY_MIX},
               {"output projection", 0, ANY_ORDER, 0, 1, STORY_PROJECTED},
               {"residual", 0, DECOCT_PRE_NORM, 0, 1, STORY_AFTER_ATTENTION},
               {"residual", 1, DECOCT_PRE_NORM, 0, 1, STORY_AFTER_FFN},
               {"norm 1", 0, DECOCT_POST_NORM, 0, 1, STORY_AFTER_ATTENTION},
               {"norm 2", 0, DECOCT_POST_NORM, 0, 1, STORY_AFTER_FFN},
               {"final norm", 0, ANY_ORDER, 0, 1, STORY_FINAL}};
enum { SOURCES = sizeof sources / sizeof *sources };

typedef struct tracing {
    story *s;
    int64_t layer;
    int residuals; // of this layer
    int filled[STORY_ARRAYS];
} tracing;

// Row `from` of the sources.
static void copy_step(const decoct_trace_step *step, int from, const story *s) {
    const story_array *a = &s->arrays[sources[from].to];
    int64_t wide = a->shape[a->rank - 1];
    int64_t skip = step->cols / sources[from].parts * sources[from].part;
    float *to = a->values + (a->rank == 3 ? step->layer * s->prompt->count * wide : 0);
    for (int64_t i = 0; i < step->rows; i++) {
        memcpy(to + (step->first + i) * wide, step->values + i * step->stride + skip,
               (size_t)wide * sizeof *to);
    }
}

static void take_step(void *user, const decoct_trace_step *step) {
    tracing *t = user;
    if (step->layer != t->layer) {
        t->layer = step->layer;
        t->residuals = 0;
    }
    int nth = strcmp(step->name, "residual") == 0 ? t->residuals++ : 0;
    for (int i = 0; i < SOURCES; i++) {
        if (sources[i].nth == nth && strcmp(sources[i].step, step->name) == 0 &&
            (sources[i].norm_order == ANY_ORDER ||
             sources[i].norm_order == t->s->desk->info.norm_order)) {
            copy_step(step, i, t->s);
            t->filled[sources[i].to]++;
        }
    }
}

// ---- The arrays that no step writes ----

static void multiply_queries(const story *s) {
    const story_array *a = &s->arrays[STORY_SCORES];
    int64_t heads = a->shape[1], n = a->shape[2], wide = s->arrays[STORY_Q].shape[2];
    int64_t dim = wide / heads, at = 0;
    for (int64_t i = 0; i < a->shape[0] * heads; i++) {
        int64_t layer = i / heads, head = i % heads;
        const float *q = s->arrays[STORY_Q].values + layer * n * wide + head * dim;
        const float *k = s->arrays[STORY_K].values + layer * n * wide + head * dim;
        for (int64_t pair = 0; pair < n * n; pair++) {
            double sum = 0;
            for (int64_t c = 0; c < dim; c++) {
                sum += (double)q[pair / n * wide + c] * (double)k[pair % n * wide + c];
            }
            a->values[at++] = (float)(sum / sqrt((double)dim));
        }
    }
}

// What the first block reads is the sum of both, or the tokens' vectors alone.
static void subtract_tokens(story *s, bool has_positions) {
    const float *tokens = s->arrays[STORY_TOKEN_VECTORS].values;
    float *sum = s->arrays[STORY_POSITIONS_SUM].values;
    int64_t size = story_array_size(&s->arrays[STORY_POSITIONS_SUM]);
    if (!has_positions) {
        memcpy(sum, tokens, (size_t)size * sizeof *sum);
        return;
    }
    story_array_begin(s, STORY_POSITION_VECTORS);
    for (int64_t i = 0; i < size; i++) {
        s->arrays[STORY_POSITION_VECTORS].values[i] = sum[i] - tokens[i];
    }
}

// A family without a final norm.
static void copy_last_block(story *s) {
    const story_array *blocks = &s->arrays[STORY_AFTER_FFN], *final = &s->arrays[STORY_FINAL];
    int64_t size = story_array_size(final);
    memcpy(final->values, blocks->values + (blocks->shape[0] - 1) * size,
           (size_t)size * sizeof *final->values);
}

// Every array of the blocks must have been written once for each layer.
static int check_filled(const tracing *t) {
    static const story_array_name layered[] = {
        STORY_Q,        STORY_K, STORY_V, STORY_MIX, STORY_PROJECTED, STORY_AFTER_ATTENTION,
        STORY_AFTER_FFN};
    bool well = t->filled[STORY_TOKEN_VECTORS] == 1;
    for (size_t i = 0; i < sizeof layered / sizeof *layered; i++) {
        well = well && t->filled[layered[i]] == t->s->desk->info.layers;
    }
    return well ? CLI_OK
                : cli_fail(CLI_USAGE, "this kind of model has other steps than the page shows");
}

int story_trace(story *s, float *scores) {
    static const story_array_name used[] = {STORY_TOKEN_VECTORS,
                                            STORY_POSITIONS_SUM,
                                            STORY_Q,
                                            STORY_K,
                                            STORY_V,
                                            STORY_MIX,
                                            STORY_PROJECTED,
                                            STORY_AFTER_ATTENTION,
                                            STORY_AFTER_FFN,
                                            STORY_FINAL,
                                            STORY_SCORES,
                                            STORY_WEIGHTS};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
        story_array_begin(s, used[i]);
    }
    tracing t = {.s = s, .layer = -2};
    story_switches usual = {
        .trace = take_step, .user = &t, .weights = s->arrays[STORY_WEIGHTS].values, .all = true};
    int code = story_run(s, s->prompt->ids, &usual, scores);
    code = code == CLI_OK ? check_filled(&t) : code;
    if (code != CLI_OK) {
        return code;
    }
    subtract_tokens(s, t.filled[STORY_POSITIONS_SUM] > 0);
    if (t.filled[STORY_FINAL] == 0) {
        copy_last_block(s);
    }
    multiply_queries(s);
    return CLI_OK;
}
