// SPDX-License-Identifier: BSD-2-Clause
// Runs one row: makes the operands, starts a process for us and for each peer, lets them work in
// turns with the probes that measure the ceiling, and compares the results.
#include "row.h"

#include "check.h"
#include "child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { US, FMA, MEMORY, FIRST_PEER };

typedef struct race {
    row_operands *o;
    row_cost cost;
    side_group group;
    side us, them[PEERS_MAX];
    side_turn turns[FIRST_PEER + PEERS_MAX];
    contestant list[CONTEST_MAX];
    int count, place[PEERS_MAX]; // of a peer in the list; 0: not there
} race;

static void close_race(race *r) {
    for (int i = 0; i < PEERS_MAX; i++) {
        side_close(&r->them[i]);
    }
    side_close(&r->us);
    if (r->o) {
        fill_close(r->o);
    }
    free(r);
}

static void enter(race *r, const char *name, side *s, int job) {
    r->turns[r->count] = (side_turn){s, job};
    r->list[r->count] =
        (contestant){.name = name, .turn = side_take_turn, .data = &r->turns[r->count]};
    r->count++;
}

static bool open_us(race *r, child_setup *setup, const row_setting *s, char *error, size_t size) {
    r->o = fill_open(setup->shape, s->threads, s->us.ctx, false, error, size);
    if (!r->o) {
        return false;
    }
    r->cost = fill_cost(setup->shape, r->o);
    setup->operands = r->o;
    if (!side_open(&r->us, &r->group, 0.0, r->o->result, child_open_ours, setup)) {
        snprintf(error, size, "%s", r->us.why);
        return false;
    }
    enter(r, "decoct", &r->us, JOB_US);
    enter(r, "FMA", &r->us, JOB_FMA);
    enter(r, "memory", &r->us, JOB_MEMORY);
    return true;
}

// Adds one peer if it offers the operation; its result is compared before any timing.
static void admit(race *r, int index, child_setup *setup, const row_setting *s, row_figure *f) {
    side *them = &r->them[index];
    ours us = s->us;
    if (!side_open(them, &r->group, s->limit, r->o->result, child_open_peer, setup)) {
        memcpy(f->why, them->why, sizeof f->why);
        return;
    }
    f->there = true;
    f->deviation = check_result(&r->o->c, &us, r->us.channel->result, them->channel->result);
    if (!(f->deviation <= 1.0)) {
        snprintf(f->why, sizeof f->why, "its result is %.3g times as far from ours as allowed",
                 f->deviation);
    }
    r->place[index] = r->count;
    enter(r, setup->peer->name, them, JOB_US);
}

// Our share of the ceiling, round by round: the longer of the time the FMA units need and the time
// that memory needs, over ours.
static interval find_share(const race *r, int rounds) {
    const double *amount = r->us.channel->amount;
    const row_cost *cost = &r->cost;
    contestant roof = {0};
    for (int i = 0; i < rounds; i++) {
        double compute = cost->flops * r->list[FMA].seconds[i] / amount[JOB_FMA];
        double move =
            cost->bytes > 0.0 ? cost->bytes * r->list[MEMORY].seconds[i] / amount[JOB_MEMORY] : 0.0;
        roof.seconds[i] = compute > move ? compute : move;
    }
    return contest_ratio(&r->list[US], &roof, rounds);
}

static void fill_sleep(const side *s, row_figure *f) {
    f->stopped = s->spins;
    f->awake = side_awake(s);
}

static void fill_figure(const race *r, int index, double amount, int rounds, row_figure *f) {
    const contestant *c = &r->list[r->place[index]];
    fill_sleep(&r->them[index], f);
    if (!f->there || c->failed) {
        if (f->there) {
            memcpy(f->why, r->them[index].why, sizeof f->why);
        }
        f->there = false;
        return;
    }
    f->rate = amount / contest_seconds(c, rounds) * 1e-9;
    f->ratio = contest_ratio(&r->list[US], c, rounds);
}

static void fill_figures(const race *r, const peer *const *peers, int count, int rounds,
                         row_result *out) {
    const row_cost *cost = &r->cost;
    double amount = strcmp(cost->unit, "GB/s") == 0 ? cost->bytes : cost->flops;
    out->unit = cost->unit;
    out->ours = amount / contest_seconds(&r->list[US], rounds) * 1e-9;
    out->share = find_share(r, rounds);
    out->best = -1;
    fill_sleep(&r->us, &out->us);
    for (int i = 0; i < count; i++) {
        row_figure *f = &out->peers[i];
        fill_figure(r, i, amount, rounds, f);
        bool counts = f->there && f->deviation <= 1.0 && peers[i] != &peer_decoct_blas;
        if (counts && (out->best < 0 || f->ratio.median < out->peers[out->best].ratio.median)) {
            out->best = i;
        }
    }
}

bool row_judged(const interval *ratio) {
    return ratio->low >= (1.0 - ROW_JUDGED) * ratio->median &&
           ratio->high <= (1.0 + ROW_JUDGED) * ratio->median;
}

bool row_run(const row_shape *shape, const row_setting *setting, const peer *const *peers,
             int count, row_result *out, char *error, size_t size) {
    race *r = calloc(1, sizeof *r);
    child_setup setup = {.shape = shape,
                         .threads = setting->threads,
                         .backend = setting->backend,
                         .request = setting->request};
    *out = (row_result){0};
    if (!r || !open_us(r, &setup, setting, error, size)) {
        if (r) {
            close_race(r);
        }
        return false;
    }
    for (int i = 0; i < count; i++) {
        setup.peer = peers[i];
        if (row_is(shape, "blas") && peers[i] == &peer_decoct_blas) {
            continue; // it is our side
        }
        admit(r, i, &setup, setting, &out->peers[i]);
    }
    contest_run(r->list, r->count, &setting->contest);
    bool well = !r->list[US].failed && !r->list[FMA].failed && !r->list[MEMORY].failed;
    if (well) {
        fill_figures(r, peers, count, setting->contest.rounds, out);
    } else {
        snprintf(error, size, "%s", r->us.why);
    }
    close_race(r);
    return well;
}
