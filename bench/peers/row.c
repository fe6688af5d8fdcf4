// SPDX-License-Identifier: BSD-2-Clause
// Runs one row: makes the operands, opens a job for us and each peer, lets them take turns beside
// the probes that measure the ceiling, and compares the results.
#include "row.h"

#include "cases/operands.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Weights that are read cold are cycled through so much memory: several times the last cache.
#define COLD_BYTES (256e6)
enum { COPIES_MAX = 4096, US = 0, FMA = 1, MEMORY = 2, FIRST_PEER = 3 };

const row_shape row_shapes[] = {
#define MATMUL(m, n, k) {"matmul", {m, n, k}},
#define PLAIN(m, n, k) {"plain", {m, n, k}},
#define COLD(m, n, k) {"cold", {m, n, k}},
#define SOFTMAX(rows, cols) {"softmax", {rows, cols}},
#define ATTENTION(heads, head_dim, q_len, kv_len) {"attention", {heads, head_dim, q_len, kv_len}},
#include "rows.def"
};
const int row_shape_count = (int)(sizeof row_shapes / sizeof *row_shapes);

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
        snprintf(name, size, "m:%lld/n:%lld/k:%lld", (long long)d[0], (long long)d[1],
                 (long long)d[2]);
    }
}

// ---- What a row costs at least ----

typedef struct row_cost {
    double flops;     // 0: it has none to speak of
    double bytes;     // that must be read (softmax: read and written); 0: all is in cache
    double footprint; // bytes among which they are spread
    const char *unit; // flops or bytes a second
    bool copy;        // bytes are half written
} row_cost;

static row_cost find_cost(const row_shape *shape) {
    const int64_t *d = shape->dims;
    double m = (double)d[0], n = (double)d[1], k = (double)d[2];
    if (is(shape, "softmax")) {
        return (row_cost){0.0, 8.0 * m * n, 8.0 * m * n, "GB/s", true};
    }
    if (is(shape, "attention")) {
        double width = m * n, q = k, kv = (double)d[3];
        double pairs = q * (kv - q) + q * (q + 1.0) / 2.0;
        bool one = d[2] == 1;
        return (row_cost){4.0 * pairs * width, one ? 8.0 * kv * width : 0.0, 8.0 * kv * width,
                          one ? "GB/s" : "GFLOP/s", false};
    }
    bool cold = is(shape, "cold"), one = d[0] == 1 && is(shape, "matmul");
    return (row_cost){2.0 * m * n * k, cold || one ? 4.0 * n * k : 0.0,
                      cold ? COLD_BYTES : 4.0 * n * k, cold || one ? "GB/s" : "GFLOP/s", false};
}

// ---- Operands and jobs ----

typedef struct operands {
    peer_case c; // the first job's
    int copies;  // of the weights
    float *w[COPIES_MAX];
    float *own[4];  // x or q, k, v, and y
    int64_t result; // floats of y
} operands;

static void free_operands(operands *o) {
    for (int i = 0; i < o->copies; i++) {
        free(o->w[i]);
    }
    for (int i = 0; i < 4; i++) {
        free(o->own[i]);
    }
    free(o);
}

static bool make_matmul(const row_shape *shape, operands *o) {
    peer_case *c = &o->c;
    const int64_t *d = shape->dims;
    c->op = is(shape, "plain") ? PEER_MATMUL_PLAIN : PEER_MATMUL;
    c->m = d[0];
    c->n = d[1];
    c->k = d[2];
    double wanted =
        is(shape, "cold") ? COLD_BYTES / (4.0 * (double)c->n * (double)c->k) + 1.0 : 1.0;
    int copies = wanted < COPIES_MAX ? (int)wanted : COPIES_MAX;
    bool there = true;
    for (; o->copies < copies && there; o->copies++) {
        o->w[o->copies] = operand_new(c->n * c->k, 1.0f, 2);
        there = o->w[o->copies] != NULL;
    }
    o->own[0] = operand_new(c->m * c->k, 1.0f, 1);
    o->result = c->m * c->n;
    o->own[3] = operand_new(o->result, 0.0f, 0);
    c->x = o->own[0];
    c->w = o->w[0];
    c->y = o->own[3];
    return there && c->x && c->y;
}

static bool make_softmax(const row_shape *shape, operands *o) {
    peer_case *c = &o->c;
    c->op = PEER_SOFTMAX;
    c->m = shape->dims[0];
    c->n = shape->dims[1];
    o->result = c->m * c->n;
    o->own[0] = operand_new(o->result, 4.0f, 1);
    o->own[3] = operand_new(o->result, 0.0f, 0);
    c->x = o->own[0];
    c->y = o->own[3];
    return c->x && c->y;
}

static bool make_attention(const row_shape *shape, operands *o) {
    peer_case *c = &o->c;
    c->op = PEER_ATTENTION;
    c->heads = shape->dims[0];
    c->head_dim = shape->dims[1];
    c->q_len = shape->dims[2];
    c->kv_len = shape->dims[3];
    int64_t width = c->heads * c->head_dim;
    o->result = c->q_len * width;
    o->own[0] = operand_new(o->result, 1.0f, 1);
    o->own[1] = operand_new(c->kv_len * width, 1.0f, 2);
    o->own[2] = operand_new(c->kv_len * width, 1.0f, 3);
    o->own[3] = operand_new(o->result, 0.0f, 0);
    c->q = o->own[0];
    c->key = o->own[1];
    c->value = o->own[2];
    c->y = o->own[3];
    return c->q && c->key && c->value && c->y;
}

static operands *make_operands(const row_shape *shape, int32_t threads) {
    operands *o = calloc(1, sizeof *o);
    if (!o) {
        return NULL;
    }
    bool there = is(shape, "softmax")     ? make_softmax(shape, o)
                 : is(shape, "attention") ? make_attention(shape, o)
                                          : make_matmul(shape, o);
    o->c.threads = threads;
    if (!there) {
        free_operands(o);
        return NULL;
    }
    return o;
}

// One contestant: a job for each copy of the weights, taken in turn.
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
    int copies = o->copies > 0 ? o->copies : 1;
    *e = (entry){.peer = who, .jobs = calloc((size_t)copies, sizeof *e->jobs)};
    *why = '\0';
    for (; e->jobs && e->count < copies; e->count++) {
        peer_case c = o->c;
        c.w = o->w[e->count];
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
    entry entries[PEERS_MAX + 1]; // ours is the last
    contestant list[CONTEST_MAX];
    int count;
    float *right; // our result
} race;

static void close_race(race *r) {
    for (int i = 0; i <= PEERS_MAX; i++) {
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
    r->cost = find_cost(shape);
    r->o = make_operands(shape, threads);
    r->fma = (probe){.ctx = us->ctx, .kind = DECOCT_PROBE_FMA, .count = 20000};
    snprintf(error, size, "out of memory");
    if (!r->o || (r->cost.bytes > 0.0 && !make_memory_probe(&r->cost, us->ctx, &r->memory))) {
        return false;
    }
    entry *e = &r->entries[PEERS_MAX];
    if (!open_entry(&peer_ours, us, r->o, e, error, size)) {
        return false;
    }
    if (!run_entry(e)) {
        snprintf(error, size, "%s", decoct_last_error(us->ctx));
        return false;
    }
    size_t bytes = (size_t)r->o->result * sizeof(float);
    r->right = malloc(bytes);
    if (r->right) {
        memcpy(r->right, r->o->c.y, bytes);
    }
    r->list[US] = (contestant){.name = "decoct", .run = run_entry, .data = e};
    r->list[FMA] = (contestant){.name = "FMA", .run = run_probe, .data = &r->fma};
    r->list[MEMORY] = (contestant){.name = "memory", .run = run_probe, .data = &r->memory};
    r->memory.ctx = us->ctx;
    r->count = FIRST_PEER;
    return r->right != NULL;
}

// Lets one peer in if it offers the operation; its result is compared before any timing.
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

static void fill_result(const race *r, const int place[PEERS_MAX], int count, int rounds,
                        row_result *out) {
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
        bool right = f->deviation <= 1.0;
        if (right && (out->best < 0 || f->ratio.median < out->peers[out->best].ratio.median)) {
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
        fill_result(r, place, count, options->rounds, out);
    } else {
        snprintf(error, size, "%s", decoct_last_error(us->ctx));
    }
    close_race(r);
    return well;
}
