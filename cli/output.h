// SPDX-License-Identifier: BSD-2-Clause
// Where commands write: standard output, or a file that is complete or not written.
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

// Writes with `put` to the file `name`; NULL, "-" and /dev/stdout are standard output. An exit
// code; the message was printed.
int cli_output_write(const char *name, bool (*put)(FILE *to, const void *data), const void *data);
// NULL, "-" and the like.
bool cli_output_is_stdout(const char *name);

// The regular file that an output would replace or grow, whatever its name.
typedef struct cli_output {
    bool known; // false: there is no such file yet
    dev_t device;
    ino_t node;
} cli_output;

cli_output cli_output_find(const char *name);
// Is this input that file?
bool cli_output_is(const cli_output *output, const struct stat *input);

#endif
