// SPDX-License-Identifier: BSD-2-Clause
// The program `decoct`: finds the command and calls it. Every command has its own file.
#include "cli.h"
#include "trial.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

typedef struct command {
    const char *name; // as messages show it
    int (*run)(int argc, char **argv);
    const char *summary;
} command;

static const command commands[] = {
    {"decoct next", cli_next, "which words could come next, and how probable each is"},
    {"decoct generate", cli_generate, "continues a text"},
    {"decoct attend", cli_attend, "which words each word drew from, as a map; cut an edge and see"},
    {"decoct profile", cli_profile, "where the time of a model goes, step by step"},
    {"decoct info", cli_info, "this machine, the backends, and what was chosen and why"},
    {"decoct doctor", cli_doctor, "what disturbs measurements on this machine, and how to fix it"},
    {"decoct bench", cli_bench,
     "the standard suites, or benchmarks of your own (Google Benchmark)"},
    {"decoct sweep", cli_sweep,
     "every combination of shapes, threads, pinning and backends, to a file"},
    {"decoct roofline", cli_roofline, "the ceilings of this machine: arithmetic, caches, memory"},
    {"decoct ab", cli_ab, "two builds against each other: slower, faster, equal, or cannot tell"},
    {"decoct gate", cli_gate, "the same for CI: a self-check, reports, and an exit code"},
    {"decoct peers", cli_peers, "the same shapes in other libraries, side by side"},
    {"decoct hash", cli_hash, "one hash per kernel and shape: the same on every CPU"},
    {"decoct report", cli_report, "result files as one page to explore, and compared"},
    {"decoct export", cli_export, "a result file for Google Benchmark's tools, as CSV or Markdown"},
};
static const int command_count = (int)(sizeof commands / sizeof *commands);

static const struct {
    int number;
    const char *meaning;
} exit_codes[] = {
#define EXIT_CODE(name, number, meaning) {number, meaning},
#include "bench/cases/exits.def"
#undef EXIT_CODE
};

static const char *bare_name(const command *c) {
    return c->name + strlen("decoct ");
}

static void list_commands(FILE *to) {
    fputs("Usage: decoct COMMAND [OPTION...]\n\n"
          "Runs GPT decoder blocks on the CPU. Commands:\n\n",
          to);
    for (int i = 0; i < command_count; i++) {
        fprintf(to, "  %-9s %s\n", bare_name(&commands[i]), commands[i].summary);
    }
    fputs("\nStart with:\n\n"
          "  decoct next \"Sarah lies still on the bed, feeling\"\n\n"
          "`decoct COMMAND --help` explains a command; `decoct --version` says which one this is.\n"
          "\n"
          "Exit codes:\n\n",
          to);
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++) {
        fprintf(to, "  %-9d %s\n", exit_codes[i].number, exit_codes[i].meaning);
    }
}

static int print_version(void) {
    uint32_t version = decoct_version();
    printf("decoct %s (libdecoct %u.%u.%u)\n", CLI_VERSION, version >> 16, version >> 8 & 0xff,
           version & 0xff);
    return cli_finish();
}

static int run_command(const command *c, int argc, char **argv) {
    char name[64];
    snprintf(name, sizeof name, "%s", c->name);
    argv[0] = name; // argp's messages and --help then print "decoct next"
    program_invocation_name = program_invocation_short_name = name;
    cli_screen_plugins();
    return c->run(argc, argv);
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c) {
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

int main(int argc, char **argv) {
    setlocale(LC_CTYPE, ""); // UTF-8 or not; numbers stay as in C
    argp_err_exit_status = CLI_USAGE;
    if (argc < 2) {
        list_commands(stderr);
        return CLI_USAGE;
    }
    if (is_one_of(argv[1], "--version", "-V", "version")) {
        return print_version();
    }
    bool help = is_one_of(argv[1], "--help", "-h", "help");
    if (help && argc == 2) {
        list_commands(stdout);
        return cli_finish();
    }
    const char *wanted = help ? argv[2] : argv[1];
    for (int i = 0; i < command_count; i++) {
        if (strcmp(wanted, bare_name(&commands[i])) == 0) {
            char *just_help[] = {NULL, (char[]){"--help"}, NULL};
            return help ? run_command(&commands[i], 2, just_help)
                        : run_command(&commands[i], argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "decoct: there is no command \"%s\"\n\n", wanted);
    list_commands(stderr);
    return CLI_USAGE;
}
