// SPDX-License-Identifier: BSD-2-Clause
#include "session.h"
#include "setting.h"

#include "cases/suites.h"
#include "machine/clock.h"
#include "measure/progress.h"
#include "measure/stop.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- The cases ----

// Names end with the settings of both arms, in place of the plan's threads, pin and backend.
static void name_setting(char *name, const char *setting) {
    char *at = strstr(name, "/threads:");
    size_t used = at ? (size_t)(at - name) : strlen(name);
    snprintf(name + used, SAMPLE_NAME - used, "%s", setting);
}

static int make_trials(ab_session *a) {
    regex_t re;
    plan *p = &a->plan;
    const char *filter = a->filter;
    char setting[SETTING_NAME];
    setting_name(a->arms, setting);
    if (filter && regcomp(&re, filter, REG_EXTENDED | REG_NOSUB)) {
        fprintf(stderr, "%s: --filter: \"%s\" is not a regular expression\n", a->command, filter);
        return EXIT_USAGE;
    }
    a->trials = calloc((size_t)p->count + 1, sizeof *a->trials);
    for (int i = 0; a->trials && i < p->count; i++) {
        name_setting(p->cases[i].name, setting);
        if (!filter || regexec(&re, p->cases[i].name, 0, NULL, 0) == 0) {
            a->trials[a->count++] = (trial){.name = p->cases[i].name, .what = &p->cases[i].what};
        }
    }
    if (filter) {
        regfree(&re);
    }
    if (!a->trials) {
        fprintf(stderr, "%s: out of memory\n", a->command);
        return EXIT_INTERNAL;
    }
    if (a->count == 0) {
        fprintf(stderr, "%s: no case matches\n", a->command);
        return EXIT_NOTHING;
    }
    return 0;
}

static int find_arms(ab_session *a, const char *const builds[2]) {
    char error[CHANNEL_ERROR];
    for (int i = 0; i < 2; i++) {
        if (!arm_find(builds[i], &a->arms[i], error)) {
            fprintf(stderr, "%s: %s\n", a->command, error);
            return EXIT_USAGE;
        }
        digest_build(a->arms[i].library, a->arms[i].digest);
    }
    if (!arm_worker(a->worker, error)) {
        fprintf(stderr, "%s: %s\n", a->command, error);
        return EXIT_SKIPPED;
    }
    return 0;
}

static int make_plan(ab_session *a) {
    int code = setting_take(&a->choices, a->command, a->arms);
    code = code ? code
                : choices_complete(&a->choices, a->command,
                                   a->choices.suite ? SUITE_OPS : DEFAULT_OPS, "1");
    return code ? code : plan_make(&a->plan, &a->choices, a->command);
}

int ab_session_open(ab_session *a, const char *first, const char *second) {
    const char *const builds[2] = {first, second};
    int code = find_arms(a, builds);
    code = code ? code : make_plan(a);
    code = code ? code : make_trials(a);
    if (code) {
        return code;
    }
    a->rules = trial_rules_make(&a->rules.rule, a->count);
    char fault[256];
    if (!trial_rules_check(&a->rules, fault, sizeof fault)) {
        fprintf(stderr, "%s: %s\n", a->command, fault);
        return EXIT_USAGE;
    }
    return 0;
}

void ab_session_close(ab_session *a) {
    for (int i = 0; i < a->count; i++) {
        trial_free(&a->trials[i]);
    }
    free(a->trials);
    plan_free(&a->plan);
    choices_free(&a->choices);
}

void ab_session_add(ab_session *a, int at, launch *l) {
    l->order = a->launched++;
    trial_add_to(a->trials, a->count, at, &a->rules, l);
}

// ---- The run ----

// Sessions whose cases are launched in turns.
typedef struct turns {
    ab_session *const *sessions;
    int count;
    progress progress;
    uint64_t seed;
    double until; // 0: no limit
} turns;

// The most launches that may follow: an estimate for the line of progress only.
static int launches_left(const turns *r) {
    int left = 0;
    for (int j = 0; j < r->count; j++) {
        const verdict_rule *rule = &r->sessions[j]->rules.rule;
        for (int i = 0; i < r->sessions[j]->count; i++) {
            const trial *t = &r->sessions[j]->trials[i];
            int n = t->count, looked = n - rule->first;
            left += !trial_is_open(t) ? 0 : looked < 0 ? -looked : rule->step - looked % rule->step;
        }
    }
    return left;
}

static int count_open(const turns *r) {
    int open = 0;
    for (int j = 0; j < r->count; j++) {
        for (int i = 0; i < r->sessions[j]->count; i++) {
            open += trial_is_open(&r->sessions[j]->trials[i]);
        }
    }
    return open;
}

static void show(turns *r, const trial *t) {
    progress *p = &r->progress;
    char words[256];
    p->total = p->done + launches_left(r);
    snprintf(words, sizeof words, "%s, launch %d; %d cases open", t->name, t->count + 1,
             count_open(r));
    progress_say(p, words);
}

// One launch of each open case in turn, so that a slow spell of the machine does not affect one
// case alone. False: the time is over.
static bool go_round(turns *r, ab_session *a) {
    for (int i = 0; i < a->count; i++) {
        trial *t = &a->trials[i];
        launch l;
        if (!trial_is_open(t)) {
            continue;
        }
        if (stop_asked || (r->until > 0.0 && clock_now() > r->until)) {
            return false;
        }
        show(r, t);
        if (launch_run(&a->launch, &a->arms[0], &a->arms[1], t->what, &r->seed, &l, t->error)) {
            ab_session_add(a, i, &l);
            r->progress.done++;
        }
        if (a->keep) {
            a->keep(a->keep_data);
        }
    }
    return true;
}

static bool go_rounds(turns *r, const char *(*ended)(const void *), const void *data) {
    for (int j = 0; j < r->count; j++) {
        if ((ended && ended(data)) || !go_round(r, r->sessions[j])) {
            return false;
        }
    }
    return count_open(r) > 0;
}

void ab_sessions_run(ab_session *const *sessions, int count, double budget,
                     const char *(*ended)(const void *), const void *data) {
    turns r = {.sessions = sessions,
               .count = count,
               .progress = progress_begin(0, 0, budget),
               .seed = (uint64_t)getpid() * UINT64_C(0x9e3779b97f4a7c15) ^
                       (uint64_t)(clock_now() * 1e9),
               .until = budget > 0.0 ? clock_now() + budget : 0.0};
    for (int j = 0; j < count; j++) {
        sessions[j]->launch.worker = sessions[j]->worker;
    }
    while (go_rounds(&r, ended, data)) {
    }
    progress_end(&r.progress);
    const char *why = stop_asked ? "interrupted" : ended ? ended(data) : NULL;
    for (int j = 0; j < count; j++) {
        sessions[j]->complete = count_open(&(turns){.sessions = &sessions[j], .count = 1}) == 0;
        for (int i = 0; i < sessions[j]->count; i++) {
            trial_end(&sessions[j]->trials[i], &sessions[j]->rules,
                      why ? why : "the budget was spent");
        }
    }
}

void ab_session_run(ab_session *a) {
    ab_sessions_run(&a, 1, a->budget, NULL, NULL);
}
