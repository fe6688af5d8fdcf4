// SPDX-License-Identifier: BSD-2-Clause
// The program `decoct`: finds the command and calls it. Every command has its own file.
#include "cli.h"
#include "trial.h"

#include "bench/cases/block_shape.h"
#include "bench/cases/catalogue.h"
#include "bench/cases/nearest.h"
#include "bench/cases/parse.h"
#include "bench/cases/stored.h"

#include <jansson.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

// What a build may lack.
#ifndef DECOCT_HAVE_BENCH
static int without_bench(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return cli_fail(CLI_SKIPPED, "the benchmarks are not in this build: they need a C++ compiler, "
                                 "Google Benchmark and libmd (meson configure -Dbench=enabled)");
}
#define COMMAND_OF_BENCH(function) without_bench
#else
#define COMMAND_OF_BENCH(function) function
#endif
#ifndef DECOCT_HAVE_REPORT
static int without_report(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return cli_fail(CLI_SKIPPED, "the reader of result files is not in this build: it needs a C++ "
                                 "compiler, simdjson and libmd (meson configure -Dreport=enabled)");
}
#define COMMAND_OF_REPORT(function) without_report
#else
#define COMMAND_OF_REPORT(function) function
#endif
#define COMMAND_OF_ALWAYS(function) function

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *group, *summary;
} command;

static const command commands[] = {
#define COMMAND(name, function, part, group, summary)                                              \
    {name, COMMAND_OF_##part(function), group, summary},
#include "commands.def"
#undef COMMAND
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

static void list_commands(FILE *to) {
    fputs("Usage: decoct COMMAND [OPTION...]\n\n"
          "Shows how a little language model finds the next word; also measures the kernels that "
          "run\n"
          "such models on the CPU. Commands:\n",
          to);
    const char *group = "";
    for (int i = 0; i < command_count; i++) {
        if (strcmp(commands[i].group, group) != 0) {
            group = commands[i].group;
            fprintf(to, "\n%s:\n", group);
        }
        fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\nStart with:\n\n"
          "  decoct next \"Sarah lies still on the bed, feeling\"\n\n"
          "`decoct COMMAND --help` explains a command; `decoct --version` shows which decoct this "
          "is.\n"
          "\n"
          "Exit codes:\n\n",
          to);
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++) {
        fprintf(to, "  %-9d %s\n", exit_codes[i].number, exit_codes[i].meaning);
    }
}

// --version of each command.
static void put_version(FILE *to, struct argp_state *state) {
    uint32_t version = decoct_version();
    (void)state;
    fprintf(to, "decoct %s (libdecoct %u.%u.%u)\n", CLI_VERSION, version >> 16, version >> 8 & 0xff,
            version & 0xff);
}

static int call(const command *c, int argc, char **argv) {
    char name[64];
    snprintf(name, sizeof name, "decoct %s", c->name);
    argv[0] = name; // argp's messages and --help then print "decoct next"
    program_invocation_name = program_invocation_short_name = name;
    int code = c->run(argc, argv);
    program_invocation_name = program_invocation_short_name = (char *)(uintptr_t) "decoct";
    return code;
}

static int run_command(const command *c, int argc, char **argv) {
    cli_screen_plugins();
    int code = call(c, argc, argv);
    return code == PARSE_LISTED ? cli_finish() : code;
}

// ---- The list of all options ----

static bool is_in_build(const command *c) {
#ifndef DECOCT_HAVE_BENCH
    if (c->run == without_bench) {
        return false;
    }
#endif
#ifndef DECOCT_HAVE_REPORT
    if (c->run == without_report) {
        return false;
    }
#endif
    return c->run != NULL;
}

// "key": "text",
static void put_listed(const char *key, const char *text) {
    json_t *value = json_string(text);
    printf("\"%s\": ", key);
    json_dumpf(value, stdout, JSON_ENCODE_ANY);
    fputs(", ", stdout);
    json_decref(value);
}

// For man pages, completions and tests. A command that this build lacks has null for its table.
static int list_options(void) {
    char operations[512], types[256], blocks[256];
    catalogue_timed(operations, sizeof operations);
    stored_names(types, sizeof types);
    block_shape_names(blocks, sizeof blocks);
    fputs("{", stdout);
    put_listed("version", CLI_VERSION);
    put_listed("operations", operations);
    put_listed("types", types);
    put_listed("blocks", blocks);
    put_listed("backends", CLI_BACKENDS);
    fputs("\"exit_codes\": {", stdout);
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++) {
        printf("%s\"%d\": \"%s\"", i ? ", " : "", exit_codes[i].number, exit_codes[i].meaning);
    }
    fputs("},\n\"commands\": [", stdout);
    for (int i = 0; i < command_count; i++) {
        const command *c = &commands[i];
        char *arguments[] = {NULL, (char[]){PARSE_LIST}, NULL};
        fputs(i ? ",\n{" : "\n{", stdout);
        put_listed("name", c->name);
        put_listed("group", c->group);
        put_listed("summary", c->summary);
        fputs("\"table\": ", stdout);
        int code = is_in_build(c) ? call(c, 2, arguments) : PARSE_LISTED;
        if (code != PARSE_LISTED) {
            return code;
        }
        fputs(is_in_build(c) ? "}" : "null}", stdout);
    }
    fputs("\n]}\n", stdout);
    return cli_finish();
}

// ---- The program ----

static bool is_one_of(const char *word, const char *a, const char *b, const char *c) {
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static void show_first_steps(FILE *to) {
    fputs("Usage: decoct COMMAND [OPTION...]\n\n"
          "Three things to try:\n\n"
          "  decoct next \"Sarah lies in the snow, feeling\"                  the next word\n"
          "  decoct why \"Sarah lies in the snow, feeling\"                   which words decided "
          "it\n"
          "  decoct story \"Sarah lies in the snow, feeling\" -o story.html   how, as a page\n\n"
          "`decoct --help` lists all commands.\n",
          to);
}

static int fail_unknown(const char *wanted) {
    nearest near = nearest_to(wanted);
    for (int i = 0; i < command_count; i++) {
        nearest_offer(&near, commands[i].name);
    }
    nearest_offer_all(&near, "help, version, --help, --version, " PARSE_LIST);
    fprintf(stderr, "decoct: unknown %s '%s'%s\n`decoct --help` lists all commands.\n",
            wanted[0] == '-' ? "option" : "command", wanted, nearest_hint(&near, ""));
    return CLI_USAGE;
}

int main(int argc, char **argv) {
    setlocale(LC_CTYPE, "");  // UTF-8 or not; numbers stay as in C
    signal(SIGXFSZ, SIG_IGN); // a file over the limit is a write that fails: it is removed again
    argp_program_version_hook = put_version;
    if (argc < 2) {
        show_first_steps(stderr);
        return CLI_USAGE;
    }
    if (is_one_of(argv[1], "--version", "-V", "version")) {
        put_version(stdout, NULL);
        return cli_finish();
    }
    if (strcmp(argv[1], PARSE_LIST) == 0) {
        return list_options();
    }
    bool help = is_one_of(argv[1], "--help", "-h", "help");
    if (help && argc == 2) {
        list_commands(stdout);
        return cli_finish();
    }
    const char *wanted = help ? argv[2] : argv[1];
    for (int i = 0; i < command_count; i++) {
        if (strcmp(wanted, commands[i].name) == 0) {
            char *just_help[] = {NULL, (char[]){"--help"}, NULL};
            return help ? run_command(&commands[i], 2, just_help)
                        : run_command(&commands[i], argc - 1, argv + 1);
        }
    }
    return fail_unknown(wanted);
}
