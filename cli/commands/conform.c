// SPDX-License-Identifier: BSD-2-Clause
// `decoct conform`: examines a backend, kernel by kernel. The examination is bench/conform; here
// are the options, and what is printed.
#include "cli.h"
#include "text.h"
#include "trial.h"

#include "bench/conform/examine.h"

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
    bool list;
} conform_options;

enum { KEY_OP = 0x100, KEY_DTYPE, KEY_TEST, KEY_QUICK, KEY_FULL, KEY_SEED, KEY_LIST };

static const struct argp_option rows[] = {
    {"op", KEY_OP, "OP[,OP]", 0, "Only these operations, for example matmul or softmax", 0},
    {"dtype", KEY_DTYPE, "TYPE[,TYPE]", 0, "Only these types of stored numbers", 0},
    {"test", KEY_TEST, "GLOB", 0, "Only tests whose name matches, for example 'softmax/*'", 0},
    {"quick", KEY_QUICK, NULL, 0, "The tests that find most mistakes: some seconds", 0},
    {"full", KEY_FULL, NULL, 0, "All tests: some minutes", 0},
    {"seed", KEY_SEED, "N", 0, "Other random numbers (default 1)", 0},
    {0},
};

static error_t parse_conform(int key, char *arg, struct argp_state *state) {
    conform_options *o = state->input;
    switch (key) {
    case KEY_OP:
        o->examine.ops = arg;
        return 0;
    case KEY_DTYPE:
        o->examine.dtypes = arg;
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
    "  decoct conform avx2 --op softmax --full\n\n" CLI_EXIT_DOC_AND("12 a finding, "),
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

// ---- What is printed ----

static void show_progress(void *data, const char *name, int done, int total) {
    (void)data;
    (void)name;
    (void)done;
    (void)total;
}

static void put_result(const examine_result *r) {
    static const char *const verdicts[] = {"ok", "FAILED", "not tried"};
    printf("%-40s %s\n", r->name, verdicts[r->verdict]);
    for (int i = 0; i < r->kept; i++) {
        const conform_finding *f = &r->findings[i];
        printf("    %s: %s: %s\n", f->kind == KIND_FAILURE ? f->reason : "note", f->during,
               f->text);
    }
}

static int put_report(const examine_report *report) {
    int failed = 0;
    for (int i = 0; i < report->count; i++) {
        put_result(&report->results[i]);
        failed += report->results[i].verdict == EXAMINE_FAILED;
    }
    printf("%d tests, %d failed, %.1f s\n", report->count, failed, report->seconds);
    return failed ? CLI_WRONG : CLI_OK;
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
    if (code == CLI_OK) {
        examine_report report;
        code = examine(&o.examine, show_progress, NULL, &report)
                   ? put_report(&report)
                   : cli_fail(CLI_INTERNAL, "no memory, or no process could be started");
        examine_free(&report);
    }
    munmap(p, sizeof *p);
    int written = cli_finish();
    return code == CLI_OK ? written : code;
}
