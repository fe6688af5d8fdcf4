// SPDX-License-Identifier: BSD-2-Clause
// An output that is there whole or not at all: a temporary file beside it, renamed at the end. What
// is no regular file (a device, a pipe) is written directly.
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

typedef struct cli_output {
    FILE *to;
    const char *name; // as given; NULL: standard output
    char *target;     // where a link leads
    char *temporary;  // NULL: none
} cli_output;

// An exit code; what is wrong was said. NULL for standard output.
int cli_output_open(cli_output *out, const char *name);
// Puts it in its place if `good`, else drops it: then what was there before is still there.
int cli_output_close(cli_output *out, bool good);

#endif
