// SPDX-License-Identifier: BSD-2-Clause
// `decoct conform`: examines a backend, kernel by kernel. The examination is bench/conform; here
// are the options, and what is printed.
#include "conform.h"

#include "output.h"
#include "trial.h"

#include "bench/cases/parse.h"
#include "bench/cases/stored.h"
#include "bench/measure/progress.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct conform_options {
    examine_options examine;
    const char *given;
    const char *json; // a file, "-" is standard output
    bool list;
} conform_options;

enum { KEY_OP = 0x100, KEY_DTYPE, KEY_TEST, KEY_QUICK, KEY_FULL, KEY_SEED, KEY_LIST };

static const struct argp_option rows[] = {
    {"op", KEY_OP, "OP[,OP]", 0, "Only these operations, for example matmul or softmax", 0},
    {"dtype", KEY_DTYPE, "TYPE[,TYPE]", 0, "Only these types of stored numbers", 0},
    {"test", KEY_TEST, "GLOB", 0, "Only tests whose name matches, for example 'softmax/*'", 0},
    {"quick", KEY_QUICK, NULL, 0, "The tests that find most mistakes: some seconds", 0},
    {"full", KEY_FULL, NULL, 0, "All tests: some minutes", 0},
    {"json", 'j', "FILE", OPTION_ARG_OPTIONAL,
     "Write all findings as JSON to FILE; without FILE, or with -, to standard output", 0},
    {"list", KEY_LIST, NULL, 0, "List the tests that would run", 0},
    {"seed", KEY_SEED, "N", 0, "Other random numbers (default 1)", 0},
    {0},
};

static bool is_plugin(const char *word) {
    size_t length = strlen(word);
    return (length > 3 && strcmp(word + length - 3, ".so") == 0) || candidate_is_inside(word);
}

static void check_dtypes(const struct argp_state *state, const char *given) {
    char names[256], one[64];
    stored_names(names, sizeof names);
    for (const char *at = given; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        snprintf(one, sizeof one, "%.*s", (int)strcspn(at, ","), at);
        parse_check(state, "dtype", one, names);
    }
}

static void check_ops(const struct argp_state *state, const char *given) {
    char names[512], one[64];
    examine_slot_names(names, sizeof names);
    for (const char *at = given; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        snprintf(one, sizeof one, "%.*s", (int)strcspn(at, ","), at);
        parse_check(state, "op", one, names);
    }
}

static error_t parse_conform(int key, char *arg, struct argp_state *state) {
    conform_options *o = state->input;
    switch (key) {
    case KEY_OP:
        check_ops(state, arg);
        o->examine.ops = arg;
        return 0;
    case KEY_DTYPE:
        check_dtypes(state, arg);
        o->examine.dtypes = arg;
        return 0;
    case 'j':
        o->json = parse_json_file(state, arg, is_plugin);
        return 0;
    case KEY_LIST:
        o->list = true;
        return 0;
    case KEY_TEST:
        o->examine.tests = arg;
        return 0;
    case KEY_QUICK:
        o->examine.level = CONFORM_QUICK;
        return 0;
    case KEY_FULL:
        o->examine.level = CONFORM_FULL;
        return 0;
    case KEY_SEED:
        o->examine.seed = cli_seed(state, "seed", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->given) {
            argp_error(state, "unexpected argument '%s'", arg);
        }
        o->given = arg;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "name a plugin file, or a backend that comes with decoct");
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    rows,
    parse_conform,
    "PLUGIN.so|NAME",
    "Examines a backend: each kernel of it, for each type, against the definition in backend.h."
    "\v"
    "Each test runs in a child process, so that a kernel that crashes or hangs is a finding.\n\n"
    "Examples:\n\n"
    "  decoct conform plugins/mine.so\n"
    "  decoct conform avx2 --op softmax --full\n\n" CLI_EXIT_DOC_AND(
        "12 a finding, 14 no such test, 77 not in this build or a backend for another CPU, "),
    NULL,
    NULL,
    NULL};

// ---- Which file ----

typedef struct place {
    const char *name;
    char path[PATH_MAX];
    bool found;
} place;

// In a child: a context loads every plugin.
static void look_for(void *data) {
    place *p = data;
    decoct_options options = {.struct_size = sizeof options, .threads = 1};
    decoct_context *ctx = NULL;
    if (decoct_context_open(&options, &ctx)) {
        return;
    }
    for (int32_t i = 0; i < decoct_backend_count(ctx); i++) {
        decoct_backend_info info = {.struct_size = sizeof info};
        if (!decoct_backend_describe(ctx, i, &info) && strcmp(info.name, p->name) == 0 &&
            !p->found) {
            snprintf(p->path, sizeof p->path, "%s", info.origin);
            p->found = true;
        }
    }
}

static int find_plugin(conform_options *o, place *p) {
    char why[128];
    p->name = o->given;
    if (strchr(o->given, '/') || access(o->given, F_OK) == 0) {
        o->examine.path = o->given;
        return access(o->given, R_OK) ? cli_fail(CLI_USAGE, "%s: %s", o->given, strerror(errno))
                                      : CLI_OK;
    }
    if (candidate_is_inside(o->given)) {
        o->examine.name = o->given;
        return CLI_OK;
    }
    if (!cli_try(look_for, p, why, sizeof why)) {
        return cli_fail(CLI_INTERNAL, "looking for the backend %s %s", o->given, why);
    }
    o->examine.path = p->path;
    return p->found ? CLI_OK
                    : cli_fail(CLI_USAGE,
                               "%s is neither a file nor a backend; `decoct info` "
                               "lists the backends",
                               o->given);
}

// ---- The command ----

static void show_progress(void *data, const char *name, int done, int total) {
    progress *p = data;
    p->total = total;
    p->done = done;
    if (name) {
        progress_say(p, name);
    } else {
        progress_end(p);
    }
}

static bool put_conform_json(FILE *to, const void *data) {
    json_t *all = conform_json(data);
    bool fine = all && json_dumpf(all, to, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0;
    json_decref(all);
    return fine && fputc('\n', to) == '\n';
}

static int put_outcome(const conform_options *o, const examine_report *report) {
    const conform_outcome outcome = {.given = o->given, .options = &o->examine, .report = report};
    bool only_json = o->json && cli_output_is_stdout(o->json);
    if (!only_json) {
        conform_put_terminal(&outcome, stdout);
    }
    int code = o->json ? cli_output_write(o->json, put_conform_json, &outcome) : CLI_OK;
    if (code != CLI_OK) {
        return code;
    }
    if (report->failed) {
        return CLI_WRONG;
    }
    if (conform_is_unusable(report)) {
        return CLI_SKIPPED;
    }
    return report->count > 1 || !(o->examine.ops || o->examine.dtypes || o->examine.tests)
               ? CLI_OK
               : cli_fail(CLI_NOTHING, "it has no such test");
}

static int fail_examination(void) {
    return cli_fail(CLI_INTERNAL, "out of memory, or no process could be started");
}

static void put_test_name(const char *name) {
    puts(name);
}

static int run_conform(const conform_options *o) {
    examine_report report;
    progress shown = progress_begin_late(0);
    int code = CLI_OK;
    if (o->list) {
        code = !examine_list(&o->examine, put_test_name, &report) ? fail_examination()
               : report.results[0].verdict == EXAMINE_FAILED      ? put_outcome(o, &report)
                                                                  : CLI_OK;
    } else {
        code = examine(&o->examine, show_progress, &shown, &report) ? put_outcome(o, &report)
                                                                    : fail_examination();
    }
    examine_free(&report);
    return code;
}

int cli_conform(int argc, char **argv) {
    conform_options o = {.examine = {.level = CONFORM_ORDINARY, .seed = 1}};
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    place *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return cli_fail(CLI_INTERNAL, "out of memory");
    }
    code = find_plugin(&o, p);
    code = code == CLI_OK ? run_conform(&o) : code;
    munmap(p, sizeof *p);
    int written = cli_finish();
    return code == CLI_OK ? written : code;
}
