// SPDX-License-Identifier: BSD-2-Clause
// `decoct ab`: two builds of the library, launched in pairs, and one verdict a case.
#include "ab/ab_report.h"
#include "ab/abi.h"
#include "ab/setting.h"
#include "ab/store.h"

#include "bench.h"
#include "cases/catalogue.h"
#include "cases/parse.h"
#include "measure/stop.h"
#include "rows/wholefile.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char doc[] =
    "Compares two builds of the library, A and B, and gives one verdict for each case.\v"
    "A and B are installed trees, build directories or libdecoct.so files, each with its own "
    "plugins. With one build, two settings are compared: --backend avx2,avx512, --threads 1,2 or "
    "--pin compact,spread."
    "\n\n"
    "Each launch starts two fresh processes, bound to the same CPUs, that measure in turns. A pair "
    "compares the CPU time (of several threads: the wall time) of the quickest call of a sample of "
    "each; a launch is the median of its pairs; the verdict comes from the signed-rank interval "
    "over launches:\n\n"
    "  regression   the interval is above the margin, hardly by chance: B is slower\n"
    "  improvement  the same below the margin: B is faster\n"
    "  no change    it is within the margin\n"
    "  cannot tell  still undecided after the last look\n\n"
    "Hardly by chance: fewer than 1 % of all runs with equal builds report any change, "
    "however many cases they have. More cases need more launches for that.\n\n"
    "Examples:\n\n"
    "  decoct ab old/ new/ --suite ci --quick\n"
    "  decoct ab old/ new/ --suite ci --budget 5m -o ab.json\n"
    "  decoct ab old/ new/ --suite ci -o ab.json --resume\n\n"
    "Exit code: 0 whatever the verdicts, 12 different bits, 13 the CPU quota is below the number "
    "of threads, 14 nothing matched, 64 invalid request, 70 a case could not be measured or the "
    "file could not be written, 77 not in this build, or no common C ABI, 130 interrupted.";

enum { KEY_RESUME = 0x2500 };

static const struct argp_option rows[] = {
    {"out", 'o', "FILE", 0,
     "Write all launches and verdicts to this file, again and again while measuring; - is standard "
     "output",
     40},
    {"json", 'j', "FILE", OPTION_ARG_OPTIONAL | OPTION_NO_USAGE,
     "Print what --out writes on standard output, instead of the text (--json FILE is the old name "
     "of --out FILE)",
     40},
    {"resume", KEY_RESUME, NULL, 0, "Continue the file of --out after a budget or Ctrl-C", 40},
    {0},
};

typedef struct settings {
    ab_session session;
    const char *builds[2];
    int build_count;
    const char *out; // NULL: no file
    bool resume;
    ab_store store;
} settings;

static void check_builds(struct argp_state *state, const settings *s) {
    const char *fault = setting_fault(&s->session.choices, s->build_count);
    if (fault) {
        argp_error(state, "%s", fault);
    }
}

// A folder with a library, or the library itself; an old result file is not one.
static bool is_build(const char *word) {
    char error[CHANNEL_ERROR];
    struct stat info;
    arm found = {.channel = NULL};
    bool file = stat(word, &info) == 0 && S_ISREG(info.st_mode);
    return file ? strstr(word, ".so") != NULL : arm_find(word, &found, error);
}

static void take_out(const struct argp_state *state, settings *s, const char *name) {
    char ops[512];
    catalogue_timed(ops, sizeof ops);
    parse_out_file(state, name, ops, &s->out);
}

static error_t parse_ab(int key, char *arg, struct argp_state *state) {
    settings *s = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &s->session;
        return 0;
    case 'o':
        take_out(state, s, arg);
        return 0;
    case 'j':
        take_out(state, s, parse_json_file(state, arg, is_build));
        return 0;
    case KEY_RESUME:
        s->resume = true;
        return 0;
    case ARGP_KEY_ARG:
        if (s->build_count == 2) {
            argp_error(state, "unexpected argument '%s'", arg);
        }
        s->builds[s->build_count++] = arg;
        return 0;
    case ARGP_KEY_END:
        check_builds(state, s);
        if (s->resume && !s->out) {
            argp_error(state, "--resume needs the file to be continued: -o FILE");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int finish(settings *s) {
    const ab_session *a = &s->session;
    int code = 0;
    if (!s->out || !wholefile_is_stdout(s->out)) {
        ab_print(a);
    }
    if (s->out) {
        code = ab_store_end(&s->store) ? 0 : EXIT_INTERNAL;
    }
    for (int i = 0; i < a->count; i++) {
        const trial *t = &a->trials[i];
        code = t->error[0] && !code ? EXIT_INTERNAL : code;
        code = trial_bits_differ(t) && !a->allow_different_bits ? EXIT_WRONG : code;
    }
    code = abi_is_missing(a->trials, a->count) ? EXIT_SKIPPED : code;
    return stop_asked ? EXIT_INTERRUPTED : code;
}

int decoct_ab(int argc, char **argv) {
    static const struct argp_child children[] = {{&ab_session_parser, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        rows, parse_ab, "A B\nBUILD --backend X,Y\nBUILD --threads M,N\nBUILD --pin X,Y",
        doc,  children, NULL,
        NULL};
    settings s = {.session = ab_session_new("decoct ab")};
    int code = parse_arguments(&argp, argc, argv, &s);
    if (code) {
        return code;
    }
    stop_catch(); // before the first worker
    code = ab_session_open(&s.session, s.builds[0], s.builds[s.build_count - 1]);
    if (!code && s.out) {
        code = ab_store_open(&s.store, &s.session, s.out, s.resume, argv);
    }
    if (!code) {
        ab_print_arms(&s.session);
        ab_session_run(&s.session);
        code = finish(&s);
    }
    ab_store_close(&s.store);
    ab_session_close(&s.session);
    return code;
}
