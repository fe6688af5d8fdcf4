// SPDX-License-Identifier: BSD-2-Clause
#include "parse.h"

#include "listing.h"
#include "lists.h"
#include "unknown.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE = 64, SYSTEM = 70, CHILDREN_MOST = 8 };

void parse_refuse(const struct argp_state *state, const char *option, const char *wrong) {
    if (wrong == LISTS_NO_MEMORY) {
        fprintf(stderr, "%s: --%s: %s\n", state->name, option, wrong); // argp's own would allocate
        exit(SYSTEM);
    } else {
        argp_error(state, "--%s: %s", option, wrong);
    }
}

void parse_unknown(const struct argp_state *state, const char *option, const char *given,
                   const char *names) {
    nearest near = nearest_to(given);
    nearest_offer_all(&near, names);
    const char *hint = nearest_hint(&near, "");
    argp_error(state, "--%s: there is no '%s'%s%s There are %s", option, given, hint,
               *hint ? "" : ".", names);
}

bool parse_is_among(const char *given, const char *names) {
    size_t length = strlen(given);
    for (const char *at = names; length && (at = strstr(at, given)); at++) {
        if ((at == names || at[-1] == ' ') && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

void parse_check(const struct argp_state *state, const char *option, const char *given,
                 const char *names) {
    if (!parse_is_among(given, names)) {
        parse_unknown(state, option, given, names);
    }
}

void parse_check_list(const struct argp_state *state, const char *option, const char *given,
                      const char *names) {
    for (const char *at = given, *end; at; at = *end ? end + 1 : NULL) {
        end = at + strcspn(at, ",");
        char *one = strndup(at, (size_t)(end - at));
        if (!one) {
            parse_refuse(state, option, LISTS_NO_MEMORY);
            return;
        }
        parse_check(state, option, one, names);
        free(one);
    }
}

void parse_check_pin(const struct argp_state *state, const char *given) {
#define POLICIES "none, compact, spread, core, l3, numa, kind:performance, kind:efficiency"
    if (!isdigit((unsigned char)given[0]) && !parse_is_among(given, POLICIES)) {
        parse_unknown(state, "pin", given, POLICIES ", or a list of CPUs");
    }
#undef POLICIES
}

void parse_check_folder(const struct argp_state *state, const char *option, const char *given) {
    if (strcmp(given, "-") == 0) {
        argp_error(state, "--%s takes a folder: - is only for files", option);
    }
}

const char *parse_json_file(struct argp_state *state, const char *arg,
                            bool (*is_input)(const char *word)) {
    const char *next = arg || state->next >= state->argc ? NULL : state->argv[state->next];
    if (!next || (next[0] == '-' && next[1] != '\0') || (is_input && is_input(next))) {
        return arg ? arg : "-";
    }
    state->next++;
    return next;
}

void parse_out_file(const struct argp_state *state, const char *name, const char *ops,
                    const char **out) {
    if (ops && parse_is_among(name, ops)) {
        argp_error(state, "-o names the result file: to measure %s write --op %s", name, name);
    }
    if (*out && strcmp(*out, name) != 0) {
        argp_error(state, "the result file goes to one place: either %s or %s", *out, name);
    }
    *out = name;
}

// ---- What every command has ----

enum { KEY_USAGE = 0x7001 };

static const struct argp_option standard_rows[] = {
    {"help", 'h', NULL, 0, "Show this help", -1},
    {"version", 'V', NULL, 0, "Show which decoct this is", -1},
    {NULL, '?', NULL, OPTION_HIDDEN, "The same as --help", -1},
    {"usage", KEY_USAGE, NULL, OPTION_HIDDEN, "Show a short usage message", -1},
    {0},
};

// After what was asked for: ends the program.
static void end(const struct argp_state *state) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: cannot write to standard output: %s\n", state->name, strerror(errno));
        exit(SYSTEM);
    }
    exit(0);
}

static error_t parse_standard(int key, char *arg, struct argp_state *state) {
    (void)arg;
    switch (key) {
    case 'h':
    case '?':
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK);
        end(state);
        return 0;
    case KEY_USAGE:
        argp_state_help(state, stdout, ARGP_HELP_USAGE);
        end(state);
        return 0;
    case 'V':
        if (argp_program_version_hook) {
            argp_program_version_hook(stdout, state);
        }
        end(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp standard = {standard_rows, parse_standard, NULL, NULL, NULL, NULL, NULL};

// Leaves out the note on arguments of short options.
static char *without_note(int key, const char *text, void *input) {
    (void)input;
    return key == ARGP_KEY_HELP_DUP_ARGS_NOTE ? NULL : (char *)(uintptr_t)text;
}

// The command's own table and the standard one.
static struct argp complete(const struct argp *own, struct argp_child children[CHILDREN_MOST]) {
    struct argp all = *own;
    int count = 0;
    for (; own->children && own->children[count].argp && count < CHILDREN_MOST - 2; count++) {
        children[count] = own->children[count];
    }
    children[count] = (struct argp_child){&standard, 0, NULL, -1};
    children[count + 1] = (struct argp_child){0};
    all.children = children;
    all.help_filter = own->help_filter ? own->help_filter : without_note;
    return all;
}

// ---- The command line ----

static int list_options(const struct argp *argp, void *input) {
    json_t *table = listing_make(argp, input);
    if (!table) {
        fprintf(stderr, "%s: out of memory\n", program_invocation_name);
        return SYSTEM;
    }
    json_dumpf(table, stdout, JSON_INDENT(1)); // the caller looks at standard output
    json_decref(table);
    putchar('\n');
    return PARSE_LISTED;
}

// Ends the program at an unknown option, with the one that is nearest.
static error_t check_options(const struct argp *argp, int argc, char **argv) {
    char word[UNKNOWN_WORD];
    error_t error = unknown_find(argp, argc, argv, word);
    if (!error && word[0]) {
        nearest near = nearest_to(word + 2);
        unknown_offer(&near, argp);
        fprintf(stderr,
                "%s: unrecognized option '%s'%s\nTry `%s --help' or `%s --usage' for more "
                "information.\n",
                argv[0], word, nearest_hint(&near, "--"), argv[0], argv[0]);
        exit(USAGE);
    }
    return error;
}

int parse_arguments(const struct argp *argp, int argc, char **argv, void *input) {
    struct argp_child children[CHILDREN_MOST];
    const struct argp all = complete(argp, children);
    argp_err_exit_status = USAGE;
    if (argc == 2 && strcmp(argv[1], PARSE_LIST) == 0) {
        return list_options(&all, input);
    }
    error_t error = check_options(&all, argc, argv);
    error = error ? error : argp_parse(&all, argc, argv, ARGP_NO_HELP, NULL, input);
    if (error) {
        fprintf(stderr, "%s: %s\n", argv[0], error == ENOMEM ? "out of memory" : strerror(error));
    }
    return error == 0 ? 0 : error == ENOMEM ? SYSTEM : USAGE;
}
