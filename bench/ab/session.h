// SPDX-License-Identifier: BSD-2-Clause
// An A/B comparison: its two builds, its rule, and a trial for each case.
#ifndef BENCH_AB_SESSION_H
#define BENCH_AB_SESSION_H

#include "trial.h"

#include "cases/choices.h"
#include "measure/plan.h"

#include <argp.h>

typedef struct ab_session {
    const char *command; // its name in messages: "decoct ab"
    bool checks_itself;  // a gate, for the help text: some options set the self-check, too
    arm arms[2];
    char worker[CHANNEL_PATH];
    launch_setting launch;
    trial_rules rules;
    bool quick, own_launches, own_alpha; // options that were given, in whatever order
    bool allow_different_bits;
    choices choices;
    const char *filter; // of the cases' names; NULL: all
    double budget;      // seconds; 0: as long as it takes
    plan plan;
    trial *trials;
    int count;
    int launched;             // launches of all trials
    bool complete;            // nothing was left open when the run ended
    void (*keep)(void *data); // called after each launch; NULL: nothing is to be done
    void *keep_data;
} ab_session;

// A session with the standard rule.
ab_session ab_session_new(const char *command);
// An argp child with the options of both `ab` and `gate`: shapes, the rule, the budget; its input
// is an ab_session.
extern const struct argp ab_session_parser;

// Finds the builds `a` and `b` and makes the trials. 0, or an exit code after a message.
int ab_session_open(ab_session *s, const char *a, const char *b);
void ab_session_close(ab_session *s);
// Adds a launch of trial `at`, whose order it sets.
void ab_session_add(ab_session *s, int at, launch *l);
// Launches the cases in turns until all are decided, the budget is spent, or a signal asks to end.
void ab_session_run(ab_session *s);
// The same for the cases of several sessions in turns, within a budget of seconds (0: no limit). It
// also ends when `ended` (NULL: never), which is asked in each round, returns a reason.
void ab_sessions_run(ab_session *const *sessions, int count, double budget,
                     const char *(*ended)(const void *data), const void *data);

#endif
