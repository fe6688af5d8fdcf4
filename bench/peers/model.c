// SPDX-License-Identifier: BSD-2-Clause
// Prefill and decode of a whole model, ours and llama.cpp's in turns, with the ceilings beside.
#include "model.h"

#include "cases/operands.h"
#include "cases/stored.h"
#include "llama.h"
#include "measure/stop.h"

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

// What a side runs: `count` tokens after `keep` others.
typedef struct feed {
    int32_t ids[TOKENS];
    int64_t count, keep;
} feed;

typedef struct model_setup {
    const char *folder;
    const row_setting *setting;
    decoct_model_info info;
    feed feed; // of the row
} model_setup;

static bool find_model(const char *folder, decoct_context *ctx, decoct_model **model) {
    char path[4096];
    snprintf(path, sizeof path, "%s/decoct", folder);
    return !decoct_model_open(ctx, path, model);
}

// ---- In our process ----

typedef struct our_model {
    ours us;
    decoct_model *model;
    decoct_session *session;
    feed feed;
    float *logits, *memory;
    double fma_amount, memory_amount;
} our_model;

static bool feed_ours(void *data) {
    our_model *o = data;
    return !decoct_session_truncate(o->us.ctx, o->session, o->feed.keep) &&
           !decoct_session_eval(o->us.ctx, o->session, o->feed.ids, o->feed.count, 0, o->logits);
}

static bool run_fma(void *data) {
    our_model *o = data;
    return !decoct_probe(o->us.ctx, DECOCT_PROBE_FMA, 20000, NULL, NULL, &o->fma_amount);
}

static bool run_memory(void *data) {
    our_model *o = data;
    return !decoct_probe(o->us.ctx, DECOCT_PROBE_READ, MEMORY_FLOATS, o->memory, NULL,
                         &o->memory_amount);
}

// The tokens before the row's own.
static feed depth_of(const feed *f) {
    feed before = *f;
    before.count = f->keep;
    before.keep = 0;
    return before;
}

static bool run_once(our_model *o, const feed *f) {
    o->feed = depth_of(f);
    bool filled = f->keep == 0 || feed_ours(o);
    o->feed = *f;
    return filled && feed_ours(o);
}

static bool open_our_model(void *setup, side_desk *desk) {
    const model_setup *s = setup;
    our_model *o = calloc(1, sizeof *o);
    snprintf(desk->why, SIDE_WHY, "out of memory");
    if (!o || ours_open(s->setting->backend, s->setting->threads, &o->us, desk->why, SIDE_WHY)) {
        return false;
    }
    o->logits = operand_new(s->info.vocabulary, 0.0f, 0);
    o->memory = operand_new(MEMORY_FLOATS, 1.0f, 1);
    if (!o->logits || !o->memory) {
        return false;
    }
    if (!find_model(s->folder, o->us.ctx, &o->model) ||
        decoct_session_create(o->us.ctx, o->model, TOKENS, &o->session) || !run_once(o, &s->feed)) {
        snprintf(desk->why, SIDE_WHY, "%s", decoct_last_error(o->us.ctx));
        return false;
    }
    memcpy(desk->result, o->logits, (size_t)s->info.vocabulary * sizeof(float));
    desk->jobs[US] = (side_job){.run = feed_ours, .data = o};
    desk->jobs[FMA] = (side_job){run_fma, o, &o->fma_amount};
    desk->jobs[MEMORY] = (side_job){run_memory, o, &o->memory_amount};
    return true;
}

// ---- In llama.cpp's process ----

typedef struct their_model {
    void *job;
    feed feed;
} their_model;

static bool feed_theirs(void *data) {
    their_model *t = data;
    return llama_peer_run(t->job, t->feed.ids, t->feed.count, t->feed.keep);
}

static bool open_their_model(void *setup, side_desk *desk) {
    const model_setup *s = setup;
    char path[4096];
    their_model *t = calloc(1, sizeof *t);
    void *library = t ? llama_peer_load(&s->setting->request, desk->why, SIDE_WHY) : NULL;
    snprintf(path, sizeof path, "%s/gpt2-f32.gguf", s->folder);
    t = library ? t : NULL;
    if (t) {
        t->job = llama_peer_open(library, path, s->setting->threads, TOKENS, desk->why, SIDE_WHY);
    }
    if (!t || !t->job) {
        return false;
    }
    t->feed = depth_of(&s->feed);
    bool filled = s->feed.keep == 0 || feed_theirs(t);
    t->feed = s->feed;
    if (!filled || !feed_theirs(t)) {
        snprintf(desk->why, SIDE_WHY, "it failed");
        return false;
    }
    memcpy(desk->result, llama_peer_logits(t->job), (size_t)s->info.vocabulary * sizeof(float));
    desk->jobs[US] = (side_job){.run = feed_theirs, .data = t};
    return true;
}

// ---- The driver ----

// Both after the same tokens: the largest difference of two scores as a share of 5e-3 of the
// largest score. Their sums are in another order through all layers, so no formula bounds it
// tightly.
static double deviation(const float *mine, const float *theirs, int64_t vocabulary) {
    double largest = 0.0, worst = 0.0;
    for (int64_t i = 0; i < vocabulary; i++) {
        double off = fabs((double)mine[i] - (double)theirs[i]);
        largest = fmax(largest, fabs((double)mine[i]));
        worst = off > worst || isnan(off) ? off : worst;
    }
    return worst / (5e-3 * largest);
}

// What the model must at least compute and read for the row.
static void cost(const model_setup *s, double *flops, double *bytes) {
    const decoct_model_info *info = &s->info;
    double d = (double)info->d_model, layers = (double)info->layers;
    double weights = layers * (4.0 * d * d + 2.0 * d * (double)info->d_ffn);
    double head = d * (double)info->vocabulary, n = (double)s->feed.count;
    double keep = (double)s->feed.keep, pairs = n * keep + n * (n + 1.0) / 2.0;
    *flops = 2.0 * (weights * n + head) + 4.0 * layers * pairs * d;
    *bytes = stored_bytes(info->dtype, weights + head) + 4.0 * 2.0 * layers * (keep + n) * d;
}

static interval share_of(const model_setup *s, const contestant *list, const double *amount) {
    contestant roof = {0};
    double flops, bytes;
    int rounds = s->setting->contest.rounds;
    cost(s, &flops, &bytes);
    for (int i = 0; i < rounds; i++) {
        double compute = flops * list[FMA].seconds[i] / amount[FMA];
        double move = bytes * list[MEMORY].seconds[i] / amount[MEMORY];
        roof.seconds[i] = compute > move ? compute : move;
    }
    return contest_ratio(&list[US], &roof, rounds);
}

static void open_them(model_setup *s, bool packages, const side *us, side_group *group, side *them,
                      row_figure *f) {
    if (!packages) {
        snprintf(f->why, sizeof f->why, "left out by --peers");
        return;
    }
    f->there = side_open(them, group, s->setting->limit, s->info.vocabulary, open_their_model, s);
    memcpy(f->why, them->why, sizeof f->why);
    if (f->there) {
        f->deviation = deviation(us->channel->result, them->channel->result, s->info.vocabulary);
        if (!(f->deviation <= 1.0)) {
            snprintf(f->why, sizeof f->why, "its result is %.3g times as far from ours as allowed",
                     f->deviation);
        }
    }
}

static void fill_figures(const model_setup *s, const contestant *list, const side *them,
                         row_result *r) {
    row_figure *f = &r->peers[0];
    int rounds = s->setting->contest.rounds;
    double count = (double)s->feed.count;
    r->unit = "tokens/s";
    r->ours = count / contest_seconds(&list[US], rounds);
    if (f->there && list[THEM].failed) {
        f->there = false;
        memcpy(f->why, them->why, sizeof f->why);
    }
    r->best = f->there && f->deviation <= 1.0 ? 0 : -1;
    if (f->there) {
        f->rate = count / contest_seconds(&list[THEM], rounds);
        f->ratio = contest_ratio(&list[US], &list[THEM], rounds);
        f->stopped = them->spins;
        f->awake = side_awake(them);
    }
}

static bool run_row(model_setup *s, bool packages, row_result *r, char *error, size_t size) {
    side_group group = {.count = 0};
    side us, them = {.spins = false};
    bool well = side_open(&us, &group, 0.0, s->info.vocabulary, open_our_model, s);
    if (well) {
        open_them(s, packages, &us, &group, &them, &r->peers[0]);
        side_turn turns[SIDES] = {{&us, US}, {&us, FMA}, {&us, MEMORY}, {&them, US}};
        contestant list[SIDES] = {{.name = "decoct"}, {.name = "FMA"}, {.name = "memory"}};
        for (int i = 0; i < SIDES; i++) {
            list[i].turn = side_take_turn;
            list[i].data = &turns[i];
        }
        contest_run(list, r->peers[0].there ? SIDES : THEM, &s->setting->contest);
        well = !list[US].failed && !list[FMA].failed && !list[MEMORY].failed;
        if (well) {
            r->share = share_of(s, list, us.channel->amount);
            r->us.stopped = us.spins;
            r->us.awake = side_awake(&us);
            fill_figures(s, list, &them, r);
        }
    }
    snprintf(error, size, "%s", us.why);
    side_close(&them);
    side_close(&us);
    return well;
}

static bool describe_model(model_setup *s, char *error, size_t size) {
    decoct_context *ctx = s->setting->us.ctx;
    decoct_model *model = NULL;
    s->info.struct_size = sizeof s->info;
    bool well = find_model(s->folder, ctx, &model) && !decoct_model_describe(ctx, model, &s->info);
    snprintf(error, size, "%s", decoct_last_error(ctx));
    decoct_model_close(model);
    for (int i = 0; i < TOKENS && well; i++) {
        s->feed.ids[i] = (int32_t)(((int64_t)i * 7919 + 13) % s->info.vocabulary);
    }
    return well;
}

const row_shape *model_row(int index) {
    return &rows[index];
}

bool model_rows(const char *folder, bool packages, const row_setting *setting, report *out,
                model_count count, char *error, size_t size) {
    static const peer llama = {.name = "llama.cpp",
                               .words = "llama_decode, flash attention, F32 weights, F16 cache"};
    const peer *them = &llama;
    model_setup s = {.folder = folder, .setting = setting};
    bool well = describe_model(&s, error, size);
    for (int i = 0; i < MODEL_ROWS && well && !stop_asked; i++) {
        row_result result = {0};
        row_shape row = rows[i];
        row.dtype = s.info.dtype;
        s.feed.count = row.dims[0];
        s.feed.keep = row.dims[1];
        report_begin_row(out, &row, setting->threads);
        well = run_row(&s, packages, &result, error, size);
        if (stop_asked) { // some of its turns may be missing
            report_end_row(out);
            return true;
        }
        if (well) {
            *count.wrong += report_row(out, &row, setting->threads, &them, 1, &result);
            (*count.rows)++;
        }
    }
    return well;
}
