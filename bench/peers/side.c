// SPDX-License-Identifier: BSD-2-Clause
#include "side.h"

#include "machine/clock.h"
#include "measure/stop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ORDER_OPEN, ORDER_TURN };

// After its turn a side is watched for pieces of this time. It sleeps if no thread is ready to run
// and all together used less of the CPU than this part of such a piece. It is stopped if it did not
// fall asleep within SETTLE seconds of CPU time, or within SETTLE_MOST where others have the CPUs.
static const double PIECE = 0.0005, ASLEEP_BELOW = 0.05, SETTLE = 0.02, SETTLE_MOST = 0.5;

static const char INTERRUPTED[] = "the run was interrupted";

// ---- In the new process ----

typedef struct opening {
    side_channel *channel;
    bool (*open)(void *data, side_desk *desk);
    void *data;
} opening;

static void take_orders(side_channel *c, const side_desk *desk) {
    const side_job *j = &desk->jobs[c->job];
    bool well = j->run != NULL && j->run(j->data); // code and data come back into the caches
    double begin = clock_now();
    for (int64_t i = 0; i < c->calls && well; i++) {
        well = j->run(j->data);
    }
    c->seconds = clock_now() - begin;
    c->failed = !well;
    c->amount[c->job] = well && j->amount ? *j->amount : 0.0;
}

// Standard output is for our figures: what libraries print goes to standard error.
static void work_side(void *data) {
    opening *o = data;
    side_channel *c = o->channel;
    side_desk desk = {.result = c->result, .note = c->note, .why = c->why};
    dup2(STDERR_FILENO, STDOUT_FILENO);
    for (;;) {
        int32_t order = lockstep_wait(&c->gate);
        if (order == ORDER_OPEN) {
            c->failed = !o->open(o->data, &desk);
        } else {
            take_orders(c, &desk);
        }
        lockstep_answer(&c->gate);
    }
}

// ---- The driver ----

static void sleep_for(double seconds) {
    nanosleep(&(struct timespec){0, (long)(seconds * 1e9)}, NULL);
}

// Does it use the CPU in the next piece of time?
static bool is_awake(const side *s) {
    double before = lockstep_cpu_time(&s->worker), begin = clock_now();
    sleep_for(PIECE);
    double used = (lockstep_cpu_time(&s->worker) - before) * 1e-9;
    return used > ASLEEP_BELOW * (clock_now() - begin) || lockstep_runs(&s->worker);
}

// Waits until its threads sleep; if they do not, it is stopped until its next turn.
static void settle(side *s) {
    double from = lockstep_cpu_time(&s->worker), until = clock_now() + SETTLE_MOST;
    while (!s->spins && is_awake(s)) {
        double used = (lockstep_cpu_time(&s->worker) - from) * 1e-9;
        s->spins = used > SETTLE || clock_now() > until;
    }
    if (s->spins) {
        s->stopped = kill(s->worker.pid, SIGSTOP) == 0;
        until = clock_now() + SETTLE;
        while (is_awake(s) && clock_now() < until) {
        }
    }
}

static bool order_side(side *s, int32_t order) {
    int status = 0;
    char how[SIDE_WHY / 2];
    if (s->worker.pid <= 0) {
        return false;
    }
    s->worker.gives_up = true;
    if (s->stopped) {
        kill(s->worker.pid, SIGCONT);
        s->stopped = false;
    }
    lockstep_end end = lockstep_order(&s->worker, order, s->limit, &status);
    if (end == LOCKSTEP_DIED) {
        lockstep_explain(status, how, sizeof how);
        snprintf(s->why, sizeof s->why, "its process %s", how);
    } else if (end == LOCKSTEP_LATE) {
        snprintf(s->why, sizeof s->why, "it took longer than %.4g seconds (--limit)", s->limit);
    } else if (end == LOCKSTEP_GIVEN_UP) {
        snprintf(s->why, sizeof s->why, "%s", INTERRUPTED);
    } else if (s->channel->failed) {
        memcpy(s->why, s->channel->why, sizeof s->why);
    } else {
        settle(s);
        return true;
    }
    lockstep_stop(&s->worker); // its memory, too
    s->channel = NULL;
    return false;
}

bool side_open(side *s, side_group *group, double limit, int64_t floats,
               bool (*open)(void *data, side_desk *desk), void *data) {
    *s = (side){.group = group, .limit = limit};
    if (stop_asked) {
        snprintf(s->why, sizeof s->why, "%s", INTERRUPTED);
        return false;
    }
    size_t size = sizeof(side_channel) + (size_t)floats * sizeof(float);
    bool shared = group->count < SIDES_MAX && lockstep_share(&s->worker, size);
    if (shared) {
        void *at = s->worker.gate; // the channel begins with it
        s->channel = at;
    }
    opening o = {s->channel, open, data};
    if (!shared || !lockstep_fork(&s->worker, work_side, &o)) {
        snprintf(s->why, sizeof s->why, "its process cannot be started");
        side_close(s);
        return false;
    }
    if (!order_side(s, ORDER_OPEN)) {
        return false;
    }
    memcpy(s->note, s->channel->note, sizeof s->note);
    group->list[group->count++] = s;
    return true;
}

// CPU seconds of the others, with this factor.
static void add_awake(const side *working, double factor) {
    for (int i = 0; i < working->group->count; i++) {
        side *other = working->group->list[i];
        if (other != working && other->worker.pid > 0) {
            other->awake += factor * lockstep_cpu_time(&other->worker) * 1e-9;
            other->others += factor * clock_now();
        }
    }
}

double side_take_turn(void *turn, int64_t calls) {
    const side_turn *t = turn;
    side *s = t->side;
    if (!s->channel || stop_asked) {
        return -1.0;
    }
    s->channel->job = t->job;
    s->channel->calls = calls;
    add_awake(s, -1.0);
    bool well = order_side(s, ORDER_TURN);
    add_awake(s, 1.0);
    if (!well && !s->why[0]) {
        snprintf(s->why, sizeof s->why, "it failed");
    }
    return well ? s->channel->seconds : -1.0;
}

double side_awake(const side *s) {
    return s->others > 0.0 ? s->awake / s->others : 0.0;
}

void side_close(side *s) {
    lockstep_stop(&s->worker);
    s->channel = NULL;
    for (int i = 0; s->group && i < s->group->count; i++) {
        if (s->group->list[i] == s) {
            s->group->list[i] = s->group->list[--s->group->count];
        }
    }
}
