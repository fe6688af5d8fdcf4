// SPDX-License-Identifier: BSD-2-Clause
// The commands that measure, called by the program.
#ifndef BENCH_H
#define BENCH_H

#include <jansson.h>

// A list of {"name", "state" ("bad", "warning", "note"), "text"}; NULL: no memory.
typedef json_t *bench_look(void);

// argv[0] is the name of the command in messages. Return an exit code of cases/exits.def. `look`
// finds what on this machine disturbs measurements.
int decoct_bench(int argc, char **argv, bench_look *look);
int decoct_sweep(int argc, char **argv, bench_look *look);
int decoct_roofline(int argc, char **argv, bench_look *look);
int decoct_ab(int argc, char **argv);
int decoct_gate(int argc, char **argv);

#endif
