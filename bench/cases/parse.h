// SPDX-License-Identifier: BSD-2-Clause
// The command lines of the benchmarks.
#ifndef BENCH_PARSE_H
#define BENCH_PARSE_H

#include <argp.h>

// argp_parse, whose parser ends the program with 64 at a usage error. What else fails is printed:
// 70, out of memory; 64, anything else. 0: parsed.
int parse_arguments(const struct argp *argp, int argc, char **argv, void *input);

// Ends the program: the value of --option is wrong (64), or it could not be read (70).
void parse_refuse(const struct argp_state *state, const char *option, const char *wrong);

#endif
