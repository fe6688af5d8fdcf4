// SPDX-License-Identifier: BSD-2-Clause
// What a command works with: an open context, a model, and a prompt as token ids.
#ifndef CLI_DESK_H
#define CLI_DESK_H

#include "cli.h"

#include <stdio.h>

typedef struct cli_desk {
    decoct_context *ctx;
    decoct_model *model;
    decoct_model_info info;
    char folder[4096];
} cli_desk;

// Opens a context with the options. 0, or an exit code with the message already printed.
int cli_open_context(const cli_options *options, decoct_context **out);
// Where the backend that was asked for by name has kernels that were rejected: CLI_WRONG after a
// message, or a note and CLI_OK if `allowed`. Other backends serve those kernels.
int cli_check_backend(decoct_context *ctx, bool allowed);
// The same and the model. cli_desk_close also accepts the state after a failed call.
int cli_desk_open(const cli_options *options, cli_desk *desk);
void cli_desk_close(cli_desk *desk);
// cli_output_write, but CLI_USAGE if `name` is a file of the model, which must not be replaced.
int cli_desk_write(const cli_desk *desk, const char *name, bool (*put)(FILE *to, const void *data),
                   const void *data);

typedef struct cli_prompt {
    char *text; // as it is fed: the words of the command line, without a blank at the end
    int32_t *ids;
    int64_t count;
} cli_prompt;

// The words of the command line as one text; spaces and a blank "____" at the end are left out.
// NULL when nothing is left.
char *cli_join_words(int count, char *const *words);
// Fills ids and count from text. 0, or an exit code: a prompt that is longer than the model's
// context is CLI_USAGE.
int cli_prompt_encode(const cli_desk *desk, cli_prompt *prompt);
// cli_desk_open, then cli_prompt_encode.
int cli_desk_read(const cli_options *options, cli_desk *desk, cli_prompt *prompt);
void cli_prompt_free(cli_prompt *prompt);

// The bytes of one token, NUL-terminated; *length in bytes, 0 for an id without a text. free() it.
// NULL after a message.
char *cli_token_text(const cli_desk *desk, int32_t id, size_t *length);

#endif
