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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct conform_options {
    examine_options examine;
    const char *given;
    const char *json; // a file, "-" is standard output
    const char *html; // a file
    bool list;
} conform_options;

enum { KEY_OP = 0x100, KEY_DTYPE, KEY_TEST, KEY_QUICK, KEY_FULL, KEY_SEED, KEY_LIST, KEY_HTML };

static const struct argp_option rows[] = {
    {"op", KEY_OP, "OP[,OP]", 0, "Only these operations, for example matmul or softmax", 0},
    {"dtype", KEY_DTYPE, "TYPE[,TYPE]", 0, "Only these types of stored numbers", 0},
    {"test", KEY_TEST, "GLOB", 0, "Only tests whose name matches, for example 'softmax/*'", 0},
    {"quick", KEY_QUICK, NULL, 0, "The tests that find most mistakes: some seconds", 0},
    {"full", KEY_FULL, NULL, 0, "All tests: some minutes", 0},
    {"json", 'j', "FILE", OPTION_ARG_OPTIONAL,
     "Write all findings as JSON to FILE; without FILE, or with -, to standard output", 0},
    {"html", KEY_HTML, "FILE", 0, "Write all findings as one page, which works offline", 0},
    {"list", KEY_LIST, NULL, 0, "List the tests that would run", 0},
    {"seed", KEY_SEED, "N", 0, "Other random numbers (default 1)", 0},
    {0},
};

static bool is_plugin(const char *word) {
    size_t length = strlen(word);
    return (length > 3 && strcmp(word + length - 3, ".so") == 0) || candidate_is_inside(word);
}

// A list, whose names must be among those that `put_names` writes.
static const char *read_names(const struct argp_state *state, const char *option, const char *given,
                              void (*put_names)(char *text, size_t size)) {
    char names[512];
    put_names(names, sizeof names);
    parse_check_list(state, option, given, names);
    return given;
}

static void take_backend(const struct argp_state *state, conform_options *o, const char *given) {
    if (o->given) {
        argp_error(state, "unexpected argument '%s'", given);
    }
    o->given = given;
}

static error_t parse_conform(int key, char *arg, struct argp_state *state) {
    conform_options *o = state->input;
    switch (key) {
    case KEY_OP:
        o->examine.ops = read_names(state, "op", arg, examine_slot_names);
        return 0;
    case KEY_DTYPE:
        o->examine.dtypes = read_names(state, "dtype", arg, stored_names);
        return 0;
    case 'j':
        o->json = parse_json_file(state, arg, is_plugin);
        return 0;
    case KEY_HTML:
        o->html = arg;
        return 0;
    case KEY_LIST:
        o->list = true;
        return 0;
    case KEY_TEST:
        o->examine.tests = arg;
        return 0;
    case KEY_QUICK:
    case KEY_FULL:
        o->examine.level = key == KEY_QUICK ? CONFORM_QUICK : CONFORM_FULL;
        return 0;
    case KEY_SEED:
        o->examine.seed = cli_seed(state, "seed", arg);
        return 0;
    case ARGP_KEY_ARG:
        take_backend(state, o, arg);
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
    "  decoct conform avx2 --op softmax --full\n"
    "  decoct conform plugins/mine.so --json mine.json --html mine.html\n\n"
    "Speed is shown beside that of the other backends of this machine, and never "
    "decides.\n\n" CLI_EXIT_DOC_AND("12 a finding, 14 no such test, 77 not in this build or a "
                                    "backend that cannot be tried here, "),
    NULL,
    NULL,
    NULL};

// ---- Which file ----

// The backends that a context finds, as a child has copied them.
typedef struct found_backends {
    int count;
    struct {
        char name[CANDIDATE_TEXT], path[EXAMINE_PATH];
        bool inside;
    } items[EXAMINE_OTHERS + 2];
} found_backends;

// In a child: a context loads every plugin.
static void look_for(void *data) {
    found_backends *found = data;
    decoct_options options = {.struct_size = sizeof options, .threads = 1};
    decoct_context *ctx = NULL;
    if (decoct_context_open(&options, &ctx)) {
        return;
    }
    const int most = (int)(sizeof found->items / sizeof *found->items);
    for (int32_t i = 0; i < decoct_backend_count(ctx) && found->count < most; i++) {
        decoct_backend_info info = {.struct_size = sizeof info};
        bool fine = !decoct_backend_describe(ctx, i, &info) && info.usable;
        for (int k = 0; k < found->count && fine; k++) {
            fine = strcmp(found->items[k].name, info.name) != 0;
        }
        if (fine) {
            snprintf(found->items[found->count].name, CANDIDATE_TEXT, "%s", info.name);
            snprintf(found->items[found->count].path, EXAMINE_PATH, "%s", info.origin);
            found->items[found->count].inside = info.origin[0] != '/';
            found->count++;
        }
    }
}

static int find_backends(found_backends **out) {
    char why[128];
    *out = mmap(NULL, sizeof **out, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (*out == MAP_FAILED) {
        *out = NULL;
        return cli_fail(CLI_INTERNAL, "out of memory");
    }
    if (!cli_try(look_for, *out, why, sizeof why)) {
        return cli_fail(CLI_INTERNAL, "looking for the other backends %s", why);
    }
    return CLI_OK;
}

static int find_plugin(conform_options *o, const found_backends *found) {
    if (strchr(o->given, '/') || access(o->given, F_OK) == 0) {
        o->examine.path = o->given;
        return access(o->given, R_OK) ? cli_fail(CLI_USAGE, "%s: %s", o->given, strerror(errno))
                                      : CLI_OK;
    }
    for (int i = 0; i < found->count; i++) {
        if (strcmp(found->items[i].name, o->given) == 0) {
            o->examine.name = o->given;
            o->examine.path = found->items[i].inside ? NULL : found->items[i].path;
            return CLI_OK;
        }
    }
    return cli_fail(CLI_USAGE,
                    "%s is neither a file nor a backend that this CPU can use; `decoct "
                    "info` lists the backends",
                    o->given);
}

static bool is_same_file(const char *a, const char *b) {
    struct stat one, other;
    return b && stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

// Those to compare the speed with: all others.
static void choose_others(conform_options *o, const found_backends *found) {
    for (int i = 0; i < found->count && o->examine.other_count < EXAMINE_OTHERS; i++) {
        const char *path = found->items[i].path;
        bool inside = found->items[i].inside;
        bool same = inside ? !o->examine.path && strcmp(found->items[i].name, o->given) == 0
                           : is_same_file(path, o->examine.path);
        if (!same) {
            examine_other *other = &o->examine.others[o->examine.other_count++];
            snprintf(other->name, sizeof other->name, "%s", found->items[i].name);
            other->path = inside ? NULL : path;
        }
    }
}

// ---- The command ----

static void show_progress(void *data, const char *name, int done, int total) {
    progress *p = data;
    if (name) {
        p->total = total;
        p->done = done;
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
    bool silent =
        (o->json && cli_output_is_stdout(o->json)) || (o->html && cli_output_is_stdout(o->html));
    if (!silent) {
        conform_put_terminal(&outcome, stdout);
    }
    int code = o->json ? cli_output_write(o->json, put_conform_json, &outcome) : CLI_OK;
    if (code == CLI_OK && o->html) {
        code = cli_output_write(o->html, conform_put_page, &outcome);
    }
    if (code != CLI_OK) {
        return code;
    }
    const conform_verdict verdict = conform_judge(report);
    bool said = !silent || verdict.code == CLI_OK || verdict.code == CLI_WRONG;
    return said ? verdict.code : cli_fail(verdict.code, "%s", verdict.text);
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
               : conform_judge(&report).code != CLI_OK            ? put_outcome(o, &report)
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
    found_backends *found = NULL;
    code = find_backends(&found);
    code = code == CLI_OK ? find_plugin(&o, found) : code;
    if (code == CLI_OK) {
        choose_others(&o, found);
        code = run_conform(&o);
    }
    if (found) {
        munmap(found, sizeof *found);
    }
    int written = cli_finish();
    return code == CLI_OK ? written : code;
}
