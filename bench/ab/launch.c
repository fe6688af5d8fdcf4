// SPDX-License-Identifier: BSD-2-Clause
#include "launch.h"

#include "cases/random.h"
#include "machine/clock.h"
#include "measure/control.h"
#include "measure/interval.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CPUS_TRIED = 4, PADDING_MOST = 4096 };

// A worker that used more of the CPU than this part of the other's sample did not sleep.
static const double AWAKE_MOST = 0.05;

// ---- The CPU ----

// Of a few CPUs that this process may use, drawn again for each launch, the one whose control
// kernel is quickest now: on a shared machine some are slower for a while, for causes that are not
// visible in the machine.
static int32_t choose_cpu(uint64_t *seed) {
    cpu_set_t all, one;
    int32_t cpus[CPU_SETSIZE], count = 0, best = 0;
    double quickest = INFINITY;
    if (sched_getaffinity(0, sizeof all, &all)) {
        return 0;
    }
    for (int32_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET((size_t)cpu, &all)) {
            cpus[count++] = cpu;
        }
    }
    for (int32_t i = 0; i < count && i < CPUS_TRIED; i++) {
        int32_t at = i + (int32_t)random_below(seed, (uint64_t)(count - i)), cpu = cpus[at];
        cpus[at] = cpus[i];
        CPU_ZERO(&one);
        CPU_SET((size_t)cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one)) {
            continue;
        }
        for (int turn = 0; turn < 3; turn++) {
            double taken = control_measure();
            if (taken < quickest) {
                quickest = taken;
                best = cpu;
            }
        }
    }
    sched_setaffinity(0, sizeof all, &all);
    return best;
}

// ---- The pairs ----

static bool is_disturbed(const channel_sample *s, int32_t cpu) {
    return s->involuntary_switches > 0 || s->cpu_before != cpu || s->cpu_after != cpu ||
           s->wall > 1.02 * s->cpu;
}

static void keep_sample(launch_pair *p, int i, const channel *c, int32_t cpu) {
    const channel_sample *s = &c->sample;
    double runs = (double)c->runs, calls = (double)c->calls;
    p->quickest[i] = (float)(s->quickest / runs);
    p->cpu[i] = (float)(s->cpu / calls / runs);
    p->wall[i] = (float)(s->wall / calls / runs);
    p->control[i] = (float)s->control;
    p->disturbed = p->disturbed || is_disturbed(s, cpu);
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
        keep_sample(p, i, arms[i]->channel, out->cpu);
    }
    out->pair_count++;
    return true;
}

// ---- The launch ----

static bool open_arm(arm *a, const launch_setting *s, const work_case *what, int32_t cpu,
                     uint64_t *seed, char *error) {
    if (!arm_start(a, s->worker, (int)random_below(seed, PADDING_MOST), error)) {
        return false;
    }
    channel *c = a->channel;
    snprintf(c->op, sizeof c->op, "%s", what->op);
    snprintf(c->backend, sizeof c->backend, "%s", a->backend);
    if (what->model) {
        snprintf(c->model, sizeof c->model, "%s", what->model);
    }
    c->seq = what->seq;
    c->heads = what->heads;
    c->head_dim = what->head_dim;
    c->layers = what->layers;
    c->dtype = what->dtype;
    c->seed = what->seed;
    c->cpu = cpu;
    c->heap_padding = (int32_t)random_below(seed, 1 << 20);
    c->sample_seconds = s->sample_seconds;
    c->calls_least = s->calls_least;
    if (!arm_order(a, CHANNEL_OPEN, error)) {
        return false;
    }
    if (strcmp(c->library, a->library) != 0) {
        snprintf(error, CHANNEL_ERROR, "%.200s is not a libdecoct: the worker took %.200s instead",
                 a->library, c->library);
        return false;
    }
    return true;
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

// The median as a file keeps it.
static double median_of(double *values, int count) {
    char digits[32];
    snprintf(digits, sizeof digits, "%.6g", interval_of(values, count).median);
    return strtod(digits, NULL);
}

static double log_ratio(const float times[2]) {
    return log((double)times[1] / (double)times[0]);
}

static void summarise_pairs(launch *out) {
    double quickest[LAUNCH_PAIRS_MAX], mean[LAUNCH_PAIRS_MAX], wall[LAUNCH_PAIRS_MAX];
    double control[2 * LAUNCH_PAIRS_MAX], control_ratio[LAUNCH_PAIRS_MAX];
    int count = out->pair_count;
    for (int i = 0; i < count; i++) {
        const launch_pair *p = &out->pairs[i];
        quickest[i] = log_ratio(p->quickest);
        mean[i] = log_ratio(p->cpu);
        control_ratio[i] = log_ratio(p->control);
        control[2 * i] = p->control[0];
        control[2 * i + 1] = p->control[1];
        if (!p->disturbed) {
            wall[out->undisturbed++] = log_ratio(p->wall);
        }
    }
    out->quickest = median_of(quickest, count);
    out->mean = median_of(mean, count);
    out->wall = out->undisturbed ? median_of(wall, out->undisturbed) : 0.0;
    out->control = median_of(control, 2 * count);
    out->control_ratio = median_of(control_ratio, count);
}

static void summarise(arm *const arms[2], launch *out) {
    const channel *a = arms[0]->channel, *b = arms[1]->channel;
    const launch_pair *last = &out->pairs[out->pair_count - 1];
    summarise_pairs(out);
    out->delay = b->delay;
    out->has_hash = a->has_hash && b->has_hash;
    out->same_bits = a->hash == b->hash;
    for (int i = 0; i < 2; i++) {
        const channel *c = arms[i]->channel;
        out->run[i] = last->quickest[i];
        out->arithmetic[i] = c->arithmetic;
        snprintf(out->served[i], sizeof out->served[i], "%s", c->served);
    }
}

static bool measure_launch(const launch_setting *s, arm *const arms[2], const work_case *what,
                           uint64_t *seed, launch *out, char *error) {
    int first = (int)random_below(seed, 2);
    for (int i = 0; i < 2; i++) {
        if (!open_arm(arms[first ^ i], s, what, out->cpu, seed, error)) {
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
    *out = (launch){.cpu = choose_cpu(seed)};
    out->pairs = calloc((size_t)s->pairs, sizeof *out->pairs);
    bool ok = out->pairs != NULL;
    if (!ok) {
        snprintf(error, CHANNEL_ERROR, "out of memory");
    }
    ok = ok && measure_launch(s, arms, what, seed, out, error);
    arm_stop(a);
    arm_stop(b);
    double seconds = clock_now() - begin;
    out->seconds = median_of(&seconds, 1);
    if (!ok) {
        free(out->pairs);
        out->pairs = NULL;
    }
    return ok;
}
