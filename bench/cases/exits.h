// SPDX-License-Identifier: BSD-2-Clause
// The exit codes as the benchmarks name them; the rest of the program names them in cli/cli.h.
#ifndef BENCH_EXITS_H
#define BENCH_EXITS_H

enum {
#define EXIT_CODE(name, number, meaning) EXIT_##name = number,
#include "exits.def"
#undef EXIT_CODE
};

#endif
