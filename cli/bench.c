// SPDX-License-Identifier: BSD-2-Clause
// `decoct bench` and `decoct peers`: hand over to the benchmarks.
#include "cli.h"

#include "../bench/peers.h"

int cli_peers(int argc, char **argv) {
    return decoct_peers(argc, argv);
}

#ifdef DECOCT_HAVE_BENCH
#include "../bench/bench.h"

int cli_bench(int argc, char **argv) {
    return decoct_bench(argc, argv);
}
#else
int cli_bench(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return cli_fail(CLI_SKIPPED,
                    "the benchmarks are not in this build: they need a C++ compiler and "
                    "Google Benchmark (meson configure -Dbench=enabled)");
}
#endif
