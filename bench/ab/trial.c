// SPDX-License-Identifier: BSD-2-Clause
#include "trial.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

// A chance of one percent that a suite of equal pairs reports a change.
static const double FAMILY = 0.01;
static const double GUARD_MARGIN = 0.04;
enum { GUARD_LAST = 36, WAITING_LAUNCHES = 12, WAITING_PAIRS = 5 };

trial_rules trial_rules_make(const verdict_rule *rule, int cases) {
    trial_rules r = {.rule = *rule, .guard = *rule, .seconds = 30.0};
    verdict_rule_share(&r.rule, cases, FAMILY);
    r.guard.margin = 2.0 * rule->margin > GUARD_MARGIN ? 2.0 * rule->margin : GUARD_MARGIN;
    r.guard.alarm = r.rule.alarm;
    if (r.guard.last > GUARD_LAST && r.guard.first <= GUARD_LAST) {
        r.guard.last = GUARD_LAST - (GUARD_LAST - r.guard.first) % r.guard.step;
    }
    return r;
}

typedef double (*figure)(const launch *l);

static double of_quickest(const launch *l) {
    return l->quickest;
}

static double of_mean(const launch *l) {
    return l->mean;
}

static verdict look_at(const trial *t, const verdict_rule *rule, figure of, interval *found) {
    double values[SIGNED_RANK_MAX];
    for (int i = 0; i < t->count; i++) {
        values[i] = of(&t->launches[i]);
    }
    return verdict_look(rule, values, t->count, found);
}

// Waiting (sleep, locks) shows in wall time only, and there only in pairs that nothing disturbed.
static void look_at_waiting(trial *t, const trial_rules *rules) {
    double values[SIGNED_RANK_MAX];
    int count = 0;
    for (int i = 0; i < t->count; i++) {
        if (t->launches[i].undisturbed >= WAITING_PAIRS) {
            values[count++] = t->launches[i].wall;
        }
    }
    t->waiting_looked_at = count >= WAITING_LAUNCHES;
    t->waiting = t->waiting_looked_at ? verdict_look(&rules->guard, values, count, NULL)
                                      : VERDICT_CANNOT_TELL;
}

static void conclude(trial *t, const trial_rules *rules) {
    look_at_waiting(t, rules);
    t->verdict = t->quickest == VERDICT_OPEN ? VERDICT_CANNOT_TELL : t->quickest;
    bool guarded = t->guard == VERDICT_REGRESSION, waits = t->waiting == VERDICT_REGRESSION;
    if (t->verdict == VERDICT_NO_CHANGE && (guarded || waits)) {
        t->verdict = VERDICT_REGRESSION;
        t->why = guarded ? "the quickest calls are equal, the mean of all calls is slower"
                         : "the CPU time is equal, the wall time is longer: it waits";
    } else if (t->verdict == VERDICT_IMPROVEMENT && (guarded || waits)) {
        t->verdict = VERDICT_CANNOT_TELL;
        t->why = "the quickest calls are faster, but the mean or the wall time is longer";
    }
}

void trial_add(trial *t, const trial_rules *rules, const launch *l) {
    t->launches[t->count++] = *l;
    t->seconds += l->seconds;
    t->different_bits = t->different_bits || (l->has_hash && !l->same_bits);
    if (t->quickest == VERDICT_OPEN && verdict_is_look(&rules->rule, t->count)) {
        t->quickest = look_at(t, &rules->rule, of_quickest, &t->found);
        bool patient = t->count < 3 * rules->rule.first || t->seconds < rules->seconds;
        if (t->quickest == VERDICT_OPEN && !patient) {
            t->quickest = VERDICT_CANNOT_TELL;
            t->why = "too slow for more launches";
        }
    }
    if (t->guard == VERDICT_OPEN && verdict_is_look(&rules->guard, t->count)) {
        t->guard = look_at(t, &rules->guard, of_mean, NULL);
    }
    // A change that was found needs no guard; "no change" waits for it as long as it looks.
    bool guard_ended = t->guard != VERDICT_OPEN || t->quickest != VERDICT_NO_CHANGE ||
                       t->count >= rules->guard.last ||
                       (t->count >= 2 * rules->rule.first && t->seconds > rules->seconds);
    if (t->quickest != VERDICT_OPEN && guard_ended) {
        conclude(t, rules);
    }
}

void trial_end(trial *t, const trial_rules *rules, const char *why) {
    if (trial_is_open(t)) {
        t->why = why;
        conclude(t, rules);
    }
}

bool trial_is_open(const trial *t) {
    return t->verdict == VERDICT_OPEN && !t->error[0];
}

bool trial_bits_differ(const trial *t) {
    return t->count > 0 && t->different_bits &&
           t->launches[0].arithmetic[0] == t->launches[0].arithmetic[1];
}

double trial_smallest(const trial *t, const trial_rules *rules) {
    double half = 0.5 * (t->found.high - t->found.low);
    return isfinite(half) && half > 0.0 ? expm1(log1p(rules->rule.margin) + half) : 0.0;
}

void trial_free(trial *t) {
    for (int i = 0; i < t->count; i++) {
        free(t->launches[i].pairs);
    }
    t->count = 0;
}
