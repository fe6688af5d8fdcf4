// SPDX-License-Identifier: BSD-2-Clause
// The commands that measure: they call bench/.
#include "cli.h"

#include "bench/peers/peers.h"

int cli_peers(int argc, char **argv) {
    return decoct_peers(argc, argv);
}

#ifdef DECOCT_HAVE_BENCH
#include "bench/bench.h"
#include "doctor.h"

int cli_bench(int argc, char **argv) {
    return decoct_bench(argc, argv, doctor_findings);
}

int cli_sweep(int argc, char **argv) {
    return decoct_sweep(argc, argv, doctor_findings);
}

int cli_roofline(int argc, char **argv) {
    return decoct_roofline(argc, argv, doctor_findings);
}

int cli_ab(int argc, char **argv) {
    return decoct_ab(argc, argv);
}

int cli_gate(int argc, char **argv) {
    return decoct_gate(argc, argv);
}
#else
static int leave_out(void) {
    return cli_fail(CLI_SKIPPED, "the benchmarks are not in this build: they need a C++ compiler, "
                                 "Google Benchmark and libmd (meson configure -Dbench=enabled)");
}

int cli_bench(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return leave_out();
}

int cli_sweep(int argc, char **argv) {
    return cli_bench(argc, argv);
}

int cli_roofline(int argc, char **argv) {
    return cli_bench(argc, argv);
}

int cli_ab(int argc, char **argv) {
    return cli_bench(argc, argv);
}

int cli_gate(int argc, char **argv) {
    return cli_bench(argc, argv);
}
#endif
