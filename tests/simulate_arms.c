// SPDX-License-Identifier: BSD-2-Clause
#include "simulate_arms.h"

#include "bench/machine/clock.h"
#include "bench/measure/control.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One control measurement: its time when nothing disturbs it.
static const simulated_kind CONTROL = {.call = 375e3, .jitter = 0.005, .slow = 1.0};

// Layouts that are much better or worse than most: recorded launches of 72 had a standard deviation
// up to 1.6 times the robust one.
static const double OUTLIERS = 0.03, OUTLIER = 4.0;

static struct {
    simulated_machine *machine;
    const simulated_kind *kind;
    const simulated_change *change;
    double layout[2];
    int cpu, samples; // of the launch, of both arms
    channel channels[2];
} now;

void simulated_arms_use(simulated_machine *m, const simulated_kind *kind,
                        const simulated_change *change) {
    now.machine = m;
    now.kind = kind;
    now.change = change;
}

// ---- The machine that bench/ab/launch.c sees ----

double clock_now(void) {
    return 1e-9 * now.machine->now;
}

double control_measure(void) {
    return simulated_run(now.machine, now.cpu, &CONTROL, CONTROL.call).cpu;
}

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set) {
    (void)pid;
    CPU_ZERO_S(size, set);
    for (size_t i = 0; i < SIMULATED_CPUS; i++) {
        CPU_SET_S(i, size, set);
    }
    return 0;
}

int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set) {
    (void)pid;
    if (CPU_COUNT_S(size, set) == 1) {
        now.cpu = CPU_ISSET_S(1, size, set) ? 1 : 0;
    }
    return 0;
}

// ---- Workers ----

bool arm_start(arm *a, const char *worker, int padding, char *error) {
    (void)worker, (void)padding, (void)error;
    int which = a->library[0] - 'A';
    a->channel = &now.channels[which];
    bool outlier = simulated_part(&now.machine->seed) < OUTLIERS;
    now.layout[which] =
        now.kind->layout * simulated_normal(&now.machine->seed) * (outlier ? OUTLIER : 1.0);
    now.samples = 0;
    simulated_pass(now.machine, 0.5 * now.kind->set_up);
    return true;
}

static void take_sample(int which, channel *c) {
    simulated_machine *m = now.machine;
    const simulated_kind *k = now.kind;
    double level = k->call * simulated_drift(m, k) * exp(now.layout[which]);
    level *= 1.0 + m->noise->memory *
                       (k->second * (now.samples % 2) + k->sample * simulated_normal(&m->seed));
    level *= which == 1 ? (1.0 + now.change->slowed) * (1.0 + now.change->link) : 1.0;
    channel_sample s = {.control = control_measure()};
    int cpu = CPU_ISSET(1, &c->cpus) ? 1 : 0;
    simulated_run(m, cpu, k, level); // the untimed call
    for (int i = 0; i < k->calls; i++) {
        bool longer = which == 1 && now.change->some > 0.0 && simulated_part(&m->seed) < 0.25;
        simulated_call call =
            simulated_run(m, cpu, k, longer ? level * (1.0 + now.change->some) : level);
        double waited = which == 1 ? now.change->waiting * call.cpu : 0.0;
        simulated_pass(m, waited);
        s.cpu += call.cpu;
        s.wall += call.wall + waited;
        s.involuntary_switches += call.switches;
        s.quickest = i == 0 || call.cpu < s.quickest ? call.cpu : s.quickest;
    }
    c->sample = s;
    now.samples++;
}

bool arm_order(arm *a, channel_order order, char *error) {
    (void)error;
    channel *c = a->channel;
    if (order == CHANNEL_OPEN) {
        snprintf(c->library, sizeof c->library, "%s", a->library);
        c->has_hash = true;
    } else if (order == CHANNEL_CALIBRATE) {
        c->calls = now.kind->calls;
        c->runs = 1;
    } else if (order == CHANNEL_SAMPLE) {
        take_sample(a->library[0] - 'A', c);
    }
    return true;
}

bool arm_has_library(const arm *a, char *error) {
    (void)a;
    (void)error;
    return true;
}

double arm_awake(const arm *a) {
    (void)a;
    return 0.0;
}

void arm_stop(arm *a) {
    a->channel = NULL;
}

launch simulated_launch(int pairs, uint64_t *seed) {
    static arm arms[2] = {{.library = "A", .threads = 1}, {.library = "B", .threads = 1}};
    static const work_case what = {.op = "simulated"};
    launch_setting setting = {.worker = "", .pairs = pairs};
    char error[CHANNEL_ERROR];
    launch found;
    if (!launch_run(&setting, &arms[0], &arms[1], &what, seed, &found, error)) {
        fprintf(stderr, "%s\n", error);
        abort();
    }
    return found;
}
