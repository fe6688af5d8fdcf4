// SPDX-License-Identifier: BSD-2-Clause
#include "launch.h"
#include "cpus.h"

#include "cases/random.h"
#include "machine/clock.h"
#include "measure/interval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PADDING_MOST = 4096 };

// A worker that used more of the CPU than this part of the other's sample did not sleep.
static const double AWAKE_MOST = 0.05;
// Several threads that had no CPU for more than this part of their CPU time were disturbed.
static const double WAITED_MOST = 0.02;

// ---- The pairs ----

// More wall time than CPU time does not count: that is also what a build has that waits.
// Several threads yield now and then while they wait for each other, so their switches do not
// count.
static bool is_disturbed(const channel *c) {
    const channel_sample *s = &c->sample;
    bool displaced = c->several ? s->waited < 0.0 || s->waited > WAITED_MOST * s->cpu
                                : s->involuntary_switches > 0;
    return displaced || s->strayed;
}

static void keep_sample(launch_pair *p, int i, const channel *c) {
    const channel_sample *s = &c->sample;
    double runs = (double)c->runs, calls = (double)c->calls;
    p->quickest[i] = (float)(s->quickest / runs);
    p->cpu[i] = (float)(s->cpu / calls / runs);
    p->wall[i] = (float)(s->wall / calls / runs);
    p->control[i] = (float)s->control;
    p->disturbed = p->disturbed || is_disturbed(c);
}

// Both arms, in random order.
static bool run_pair(arm *const arms[2], uint64_t *seed, launch *out, char *error) {
    launch_pair *p = &out->pairs[out->pair_count];
    int first = (int)random_below(seed, 2);
    *p = (launch_pair){.first = (uint8_t)first};
    for (int i = 0; i < 2; i++) {
        arm *working = arms[first ^ i], *sleeping = arms[first ^ i ^ 1];
        if (!arm_order(working, CHANNEL_SAMPLE, error)) {
            return false;
        }
        out->woke += arm_awake(sleeping) > AWAKE_MOST * working->channel->sample.cpu;
    }
    for (int i = 0; i < 2; i++) {
        keep_sample(p, i, arms[i]->channel);
    }
    out->pair_count++;
    return true;
}

// ---- The launch ----

static void describe_case(channel *c, const work_case *what) {
    snprintf(c->op, sizeof c->op, "%s", what->op);
    if (what->model) {
        snprintf(c->model, sizeof c->model, "%s", what->model);
    }
    c->seq = what->seq;
    c->heads = what->heads;
    c->head_dim = what->head_dim;
    snprintf(c->block, sizeof c->block, "%s", what->block ? what->block : "");
    c->layers = what->layers;
    c->dtype = what->dtype;
    c->seed = what->seed;
}

// A pin policy leaves the CPUs to the library. Otherwise the arm has those of the launch: one
// thread the quickest, each of several its own, unless pin "none" leaves it to the system which.
static bool place_threads(channel *c, const arm *a, const cpu_choice *cpus, char *error) {
    bool none = strcmp(a->pin, "none") == 0;
    c->threads = a->threads;
    c->bound = none || a->pin[0] == '\0';
    c->cpus = cpus->all;
    snprintf(c->pin, sizeof c->pin, "%s", c->bound ? "none" : a->pin);
    if (c->bound && a->threads == 1) {
        CPU_ZERO(&c->cpus);
        CPU_SET((size_t)cpus->quickest, &c->cpus);
    } else if (c->bound && !none && !cpus_list(&c->cpus, c->pin, sizeof c->pin)) {
        snprintf(error, CHANNEL_ERROR, "too many threads for a list of their CPUs: use --pin none");
        return false;
    }
    return true;
}

static bool open_arm(arm *a, const launch_setting *s, const work_case *what, const cpu_choice *cpus,
                     bool several, uint64_t *seed, char *error) {
    if (!arm_start(a, s->worker, (int)random_below(seed, PADDING_MOST), error)) {
        return false;
    }
    channel *c = a->channel;
    describe_case(c, what);
    snprintf(c->backend, sizeof c->backend, "%s", a->backend);
    c->several = several;
    c->heap_padding = (int32_t)random_below(seed, 1 << 20);
    c->sample_seconds = s->sample_seconds;
    c->calls_least = s->calls_least;
    return place_threads(c, a, cpus, error) && arm_order(a, CHANNEL_OPEN, error) &&
           arm_has_library(a, error);
}

// Both arms do as many runs a sample as A needs. B is slowed by a part of its own time.
static bool calibrate_arms(const launch_setting *s, arm *const arms[2], char *error) {
    if (!arm_order(arms[0], CHANNEL_CALIBRATE, error)) {
        return false;
    }
    channel *a = arms[0]->channel, *b = arms[1]->channel;
    b->calls = a->calls;
    b->runs = a->runs;
    b->inject = s->inject;
    return s->inject <= 0.0 || arm_order(arms[1], CHANNEL_DELAY, error);
}

// A figure as a file keeps it.
static double kept(double value) {
    char digits[32];
    snprintf(digits, sizeof digits, "%.6g", value);
    return strtod(digits, NULL);
}

static double median_of(double *values, int count) {
    return kept(interval_of(values, count).median);
}

static double log_ratio(const float times[2]) {
    return log((double)times[1] / (double)times[0]);
}

// Of all calls of the launch: with few calls in a sample, calls that are rarely slower are in fewer
// than half of the pairs, so that a median over the pairs would not show them.
static double change_of_sums(const launch *l) {
    double sums[2] = {0.0, 0.0};
    for (int i = 0; i < l->pair_count; i++) {
        sums[0] += (double)l->pairs[i].cpu[0];
        sums[1] += (double)l->pairs[i].cpu[1];
    }
    return kept(log(sums[1] / sums[0]));
}

static void summarise_pairs(launch *out) {
    double quickest[LAUNCH_PAIRS_MAX], wall[LAUNCH_PAIRS_MAX], all_wall[LAUNCH_PAIRS_MAX];
    double control[2 * LAUNCH_PAIRS_MAX], control_change[LAUNCH_PAIRS_MAX];
    int count = out->pair_count;
    for (int i = 0; i < count; i++) {
        const launch_pair *p = &out->pairs[i];
        quickest[i] = log_ratio(p->quickest);
        all_wall[i] = log_ratio(p->wall);
        control_change[i] = log_ratio(p->control);
        control[2 * i] = p->control[0];
        control[2 * i + 1] = p->control[1];
        if (!p->disturbed) {
            wall[out->undisturbed++] = log_ratio(p->wall);
        }
    }
    out->quickest = median_of(quickest, count);
    out->mean = out->several ? median_of(all_wall, count) : change_of_sums(out);
    out->wall = out->undisturbed ? median_of(wall, out->undisturbed) : 0.0;
    out->control = median_of(control, 2 * count);
    out->control_change = median_of(control_change, count);
}

// The chance that two threads of an arm run at the same time, if each has its CPU in the same part
// of the time in which it needs one, independently of the other. Not of all threads: with many of
// them that would be small on a machine where each has its CPU almost always.
static double find_together(const channel *c) {
    const channel_sample *s = &c->sum;
    if (s->waited < 0.0 || s->cpu <= 0.0) {
        return LAUNCH_NOT_KNOWN;
    }
    double has = s->cpu / (s->cpu + s->waited);
    return c->threads > 1 ? has * has : has;
}

static void summarise(arm *const arms[2], launch *out) {
    const channel *a = arms[0]->channel, *b = arms[1]->channel;
    const launch_pair *last = &out->pairs[out->pair_count - 1];
    summarise_pairs(out);
    out->together = kept(fmin(find_together(a), find_together(b)));
    out->delay = b->delay;
    out->has_hash = a->has_hash && b->has_hash;
    out->same_bits = a->hash == b->hash;
    for (int i = 0; i < 2; i++) {
        const channel *c = arms[i]->channel;
        out->run[i] = last->quickest[i];
        out->ran[i] = c->ran;
        out->arithmetic[i] = c->arithmetic;
        snprintf(out->served[i], sizeof out->served[i], "%s", c->served);
    }
}

static bool measure_launch(const launch_setting *s, arm *const arms[2], const work_case *what,
                           uint64_t *seed, launch *out, char *error) {
    int first = (int)random_below(seed, 2);
    int most = arms[0]->threads > arms[1]->threads ? arms[0]->threads : arms[1]->threads;
    cpu_choice cpus;
    if (!cpus_choose(most, seed, &cpus)) {
        snprintf(error, CHANNEL_ERROR, "this process may not use %d CPUs", most);
        return false;
    }
    out->cpu = cpus.quickest;
    out->several = arms_are_several(arms[0], arms[1]);
    for (int i = 0; i < 2; i++) {
        if (!open_arm(arms[first ^ i], s, what, &cpus, out->several, seed, error)) {
            return false;
        }
    }
    if (!calibrate_arms(s, arms, error)) {
        return false;
    }
    while (out->pair_count < s->pairs) {
        if (!run_pair(arms, seed, out, error)) {
            return false;
        }
    }
    summarise(arms, out);
    return true;
}

bool launch_run(const launch_setting *s, arm *a, arm *b, const work_case *what, uint64_t *seed,
                launch *out, char *error) {
    arm *const arms[2] = {a, b};
    double begin = clock_now();
    *out = (launch){.cpu = -1};
    out->pairs = calloc((size_t)s->pairs, sizeof *out->pairs);
    bool ok = out->pairs != NULL;
    if (!ok) {
        snprintf(error, CHANNEL_ERROR, "out of memory");
    }
    ok = ok && measure_launch(s, arms, what, seed, out, error);
    arm_stop(a);
    arm_stop(b);
    out->seconds = kept(clock_now() - begin);
    if (!ok) {
        free(out->pairs);
        out->pairs = NULL;
    }
    return ok;
}
