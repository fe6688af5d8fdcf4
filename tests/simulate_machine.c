// SPDX-License-Identifier: BSD-2-Clause
#include "simulate_machine.h"

#include "bench/cases/random.h"

#include <math.h>

static const double MS = 1e6, SECOND = 1e9; // in nanoseconds

// Slow spells: one CPU is 20 to 30 % slower for 20 to 200 ms, for causes outside the machine, while
// its steal time stays at 0. The control kernel saw it in 4 to 13 % of its measurements on a quiet
// host and in 30 to 56 % on a noisy one; one spell in ten is longer than 80 ms: exponential with a
// mean of 35 ms.
static const double SPELL = 35.0, SPELL_LEAST = 5.0, SPELL_MOST = 200.0; // ms
static const double SLOW_LEAST = 0.20, SLOW_MOST = 0.30;
// In most spells the speed changes from call to call: with 26 % of the control kernels slow, the
// quickest of 8 calls was 3 % slower in one sample in ten, and 10 % slower in one in thirty.
static const double STEADY = 0.25;

// A neighbour is a process on the same CPU. It is on and off each 2 to 8 s, as the recorded one
// was. The scheduler gives each some 3 ms in turn: the wall time of a busy sample was 2.2 times its
// CPU time. After its turn the caches have to be filled again.
static const double NEIGHBOUR_LEAST = 2.0, NEIGHBOUR_MOST = 8.0;                   // s
static const double SLICE = 3.0, LOST_LEAST = 3.0, LOST_MOST = 4.5, REFILL = 0.03; // ms

// Rare long calls: interrupts and the host's own work. 3 % of quiet samples of 7 ms were
// interrupted, which is 4 a second.
static const double SPIKES = 4.0;                       // a second
static const double SPIKE_LEAST = 0.02, SPIKE_MOST = 1; // ms

// The finaliser of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
uint64_t simulated_seed(uint64_t number) {
    uint64_t z = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

double simulated_part(uint64_t *seed) {
    return (double)(random_next(seed) >> 11) * 0x1p-53;
}

double simulated_exponential(uint64_t *seed) {
    return -log(1.0 - simulated_part(seed));
}

double simulated_normal(uint64_t *seed) {
    double radius = sqrt(2.0 * simulated_exponential(seed));
    return radius * cos(2.0 * 3.14159265358979 * simulated_part(seed));
}

static double between(uint64_t *seed, double least, double most) {
    return least + (most - least) * simulated_part(seed);
}

simulated_machine simulated_machine_make(const simulated_noise *noise, uint64_t seed) {
    simulated_machine m = {.noise = noise, .seed = seed};
    m.phase = between(&m.seed, 0.0, 2.0 * 3.14159265358979);
    m.period = between(&m.seed, 60.0, 600.0) * SECOND;
    for (int i = 0; i < SIMULATED_CPUS; i++) {
        m.cpus[i] = (simulated_cpu){.slow_changes = INFINITY, .neighbour_changes = INFINITY};
        m.cpus[i].slow_changes = noise->slow > 0.0 ? 0.0 : INFINITY;
        m.cpus[i].neighbour = noise->neighbours == 2;
    }
    if (noise->neighbours == 1) {
        m.cpus[0].neighbour_changes = between(&m.seed, 0.0, NEIGHBOUR_MOST) * SECOND;
    }
    return m;
}

// Slow and fast spells in turn; the fast ones are as long as the share of the slow ones asks for.
static void change_speed(simulated_machine *m, simulated_cpu *c) {
    bool slow = c->slowness == 0.0;
    double mean = slow ? SPELL : SPELL * (1.0 - m->noise->slow) / m->noise->slow;
    double length = mean * simulated_exponential(&m->seed);
    if (slow) {
        length = length < SPELL_LEAST ? SPELL_LEAST : length > SPELL_MOST ? SPELL_MOST : length;
    }
    c->steady = simulated_part(&m->seed) < STEADY;
    c->slowness = slow ? between(&m->seed, SLOW_LEAST, SLOW_MOST) : 0.0;
    c->slow_changes += length * MS;
}

static void bring_up_to_date(simulated_machine *m, simulated_cpu *c) {
    // After a long pause the past need not be played, except for a few spells.
    if (m->now - c->slow_changes > 20.0 * SECOND) {
        c->slow_changes = m->now - 2.0 * SECOND;
    }
    while (m->now >= c->slow_changes) {
        change_speed(m, c);
    }
    while (m->now >= c->neighbour_changes) {
        c->neighbour = !c->neighbour;
        c->neighbour_changes += between(&m->seed, NEIGHBOUR_LEAST, NEIGHBOUR_MOST) * SECOND;
    }
}

// The neighbour on this CPU takes its turn when the slice is used up.
static void share_cpu(simulated_machine *m, simulated_cpu *c, simulated_call *call) {
    c->slice -= call->cpu;
    while (c->slice < 0.0) {
        call->cpu += REFILL * MS * simulated_exponential(&m->seed);
        call->wall += between(&m->seed, LOST_LEAST, LOST_MOST) * MS;
        call->switches++;
        c->slice += SLICE * MS;
    }
}

simulated_call simulated_run(simulated_machine *m, int cpu, const simulated_kind *kind,
                             double time) {
    simulated_cpu *c = &m->cpus[cpu];
    bring_up_to_date(m, c);
    double slowness = c->steady ? c->slowness : 2.0 * c->slowness * simulated_part(&m->seed);
    simulated_call call = {.cpu = time * (1.0 + kind->jitter * simulated_exponential(&m->seed)) *
                                  (1.0 + kind->slow * slowness)};
    if (m->cpus[0].neighbour || m->cpus[1].neighbour) {
        call.cpu *= 1.0 + kind->shared * simulated_part(&m->seed);
    }
    m->spike -= call.cpu;
    if (m->spike < 0.0) {
        double spike = between(&m->seed, SPIKE_LEAST, SPIKE_MOST) * MS;
        call.cpu += 0.5 * spike;
        call.wall += 0.5 * spike;
        call.switches++;
        m->spike = simulated_exponential(&m->seed) * SECOND / SPIKES;
    }
    if (c->neighbour) {
        share_cpu(m, c, &call);
    }
    call.wall += call.cpu;
    m->now += call.wall;
    return call;
}

void simulated_pass(simulated_machine *m, double time) {
    m->now += time;
}

double simulated_drift(const simulated_machine *m, const simulated_kind *kind) {
    return 1.0 + kind->drift * sin(m->phase + 2.0 * 3.14159265358979 * m->now / m->period);
}
