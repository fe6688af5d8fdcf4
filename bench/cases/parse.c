// SPDX-License-Identifier: BSD-2-Clause
#include "parse.h"

#include "lists.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE = 64, SYSTEM = 70 };

void parse_refuse(const struct argp_state *state, const char *option, const char *wrong) {
    if (wrong == LISTS_NO_MEMORY) {
        fprintf(stderr, "%s: --%s: %s\n", state->name, option, wrong); // argp's own would allocate
        exit(SYSTEM);
    } else {
        argp_error(state, "--%s: %s", option, wrong);
    }
}

int parse_arguments(const struct argp *argp, int argc, char **argv, void *input) {
    argp_err_exit_status = USAGE;
    error_t error = argp_parse(argp, argc, argv, 0, NULL, input);
    if (error) {
        fprintf(stderr, "%s: %s\n", argv[0], error == ENOMEM ? "out of memory" : strerror(error));
    }
    return error == 0 ? 0 : error == ENOMEM ? SYSTEM : USAGE;
}
