// SPDX-License-Identifier: BSD-2-Clause
// What the --json of every command shares.
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include <jansson.h>
#include <stddef.h>

// A string of any bytes: those outside a valid character are U+FFFD. NULL: no memory.
json_t *cli_json_text(const char *text, size_t length);
// Prints one object on standard output, indented, and frees it. NULL or a failed write:
// CLI_INTERNAL after a message.
int cli_json_print(json_t *all);

#endif
