// SPDX-License-Identifier: BSD-2-Clause
// `decoct gate`: a comparison for continuous integration, with a check of itself and exit codes.
#include "ab/gate.h"
#include "ab/setting.h"

#include "bench.h"
#include "cases/parse.h"
#include "machine/clock.h"
#include "measure/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char doc[] =
    "Checks, for continuous integration, whether the candidate is slower than the baseline, and "
    "answers by exit code.\v"
    "Compares two builds as decoct ab does (see decoct ab --help), and checks itself in each run: "
    "two equal builds must be \"no change\", one of them slowed by 5 % (--inject) must be a "
    "regression, and the control kernel, which is not in the library, must not change. All cases "
    "take their launches in turns.\n\n"
    "Writes verdict.json, junit.xml and summary.md into the folder of --out, where those of an "
    "earlier run are removed first.\n\n"
    "A file of --accepted has lines of an expiry date (that day included, UTC), an expression for "
    "the cases, and a reason. With \"quarantine\" after the date, the verdicts of these cases are "
    "shown and do not count at all:\n\n"
    "  2027-01-31  ^softmax/  the exponential became exact\n"
    "  2027-01-31  quarantine  ^decode/  too noisy on the shared runner\n\n"
    "Example:\n\n"
    "  decoct gate --baseline old/ --candidate new/ --suite ci --out gate/\n\n"
    "Exit code: 0 no regression, 10 regression, 11 a case has no verdict (with --strict), 12 "
    "different bits, 13 the self-check failed, or more than a quarter of the cases have no "
    "verdict, 14 nothing matched, 64 invalid request, 70 system error, or a case could not be "
    "measured, 77 not in this build, or no common C ABI, 130 interrupted.";

enum {
    KEY_BASELINE = 0x2600,
    KEY_CANDIDATE,
    KEY_BASELINE_NAME,
    KEY_CANDIDATE_NAME,
    KEY_TWIN,
    KEY_STRICT,
    KEY_ACCEPT,
    KEY_QUARANTINE,
    KEY_ACCEPTED
};
// The slowdown of the self-check: 5 %, or more than a wide margin.
static const double SELF_CHECK = 0.05, ABOVE_MARGIN = 2.5;

static const struct argp_option rows[] = {
    {"baseline", KEY_BASELINE, "BUILD", 0,
     "The build to compare with: an installed tree, a build directory or libdecoct.so", 5},
    {"candidate", KEY_CANDIDATE, "BUILD", 0, "The build to be judged", 5},
    {"baseline-name", KEY_BASELINE_NAME, "TEXT", 0,
     "What the reports call the baseline, for example its commit", 5},
    {"candidate-name", KEY_CANDIDATE_NAME, "TEXT", 0, "The same of the candidate", 5},
    {"twin", KEY_TWIN, "BUILD", 0,
     "Another build of the baseline's sources, for the self-check (default: a copy of the "
     "baseline)",
     30},
    {"strict", KEY_STRICT, NULL, 0, "End with 11 if a case has no verdict", 30},
    {"accept", KEY_ACCEPT, "REGEX", 0,
     "Accept changes of the cases whose name this regular expression matches", 30},
    {"quarantine", KEY_QUARANTINE, "REGEX", 0,
     "Show the verdicts of these cases without counting them", 30},
    {"accepted", KEY_ACCEPTED, "FILE", 0,
     "Accepted and quarantined cases from a file, with expiry dates and reasons", 30},
    {"out", 'o', "DIR", 0, "Where the reports go (default decoct-gate)", 40},
    {0},
};

typedef struct settings {
    gate gate;
    const char *baseline, *candidate, *out;
} settings;

// ---- Options ----

static void read_accepted(struct argp_state *state, gate *g, int key, const char *arg) {
    char today[16];
    time_t now = time(NULL);
    struct tm parts;
    strftime(today, sizeof today, "%Y-%m-%d", gmtime_r(&now, &parts));
    accept_kind kind = key == KEY_QUARANTINE ? ACCEPT_QUARANTINE : ACCEPT_CHANGE;
    const char *wrong = key == KEY_ACCEPTED ? accept_read(&g->accepted, arg, today)
                                            : accept_add(&g->accepted, kind, arg);
    if (wrong) {
        argp_error(state, "--%s: %s",
                   key == KEY_ACCEPTED ? "accepted"
                   : key == KEY_ACCEPT ? "accept"
                                       : "quarantine",
                   wrong);
    }
}

// --inject is the size of the self-check: the comparison itself is not slowed.
static void take_inject(struct argp_state *state, gate *g) {
    double *asked = &g->session.launch.inject, margin = g->session.rules.rule.margin;
    if (*asked > 0.0 && *asked <= margin) {
        argp_error(state,
                   "--inject must be larger than the margin of %g %%: a smaller slowdown "
                   "counts as no change",
                   100.0 * margin);
    }
    g->check.inject = *asked > 0.0                         ? *asked
                      : ABOVE_MARGIN * margin > SELF_CHECK ? ABOVE_MARGIN * margin
                                                           : SELF_CHECK;
    *asked = 0.0;
}

static void check_request(struct argp_state *state, settings *s) {
    if (!s->baseline || !s->candidate) {
        argp_error(state, "name both builds: --baseline BUILD --candidate BUILD");
    }
    const char *fault = setting_fault(&s->gate.session.choices, 2);
    if (fault) {
        argp_error(state, "%s", fault);
    }
    take_inject(state, &s->gate);
}

static error_t parse_end(int key, char *arg, struct argp_state *state) {
    if (key == ARGP_KEY_ARG) {
        argp_error(state, "unexpected argument '%s'", arg);
    } else if (key == ARGP_KEY_END) {
        check_request(state, state->input);
    } else {
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static error_t parse_gate(int key, char *arg, struct argp_state *state) {
    settings *s = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &s->gate.session;
        return 0;
    case KEY_BASELINE:
        s->baseline = arg;
        return 0;
    case KEY_CANDIDATE:
        s->candidate = arg;
        return 0;
    case KEY_BASELINE_NAME:
        s->gate.names[0] = arg;
        return 0;
    case KEY_CANDIDATE_NAME:
        s->gate.names[1] = arg;
        return 0;
    case KEY_TWIN:
        s->gate.check.other = arg;
        return 0;
    case KEY_STRICT:
        s->gate.strict = true;
        return 0;
    case KEY_ACCEPT:
    case KEY_QUARANTINE:
    case KEY_ACCEPTED:
        read_accepted(state, &s->gate, key, arg);
        return 0;
    case 'o':
        parse_check_folder(state, "out", arg);
        s->out = arg;
        return 0;
    default:
        return parse_end(key, arg, state);
    }
}

// ---- The run ----

// The self-check and the comparison in turns.
static void run(gate *g) {
    ab_session *const sessions[] = {&g->check.equal, &g->check.slowed, &g->session};
    if (!gate_check_open(g)) {
        fprintf(stderr, "%s: the self-check could not run: %s\n", g->session.command,
                g->check.error);
        return;
    }
    ab_sessions_run(sessions, 3, g->session.budget, gate_ended, g);
    g->check.control = gate_control_judge(&g->session);
}

static bool check_twin(const gate *g) {
    char error[CHANNEL_ERROR];
    arm other = {.channel = NULL};
    if (!g->check.other) {
        return true;
    }
    if (!arm_find(g->check.other, &other, error)) {
        fprintf(stderr, "%s: --twin: %s\n", g->session.command, error);
        return false;
    }
    if (strcmp(other.library, g->session.arms[0].library) == 0) {
        fprintf(stderr, "%s: --twin is the baseline itself: leave it out, and a copy is made\n",
                g->session.command);
        return false;
    }
    return true;
}

static bool has_case_to_judge(const gate *g) {
    for (int i = 0; i < g->session.count; i++) {
        if (!accept_find(&g->accepted, ACCEPT_QUARANTINE, g->session.trials[i].name)) {
            return true;
        }
    }
    fprintf(stderr, "%s: all %d cases are in quarantine: there is nothing to judge\n",
            g->session.command, g->session.count);
    return false;
}

static int open_gate(settings *s) {
    gate *g = &s->gate;
    if (!gate_clear(g, s->out)) {
        return EXIT_INTERNAL;
    }
    int code = ab_session_open(&g->session, s->baseline, s->candidate);
    if (code || !check_twin(g)) {
        return code ? code : EXIT_USAGE;
    }
    return !has_case_to_judge(g) ? EXIT_NOTHING : gate_prepare(g, s->out) ? 0 : EXIT_INTERNAL;
}

int decoct_gate(int argc, char **argv) {
    static const struct argp_child children[] = {{&ab_session_parser, 0, NULL, 0}, {0}};
    static const struct argp argp = {rows, parse_gate, NULL, doc, children, NULL, NULL};
    settings s = {.gate = {.session = ab_session_new("decoct gate")}, .out = "decoct-gate"};
    s.gate.session.checks_itself = true;
    int code = parse_arguments(&argp, argc, argv, &s);
    if (code) {
        return code;
    }
    gate *g = &s.gate;
    double begin = clock_now();
    stop_catch(); // before the first worker
    code = open_gate(&s);
    if (!code) {
        run(g);
        gate_decide(g, stop_asked != 0);
        g->seconds = clock_now() - begin;
        code = gate_report(g, s.out, argv) ? g->code : EXIT_INTERNAL;
    }
    gate_check_close(&g->check);
    accept_free(&g->accepted);
    ab_session_close(&g->session);
    return code;
}
