// SPDX-License-Identifier: BSD-2-Clause
// What the commands of the program share: exit codes, the list of commands, common options.
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <decoct/decoct.h>

#include <argp.h>
#include <stdbool.h>

// CLI_OK, CLI_WRONG, CLI_USAGE, ...: each with its meaning in the list.
enum {
#define EXIT_CODE(name, number, meaning) CLI_##name = number,
#include "bench/cases/exits.def"
#undef EXIT_CODE
};

// The lines about exit codes that every command's help ends with.
#define CLI_EXIT_DOC CLI_EXIT_DOC_AND("")
// The same with codes of the command's own: "14 no word is known, ".
#define CLI_EXIT_DOC_AND(more)                                                                     \
    "Exit code: 0 success, " more                                                                  \
    "64 invalid request (option, prompt, model folder or input file), 70 "                         \
    "system error (memory, threads, unsupported CPU, unwritable file). `decoct --help` lists all."

// Options that several commands have. Zeroed: the defaults.
typedef struct cli_options {
    const char *model;
    const char *backend;
    const char *pin;
    int32_t threads;
} cli_options;

// Argp children: --backend, --threads, --pin; the same with --model; --model alone, for commands
// that compute nothing. All get a cli_options through state->child_inputs[0].
extern const struct argp_child cli_machine_options[];
extern const struct argp_child cli_model_options[];
extern const struct argp_child cli_folder_options[];
extern const struct argp cli_model_parser; // for commands with more children than cli_model_options

// parse_arguments (bench/cases/parse.h). Not CLI_OK: the command returns this code at once.
int cli_parse(const struct argp *parser, int argc, char **argv, void *input);

// Whole-string numbers within a range, or a usage error that names the option.
int64_t cli_integer(const struct argp_state *state, const char *option, const char *text,
                    int64_t least, int64_t most);
double cli_number(const struct argp_state *state, const char *option, const char *text,
                  double least, double most);
// The unsigned 64-bit number of a seed.
uint64_t cli_seed(const struct argp_state *state, const char *option, const char *text);

// The commands: commands.def. argv[0] is "decoct next" and the like, as messages and --help show
// it.
#define COMMAND(name, function, ...) int function(int argc, char **argv);
#include "commands.def"
#undef COMMAND

// "decoct next: " and the message on stderr; returns the exit code given, for `return
// cli_fail(...)`.
int cli_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The exit code for a status of the library, and a message with the text of its last error.
int cli_fail_status(const decoct_context *ctx, decoct_status status, const char *what);
// Flushes stdout; a full disk or a closed pipe is CLI_INTERNAL.
int cli_finish(void);

#endif
