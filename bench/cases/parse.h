// SPDX-License-Identifier: BSD-2-Clause
// The command lines of all commands.
#ifndef BENCH_PARSE_H
#define BENCH_PARSE_H

#include <argp.h>
#include <stdbool.h>

// Given alone, `--list-options` prints the table of options as JSON (listing.h) on standard output.
#define PARSE_LIST "--list-options"
// What parse_arguments returns then: the command is to end.
enum { PARSE_LISTED = -1 };

// argp_parse with -h, --help, -V and --version, whose parser ends the program with 64 at a usage
// error. What else fails is printed: 70, out of memory; 64, anything else. 0: parsed.
int parse_arguments(const struct argp *argp, int argc, char **argv, void *input);

// Is it one of the names, which are separated by ", "?
bool parse_is_among(const char *given, const char *names);
// Ends the program: --option has no such value (64). It has these names.
void parse_unknown(const struct argp_state *state, const char *option, const char *given,
                   const char *names);
// The same, unless `given` is one of the names.
void parse_check(const struct argp_state *state, const char *option, const char *given,
                 const char *names);
// The same for each entry of a list, whose entries are separated by commas.
void parse_check_list(const struct argp_state *state, const char *option, const char *given,
                      const char *names);
// The same if `given` is neither a pin policy nor a list of CPUs.
void parse_check_pin(const struct argp_state *state, const char *given);
// Ends the program if this is "-": a folder cannot be standard input or output.
void parse_check_folder(const struct argp_state *state, const char *option, const char *given);
// The file of --json, whose argument is optional: --json alone is standard output ("-"). The old
// form `--json FILE` remains: what follows is FILE unless it is an option or, for is_input (or
// NULL), an argument of the command.
const char *parse_json_file(struct argp_state *state, const char *arg,
                            bool (*is_input)(const char *word));
// Sets *out to the result file that -o or --json names. Ends the program if the other one has named
// another file, or if this is one of `ops`: -o was once the letter of --op (NULL: of this command
// not).
void parse_out_file(const struct argp_state *state, const char *name, const char *ops,
                    const char **out);
// Ends the program: the value of --option is wrong (64), or it could not be read (70).
void parse_refuse(const struct argp_state *state, const char *option, const char *wrong);

#endif
