// SPDX-License-Identifier: BSD-2-Clause
// Before anything is measured: what on this machine disturbs measurements.
#ifndef BENCH_PREFLIGHT_H
#define BENCH_PREFLIGHT_H

#include "bench.h"

#include <stdbool.h>

// Checks, and prints in one line on stderr how many findings matter. `*findings` receives the list
// for the result file (NULL: not examined). An exit code: 13 where `strict` and something is bad.
int preflight(bench_look *look, const char *command, bool strict, json_t **findings);

#endif
