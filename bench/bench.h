// SPDX-License-Identifier: BSD-2-Clause
// `decoct bench`: the benchmarks, called by the program.
#ifndef BENCH_H
#define BENCH_H

// argv[0] is what messages call the command. Returns an exit code: 0 ok, 14 nothing matched, 64
// usage, 70 the machine refused.
int decoct_bench(int argc, char **argv);

#endif
