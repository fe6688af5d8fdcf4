// SPDX-License-Identifier: BSD-2-Clause
// The cases that choices describe, each with its name.
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "cases/choices.h"
#include "machine/levels.h"
#include "sample.h"

typedef struct plan {
    sample_case *cases;
    int count;
    int ceilings;  // the first ones
    levels levels; // whose names they have
} plan;

// All cases of the lists or of the suite, in the order of the lists, the last list running fastest.
// Which layers of a block's model are timed follows from the machine's JSON; NULL: all. 0, or an
// exit code after a message on stderr.
int plan_make(plan *p, const choices *c, const json_t *machine, const char *command);
// Adds the ceilings of the machine for these thread counts, pins and backends: fused multiply-adds
// of each backend, and reading and copying of each level of memory by the first of them.
int plan_add_ceilings(plan *p, const choices *c, const json_t *machine, const char *command);
void plan_free(plan *p);

#endif
