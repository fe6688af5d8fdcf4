// SPDX-License-Identifier: BSD-2-Clause
// Runs one row: makes the operands, opens a job for us and each peer, runs them in turns with the
// probes that measure the ceiling, and compares the results.
#include "row.h"

#include "cases/operands.h"
#include "cases/roles.h"
#include "cases/stored.h"
#include "cases/work.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Weights that are read cold are cycled through this much memory: several times the last cache.
#define COLD_BYTES (256e6)
enum { COPIES_MAX = 4096, US = 0, FMA = 1, MEMORY = 2, FIRST_PEER = 3 };

static const row_shape plain_rows[] = {
#define MATMUL(m, n, k) {"matmul", {m, n, k}, DECOCT_F32},
#define PLAIN(m, n, k) {"plain", {m, n, k}, DECOCT_F32},
#define COLD(m, n, k) {"cold", {m, n, k}, DECOCT_F32},
#define SOFTMAX(rows, cols) {"softmax", {rows, cols}, DECOCT_F32},
#define ATTENTION(heads, head_dim, q_len, kv_len)                                                  \
    {"attention", {heads, head_dim, q_len, kv_len}, DECOCT_F32},
#include "rows.def"
};
static const row_shape typed_rows[] = {
#define TYPED(kind, m, n, k) {#kind, {m, n, k}, DECOCT_F32},
#include "rows.def"
};
enum {
    PLAIN_ROWS = sizeof plain_rows / sizeof *plain_rows,
    TYPED_ROWS = sizeof typed_rows / sizeof *typed_rows
};

bool row_shape_at(int index, row_shape *out) {
    if (index < PLAIN_ROWS) {
        *out = plain_rows[index];
        return true;
    }
    int type = (index - PLAIN_ROWS) / TYPED_ROWS;
    *out = typed_rows[(index - PLAIN_ROWS) % TYPED_ROWS];
    return stored_at(type, &out->dtype);
}

static bool is(const row_shape *shape, const char *kind) {
    return strcmp(shape->kind, kind) == 0;
}

void row_name(const row_shape *shape, char *name, size_t size) {
    const int64_t *d = shape->dims;
    if (is(shape, "prefill") || is(shape, "decode")) {
        snprintf(name, size, "tokens:%lld/depth:%lld", (long long)d[0], (long long)d[1]);
    } else if (is(shape, "softmax")) {
        snprintf(name, size, "rows:%lld/cols:%lld", (long long)d[0], (long long)d[1]);
    } else if (is(shape, "attention")) {
        snprintf(name, size, "heads:%lld/head_dim:%lld/q_len:%lld/kv_len:%lld", (long long)d[0],
                 (long long)d[1], (long long)d[2], (long long)d[3]);
    } else {
        bool typed = shape->dtype != DECOCT_F32;
        snprintf(name, size, "m:%lld/n:%lld/k:%lld%s%s", (long long)d[0], (long long)d[1],
                 (long long)d[2], typed ? "/dtype:" : "", typed ? stored_name(shape->dtype) : "");
    }
}

// ---- The least cost of a row ----

typedef struct row_cost {
    double flops;     // 0: it has few
    double bytes;     // that must be read (softmax: read and written); 0: all is in cache
    double footprint; // bytes among which they are spread
    const char *unit; // flops or bytes a second
    bool copy;        // bytes are half written
} row_cost;

static row_cost find_cost(const row_shape *shape, const bench_work *w) {
    work_cost c = work_costs(w);
    if (c.constant <= 0.0) {
        return (row_cost){c.flops, c.bytes, c.bytes, "GB/s", c.copies};
    }
    bool cold = is(shape, "cold");
    bool reads = cold || (is(shape, "matmul") && shape->dims[0] == 1) ||
                 (is(shape, "attention") && shape->dims[2] == 1);
    return (row_cost){c.flops, reads ? c.constant : 0.0, cold ? COLD_BYTES : c.constant,
                      reads ? "GB/s" : "GFLOP/s", false};
}

// ---- Our side, which owns the operands ----

typedef struct operands {
    peer_case c;      // the first job's
    int copies, next; // of the weights
    bench_work *ours[COPIES_MAX];
    int64_t result; // floats of y
} operands;

static void free_operands(operands *o) {
    for (int i = o->copies - 1; i >= 0; i--) { // the first one's operands are used by the others
        work_close(o->ours[i]);
    }
    free(o);
}

// A row as a case of the catalogue.
static work_case case_of(const row_shape *shape, int64_t dims[WORK_DIMS]) {
    const int64_t *d = shape->dims;
    bool attention = is(shape, "attention");
    work_case c = {.op = attention || is(shape, "softmax") ? shape->kind : "matmul",
                   .dims = dims,
                   .dtype = shape->dtype,
                   .seed = 1};
    if (is(shape, "plain")) {
        c.output = "matmul"; // not packed ahead
    }
    if (attention) {
        const int64_t all[WORK_DIMS] = {1, d[0], d[0], d[2], d[3], d[1], d[1], 1};
        memcpy(dims, all, sizeof all);
    } else {
        memcpy(dims, d, sizeof shape->dims);
    }
    return c;
}

static peer_op op_of(const row_shape *shape) {
    return is(shape, "softmax")     ? PEER_SOFTMAX
           : is(shape, "attention") ? PEER_ATTENTION
           : is(shape, "plain")     ? PEER_MATMUL_PLAIN
                                    : PEER_MATMUL;
}

// The same operands for a peer.
static peer_case for_peer(const row_shape *shape, const bench_work *w, int32_t threads) {
    const int64_t *d = shape->dims;
    peer_case c = {.op = op_of(shape), .threads = threads, .y = work_operand(w, ROLE_Y)};
    if (c.op == PEER_ATTENTION) {
        c.heads = d[0];
        c.head_dim = d[1];
        c.q_len = d[2];
        c.kv_len = d[3];
        c.q = work_operand(w, ROLE_X);
        c.key = work_operand(w, ROLE_K);
        c.value = work_operand(w, ROLE_V);
    } else {
        c.m = d[0];
        c.n = d[1];
        c.k = d[2];
        c.x = work_operand(w, ROLE_X);
        c.w = work_operand(w, ROLE_W);
    }
    return c;
}

// NULL and a message at `error` if our own side failed.
static operands *make_operands(const row_shape *shape, int32_t threads, ours *us, char *error,
                               size_t size) {
    operands *o = calloc(1, sizeof *o);
    int64_t dims[WORK_DIMS] = {0};
    work_case c = case_of(shape, dims);
    double wanted = is(shape, "cold") ? COLD_BYTES / work_expect(&c).constant + 1.0 : 1.0;
    int copies = wanted < COPIES_MAX ? (int)wanted : COPIES_MAX;
    snprintf(error, size, "out of memory");
    for (int i = 0; o && i < copies; i++) {
        if (work_open_on(us->ctx, NULL, &c, &o->ours[i], error, size)) {
            free_operands(o);
            return NULL;
        }
        o->copies++;
        c.shares = o->ours[0];
    }
    if (o) {
        work_output(o->ours[0], &o->result);
        o->c = for_peer(shape, o->ours[0], threads);
    }
    return o;
}

static bool run_ours(void *data) {
    operands *o = data;
    bench_work *w = o->ours[o->next];
    o->next = o->next + 1 < o->copies ? o->next + 1 : 0;
    return !work_run(w);
}

// A peer: a job for each copy of the weights, used in turn.
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

static void close_entry(entry *e) {
    for (int i = 0; i < e->count; i++) {
        e->peer->close(e->jobs[i]);
    }
    free(e->jobs);
    *e = (entry){0};
}

static bool open_entry(const peer *who, void *library, const operands *o, entry *e, char *why,
                       size_t size) {
    *e = (entry){.peer = who, .jobs = calloc((size_t)o->copies, sizeof *e->jobs)};
    *why = '\0';
    for (; e->jobs && e->count < o->copies; e->count++) {
        peer_case c = o->c;
        c.w = work_operand(o->ours[e->count], ROLE_W);
        e->jobs[e->count] = who->open(library, &c, why, size);
        if (!e->jobs[e->count]) {
            close_entry(e);
            return false;
        }
    }
    return e->jobs != NULL;
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

// The memory of `footprint` bytes; a copy has half of them on each side.
static bool make_memory_probe(const row_cost *cost, decoct_context *ctx, probe *p) {
    int64_t floats = (int64_t)(cost->footprint / 4.0);
    *p = (probe){.ctx = ctx, .kind = cost->copy ? DECOCT_PROBE_COPY : DECOCT_PROBE_READ};
    p->count = cost->copy ? floats / 2 : floats;
    p->from = operand_new(p->count, 1.0f, 4);
    p->to = cost->copy ? operand_new(p->count, 1.0f, 5) : NULL;
    return p->from && (p->to || !cost->copy);
}

// Our share of the ceiling, round by round: the longer of the time the FMA units need and the time
// that memory needs, over ours.
static interval find_share(const contestant *list, const probe *fma, const probe *memory,
                           const row_cost *cost, int rounds) {
    contestant roof = {0};
    for (int i = 0; i < rounds; i++) {
        double compute = cost->flops * list[FMA].seconds[i] / fma->amount;
        double move =
            cost->bytes > 0.0 ? cost->bytes * list[MEMORY].seconds[i] / memory->amount : 0.0;
        roof.seconds[i] = compute > move ? compute : move;
    }
    return contest_ratio(&list[US], &roof, rounds);
}

// ---- The row ----

typedef struct race {
    operands *o;
    row_cost cost;
    probe fma, memory;
    entry entries[PEERS_MAX];
    contestant list[CONTEST_MAX];
    int count;
    float *right; // our result
} race;

static void close_race(race *r) {
    for (int i = 0; i < PEERS_MAX; i++) {
        if (r->entries[i].peer) {
            close_entry(&r->entries[i]);
        }
    }
    if (r->o) {
        free_operands(r->o);
    }
    free(r->memory.from);
    free(r->memory.to);
    free(r->right);
    free(r);
}

// Opens our side and the probes, and keeps our result.
static bool open_ours(race *r, const row_shape *shape, int32_t threads, ours *us, char *error,
                      size_t size) {
    r->o = make_operands(shape, threads, us, error, size);
    if (!r->o) {
        return false;
    }
    r->cost = find_cost(shape, r->o->ours[0]);
    r->fma = (probe){.ctx = us->ctx, .kind = DECOCT_PROBE_FMA, .count = 20000};
    snprintf(error, size, "out of memory");
    if (r->cost.bytes > 0.0 && !make_memory_probe(&r->cost, us->ctx, &r->memory)) {
        return false;
    }
    if (!run_ours(r->o)) {
        snprintf(error, size, "%s", decoct_last_error(us->ctx));
        return false;
    }
    size_t bytes = (size_t)r->o->result * sizeof(float);
    r->right = malloc(bytes);
    if (r->right) {
        memcpy(r->right, r->o->c.y, bytes);
    }
    r->list[US] = (contestant){.name = "decoct", .run = run_ours, .data = r->o};
    r->list[FMA] = (contestant){.name = "FMA", .run = run_probe, .data = &r->fma};
    r->list[MEMORY] = (contestant){.name = "memory", .run = run_probe, .data = &r->memory};
    r->memory.ctx = us->ctx;
    r->count = FIRST_PEER;
    return r->right != NULL;
}

// Adds one peer if it offers the operation; its result is compared before any timing.
static void admit(race *r, int index, const row_peer *p, ours *us, row_figure *f) {
    entry *e = &r->entries[index];
    if (!open_entry(p->peer, p->library, r->o, e, f->why, sizeof f->why)) {
        return;
    }
    memset(r->o->c.y, 0, (size_t)r->o->result * sizeof(float));
    bool ran = run_entry(e);
    if (ran && p->peer->finish) {
        p->peer->finish(e->jobs[0]);
    }
    f->there = ran;
    if (!ran) {
        snprintf(f->why, sizeof f->why, "it failed");
        close_entry(e);
        return;
    }
    f->deviation = check_result(&r->o->c, us, r->right, r->o->c.y);
    if (!(f->deviation <= 1.0)) {
        snprintf(f->why, sizeof f->why, "its result is %.3g times as far from ours as allowed",
                 f->deviation);
    }
    r->list[r->count++] = (contestant){.name = p->peer->name, .run = run_entry, .data = e};
}

static void fill_result(const race *r, const row_peer *peers, const int place[PEERS_MAX], int count,
                        int rounds, row_result *out) {
    const row_cost *cost = &r->cost;
    double amount = strcmp(cost->unit, "GB/s") == 0 ? cost->bytes : cost->flops;
    out->unit = cost->unit;
    out->ours = amount / contest_seconds(&r->list[US], rounds) * 1e-9;
    out->share = find_share(r->list, &r->fma, &r->memory, cost, rounds);
    out->best = -1;
    for (int i = 0; i < count; i++) {
        row_figure *f = &out->peers[i];
        const contestant *c = &r->list[place[i]];
        if (!f->there || c->failed) {
            f->there = false;
            continue;
        }
        f->rate = amount / contest_seconds(c, rounds) * 1e-9;
        f->ratio = contest_ratio(&r->list[US], c, rounds);
        bool counts = f->deviation <= 1.0 && peers[i].peer != &peer_decoct_blas;
        if (counts && (out->best < 0 || f->ratio.median < out->peers[out->best].ratio.median)) {
            out->best = i;
        }
    }
}

bool row_run(const row_shape *shape, int32_t threads, ours *us, const row_peer *peers, int count,
             const contest_options *options, row_result *out, char *error, size_t size) {
    race *r = calloc(1, sizeof *r);
    int place[PEERS_MAX] = {0};
    *out = (row_result){0};
    if (!r || !open_ours(r, shape, threads, us, error, size)) {
        if (r) {
            close_race(r);
        }
        return false;
    }
    for (int i = 0; i < count; i++) {
        place[i] = r->count;
        admit(r, i, &peers[i], us, &out->peers[i]);
    }
    if (r->cost.bytes == 0.0) { // no memory to probe: its turn is an empty one
        r->memory.count = 0;
        r->memory.kind = DECOCT_PROBE_READ;
    }
    contest_run(r->list, r->count, options);
    bool well = !r->list[US].failed && !r->list[FMA].failed && !r->list[MEMORY].failed;
    if (well) {
        fill_result(r, peers, place, count, options->rounds, out);
    } else {
        snprintf(error, size, "%s", decoct_last_error(us->ctx));
    }
    close_race(r);
    return well;
}
