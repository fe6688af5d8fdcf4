// SPDX-License-Identifier: BSD-2-Clause
// The TEXT of a command: words of the command line, or standard input.
#ifndef CLI_TAKE_TEXT_H
#define CLI_TAKE_TEXT_H

#include "desk.h"

// For the parser of a command that takes a TEXT: handles ARGP_KEY_ARGS and ARGP_KEY_NO_ARGS, sets
// prompt->text, and returns ARGP_ERR_UNKNOWN for all other keys. "-" is standard input; so is a
// pipe or a file without TEXT. A text that is empty or missing is a usage error.
error_t cli_take_text(int key, struct argp_state *state, cli_prompt *prompt);
// Is there a pipe or a file to read from, not a terminal?
bool cli_text_waits(void);

#endif
