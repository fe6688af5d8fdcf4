// SPDX-License-Identifier: BSD-2-Clause
// `decoct gate`: a comparison for continuous integration, with a check of itself and exit codes.
#include "ab/gate.h"
#include "ab/ab_report.h"

#include "bench.h"
#include "cases/parse.h"
#include "machine/clock.h"
#include "measure/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char doc[] =
    "Has the candidate become slower than the baseline? For continuous integration.\v"
    "Compares two builds as decoct ab does (see decoct ab --help), after a check of itself: the "
    "baseline against its own copy must be \"no change\", and a copy slowed by 5 % must be a "
    "regression. "
    "Writes verdict.json, junit.xml and summary.md into the folder of --out.\n\n"
    "A file of --accepted has lines \"2027-01-31 ^softmax/ reason\": up to that day changes of "
    "these "
    "cases are shown and do not fail.\n\n"
    "Example:\n\n"
    "  decoct gate --baseline old/ --candidate new/ --suite ci --out gate/\n\n"
    "Exit code: 0 no regression, 10 regression, 11 a case has no verdict (with --strict), 12 "
    "different bits, 13 the self-check failed, or more than a quarter of the cases have no "
    "verdict, 14 nothing matched, 64 invalid request, 70 system error, 77 not in this build, 130 "
    "interrupted.";

enum { KEY_BASELINE = 0x2600, KEY_CANDIDATE, KEY_STRICT, KEY_ACCEPT, KEY_ACCEPTED, KEY_OUT };
static const double SELF_CHECK = 0.05; // slowdown that must be found

static const struct argp_option rows[] = {
    {"baseline", KEY_BASELINE, "BUILD", 0,
     "The build to compare with: an installed tree, a build directory or libdecoct.so", 5},
    {"candidate", KEY_CANDIDATE, "BUILD", 0, "The build to be judged", 5},
    {"strict", KEY_STRICT, NULL, 0, "Exit code 11 if a case has no verdict", 30},
    {"accept", KEY_ACCEPT, "RE", 0,
     "Accept changes of the cases whose name this regular expression matches", 30},
    {"accepted", KEY_ACCEPTED, "FILE", 0, "The same from a file, with expiry dates and reasons",
     30},
    {"out", KEY_OUT, "DIR", 0, "Where the reports go (default decoct-gate)", 40},
    {0},
};

typedef struct settings {
    gate gate;
    const char *baseline, *candidate, *out;
} settings;

static void read_accepted(struct argp_state *state, gate *g, int key, const char *arg) {
    char today[16];
    time_t now = time(NULL);
    struct tm parts;
    strftime(today, sizeof today, "%Y-%m-%d", gmtime_r(&now, &parts));
    const char *wrong =
        key == KEY_ACCEPT ? accept_add(&g->accepted, arg) : accept_read(&g->accepted, arg, today);
    if (wrong) {
        argp_error(state, "--%s: %s", key == KEY_ACCEPT ? "accept" : "accepted", wrong);
    }
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
    case KEY_STRICT:
        s->gate.strict = true;
        return 0;
    case KEY_ACCEPT:
    case KEY_ACCEPTED:
        read_accepted(state, &s->gate, key, arg);
        return 0;
    case KEY_OUT:
        s->out = arg;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument '%s'", arg);
        return 0;
    case ARGP_KEY_END:
        if (!s->baseline || !s->candidate) {
            argp_error(state, "name both builds: --baseline BUILD --candidate BUILD");
        }
        if (s->gate.session.choices.backend.count > 1) {
            argp_error(state, "two builds are compared with one backend at a time");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int decoct_gate(int argc, char **argv) {
    static const struct argp_child children[] = {{&ab_session_parser, 0, NULL, 0}, {0}};
    static const struct argp argp = {rows, parse_gate, NULL, doc, children, NULL, NULL};
    settings s = {
        .gate = {.session = ab_session_new("decoct gate"), .check = {.inject = SELF_CHECK}},
        .out = "decoct-gate"};
    int code = parse_arguments(&argp, argc, argv, &s);
    if (code) {
        return code;
    }
    gate *g = &s.gate;
    double begin = clock_now();
    code = ab_session_open(&g->session, s.baseline, s.candidate);
    code = code || gate_prepare(g, s.out) ? code : EXIT_INTERNAL;
    if (!code) {
        stop_catch();
        ab_print_arms(&g->session);
        gate_check_run(g);
        if (g->check.fit && !stop_asked) {
            ab_session_run(&g->session);
        }
        gate_decide(g, stop_asked != 0);
        g->seconds = clock_now() - begin;
        code = gate_report(g, s.out, argv) ? g->code : EXIT_INTERNAL;
    }
    accept_free(&g->accepted);
    gate_check_free(&g->check);
    ab_session_close(&g->session);
    return code;
}
