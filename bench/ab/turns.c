// SPDX-License-Identifier: BSD-2-Clause
// The run of a comparison: its cases are launched in turns.
#include "session.h"

#include "machine/clock.h"
#include "measure/progress.h"
#include "measure/stop.h"

#include <stdio.h>
#include <unistd.h>

// Sessions whose cases are launched in turns.
typedef struct turns {
    ab_session *const *sessions;
    int count;
    progress progress;
    int pairs; // of this run
    uint64_t seed;
    double until; // 0: no limit
} turns;

// Launches until the next look.
static int launches_left(const trial *t, const verdict_rule *rule) {
    int looked = t->count - rule->first;
    return !trial_is_open(t) ? 0 : looked < 0 ? -looked : rule->step - looked % rule->step;
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

// Launches until each open case has had its next look, and how long they take if they take as long
// as those so far; below 0: unknown. More looks may follow.
static int estimate_left(const turns *r, double *seconds) {
    int left = 0, launched = 0;
    double spent = 0.0, known = 0.0, unknown = 0.0;
    for (int j = 0; j < r->count; j++) {
        for (int i = 0; i < r->sessions[j]->count; i++) {
            const trial *t = &r->sessions[j]->trials[i];
            int here = launches_left(t, &r->sessions[j]->rules.rule);
            left += here;
            launched += t->count;
            spent += t->seconds;
            known += t->count ? here * t->seconds / t->count : 0.0;
            unknown += t->count ? 0.0 : here;
        }
    }
    *seconds = launched ? known + unknown * spent / launched : -1.0;
    return left;
}

static void show(turns *r, const ab_session *a, const trial *t) {
    progress *p = &r->progress;
    const verdict_rule *rule = &a->rules.rule;
    char words[256];
    double seconds;
    int open = count_open(r), next = t->count + launches_left(t, rule);
    p->total = p->done + estimate_left(r, &seconds);
    snprintf(words, sizeof words, "look %d, launch %d of %d, %d pairs, %d open: %s",
             (next - rule->first) / rule->step + 1, t->count + 1, next, r->pairs, open, t->name);
    progress_say_until(p, seconds, "to the next looks", words);
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
        show(r, a, t);
        if (launch_run(&a->launch, &a->arms[0], &a->arms[1], t->what, &r->seed, &l, t->error)) {
            ab_session_add(a, i, &l);
            r->progress.done++;
            r->pairs += a->launch.pairs;
        } else if (stop_asked) { // not a fault of the case
            t->error[0] = '\0';
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

// By an earlier run.
static int count_launched(ab_session *const *sessions, int count) {
    int launched = 0;
    for (int j = 0; j < count; j++) {
        launched += sessions[j]->launched;
    }
    return launched;
}

void ab_sessions_run(ab_session *const *sessions, int count, double budget,
                     const char *(*ended)(const void *), const void *data) {
    turns r = {.sessions = sessions,
               .count = count,
               .progress = progress_begin(count_launched(sessions, count), 0, budget),
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
