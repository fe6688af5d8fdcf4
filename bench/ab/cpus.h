// SPDX-License-Identifier: BSD-2-Clause
// The CPUs of a launch: chosen again for each one, and the same for both arms.
#ifndef BENCH_AB_CPUS_H
#define BENCH_AB_CPUS_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One CPU and the time that the control kernel takes there.
typedef struct cpu_speed {
    int32_t cpu;
    double taken;
} cpu_speed;

typedef struct cpu_choice {
    cpu_set_t all;
    int32_t quickest; // of them
} cpu_choice;

// How many CPUs this process may use.
int cpus_allowed(void);

// Of `needed` CPUs and a few more, drawn from those that this process may use, the `needed` whose
// control kernel is quickest now: on a shared machine some are slower for a while, for causes that
// are not visible in the machine. False: there are not that many.
bool cpus_choose(int needed, uint64_t *seed, cpu_choice *out);

// "0,2,3", as the library's pin. False: it does not fit.
bool cpus_list(const cpu_set_t *set, char *text, size_t size);

// Moves a random choice of `needed` CPUs and a few more to the front of `all`; how many these are.
int cpus_draw(int32_t *all, int count, int needed, uint64_t *seed);
// Sorts: the quickest first.
void cpus_order(cpu_speed *speeds, int count);

#endif
