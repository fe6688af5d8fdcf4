// SPDX-License-Identifier: BSD-2-Clause
// The commands that measure: they call bench/.
#include "cli.h"
#include "doctor.h"

#include "bench/bench.h"

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
