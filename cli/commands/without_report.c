// SPDX-License-Identifier: BSD-2-Clause
// `decoct report` and `decoct export` in a build without the reader of result files.
#include "cli.h"

static int missing(void) {
    return cli_fail(CLI_SKIPPED, "the reader of result files is not in this build: it needs a C++ "
                                 "compiler and simdjson (meson configure -Dreport=enabled)");
}

int cli_report(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return missing();
}

int cli_export(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return missing();
}
