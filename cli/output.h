// SPDX-License-Identifier: BSD-2-Clause
// Where commands write: standard output, or a file that is there whole or not at all.
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

// Writes with `put` to the file `name`, NULL: standard output. An exit code; what is wrong was
// said.
int cli_output_write(const char *name, bool (*put)(FILE *to, const void *data), const void *data);

#endif
