// SPDX-License-Identifier: BSD-2-Clause
#include "child.h"

#include "cases/operands.h"
#include "ours.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- A peer: a job for each copy of the weights, used in turn ----

typedef struct entry {
    const peer *peer;
    void **jobs;
    int count, next;
} entry;

static bool run_entry(void *data) {
    entry *e = data;
    void *job = e->jobs[e->next];
    e->next = e->next + 1 < e->count ? e->next + 1 : 0;
    return e->peer->run(job);
}

static bool open_entry(const peer *who, void *library, const row_operands *o, float *y, entry *e,
                       char *why) {
    *e = (entry){.peer = who, .jobs = calloc((size_t)o->copies, sizeof *e->jobs)};
    for (; e->jobs && e->count < o->copies; e->count++) {
        peer_case c = o->c;
        c.w = fill_weights(o, e->count);
        c.y = y;
        e->jobs[e->count] = who->open(library, &c, why, SIDE_WHY);
        if (!e->jobs[e->count]) {
            return false; // the process ends
        }
    }
    return e->jobs != NULL;
}

// Opens it, and leaves its first result at desk->result. The process keeps it until it ends.
static bool open_library(const child_setup *s, const peer *p, const peer_request *request,
                         side_desk *desk) {
    entry *e = malloc(sizeof *e);
    float *y = operand_new(s->operands->result, 0.0f, 0);
    void *library = e && y ? p->load(request, desk->note, SIDE_NOTE) : NULL;
    if (!library) {
        snprintf(desk->why, SIDE_WHY, "%s", e && y ? desk->note : "out of memory");
        return false;
    }
    desk->why[0] = '\0';
    if (!open_entry(p, library, s->operands, y, e, desk->why)) {
        return false;
    }
    if (!run_entry(e)) {
        snprintf(desk->why, SIDE_WHY, "it failed");
        return false;
    }
    if (p->finish) {
        p->finish(e->jobs[0]);
    }
    memcpy(desk->result, y, (size_t)s->operands->result * sizeof *y);
    desk->jobs[JOB_US] = (side_job){.run = run_entry, .data = e};
    return true;
}

bool child_open_peer(void *setup, side_desk *desk) {
    const child_setup *s = setup;
    return open_library(s, s->peer, &s->request, desk);
}

// ---- Ceilings ----

typedef struct probe {
    decoct_context *ctx;
    int32_t kind;
    int64_t count;
    float *from, *to;
    double amount;
} probe;

static bool run_probe(void *data) {
    probe *p = data;
    return !decoct_probe(p->ctx, p->kind, p->count, p->from, p->to, &p->amount);
}

// The memory of `footprint` bytes; a copy has half of them on each side. Of a row without memory to
// probe the turn is an empty one.
static bool make_memory_probe(const row_cost *cost, decoct_context *ctx, probe *p) {
    int64_t floats = cost->bytes > 0.0 ? (int64_t)(cost->footprint / 4.0) : 0;
    *p = (probe){.ctx = ctx, .kind = cost->copy ? DECOCT_PROBE_COPY : DECOCT_PROBE_READ};
    p->count = cost->copy ? floats / 2 : floats;
    p->from = operand_new(p->count, 1.0f, 4);
    p->to = cost->copy ? operand_new(p->count, 1.0f, 5) : NULL;
    return p->from && (p->to || !cost->copy);
}

static bool open_probes(const row_cost *cost, decoct_context *ctx, side_desk *desk) {
    probe *both = calloc(2, sizeof *both);
    if (!both || !make_memory_probe(cost, ctx, &both[1])) {
        return false;
    }
    both[0] = (probe){.ctx = ctx, .kind = DECOCT_PROBE_FMA, .count = 20000};
    for (int i = 0; i < 2; i++) {
        desk->jobs[JOB_FMA + i] = (side_job){run_probe, &both[i], &both[i].amount};
    }
    return true;
}

// ---- Our side ----

// The operands are made again, with the same numbers: those of the driver are shared pages.
static bool open_own(const child_setup *s, ours *us, side_desk *desk) {
    row_operands *o = fill_open(s->shape, s->threads, us->ctx, true, desk->why, SIDE_WHY);
    if (!o) {
        return false;
    }
    if (!fill_run(o)) {
        snprintf(desk->why, SIDE_WHY, "%s", decoct_last_error(us->ctx));
        return false;
    }
    memcpy(desk->result, fill_result(o), (size_t)o->result * sizeof(float));
    desk->jobs[JOB_US] = (side_job){.run = fill_run, .data = o};
    return true;
}

bool child_open_ours(void *setup, side_desk *desk) {
    const child_setup *s = setup;
    row_cost cost = fill_cost(s->shape, s->operands);
    ours us;
    if (ours_open(s->backend, s->threads, &us, desk->why, SIDE_WHY)) {
        return false;
    }
    bool blas = row_is(s->shape, "blas");
    const peer_request unlimited = {s->request.folder, false};
    if (blas && s->backend) {
        setenv("DECOCT_BACKEND", s->backend, 1); // which it reads
    }
    if (!(blas ? open_library(s, &peer_decoct_blas, &unlimited, desk) : open_own(s, &us, desk))) {
        return false;
    }
    snprintf(desk->why, SIDE_WHY, "out of memory");
    return open_probes(&cost, us.ctx, desk);
}

// ---- Finding a library ----

typedef struct search {
    const peer *peer;
    const peer_request *request;
} search;

static bool load_only(void *data, side_desk *desk) {
    const search *s = data;
    bool found = s->peer->load(s->request, desk->note, SIDE_NOTE) != NULL;
    snprintf(desk->why, SIDE_WHY, "%s", found ? "" : desk->note);
    return found;
}

bool child_find(const peer *p, const peer_request *request, double limit, char *note) {
    side_group alone = {.count = 0};
    side s;
    search what = {p, request};
    bool found = side_open(&s, &alone, limit, 0, load_only, &what);
    snprintf(note, SIDE_NOTE, "%s", s.why[0] ? s.why : s.note);
    side_close(&s);
    return found;
}
