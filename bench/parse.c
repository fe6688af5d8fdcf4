// SPDX-License-Identifier: BSD-2-Clause
#include "parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int parse_arguments(const struct argp *argp, int argc, char **argv, void *input) {
    enum { USAGE = 64, SYSTEM = 70 };
    argp_err_exit_status = USAGE;
    error_t error = argp_parse(argp, argc, argv, 0, NULL, input);
    if (error) {
        fprintf(stderr, "%s: %s\n", argv[0], error == ENOMEM ? "out of memory" : strerror(error));
    }
    return error == 0 ? 0 : error == ENOMEM ? SYSTEM : USAGE;
}
