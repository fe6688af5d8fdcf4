// SPDX-License-Identifier: BSD-2-Clause
#include "trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// A chance of one percent that a suite of equal pairs reports a change: four fifths of it for the
// quickest calls, the rest for the guard and for waiting. Each of those raises alarms in one
// direction only and has no more looks, so that a fourth of the level of the quickest calls is
// right for them.
static const double FAMILY = 0.01, QUICKEST_PART = 0.8, GUARD_LEVEL = 0.25;
static const double GUARD_MARGIN = 0.04;
// Threads of which two run at the same time in a smaller part of the time than this are not
// compared.
static const double TOGETHER_LEAST = 0.08;
enum { GUARD_LAST = 36, WAITING_LAUNCHES = 12, WAITING_PAIRS = 5 };

static void divide(trial_rules *r, int cases) {
    verdict_rule share = r->rule;
    if (cases == 0) {
        r->rule.alarm = r->rule.alpha;
        r->guard.alarm = r->guard.alpha;
        return;
    }
    share.alpha = 1.0;
    verdict_rule_share(&share, cases, QUICKEST_PART * FAMILY);
    r->rule.alarm = fmin(share.alarm, r->rule.alpha);
    r->guard.alarm = fmin(GUARD_LEVEL * share.alarm, r->guard.alpha);
}

trial_rules trial_rules_make(const verdict_rule *rule, int cases) {
    trial_rules r = {.rule = *rule, .guard = *rule, .seconds = 30.0, .cases = cases};
    r.guard.margin = 2.0 * rule->margin > GUARD_MARGIN ? 2.0 * rule->margin : GUARD_MARGIN;
    if (r.guard.last > GUARD_LAST && r.guard.first <= GUARD_LAST) {
        r.guard.last = GUARD_LAST - (GUARD_LAST - r.guard.first) % r.guard.step;
    }
    divide(&r, cases);
    return r;
}

trial_rules trial_rules_left(const trial_rules *rules, int found) {
    trial_rules r = *rules;
    divide(&r, found < r.cases ? r.cases - found : r.cases > 0);
    return r;
}

static bool can_alarm(const trial_rules *r) {
    return verdict_reaches(&r->rule, r->rule.alarm) && verdict_reaches(&r->guard, r->guard.alarm);
}

bool trial_rules_check(const trial_rules *rules, char *text, size_t size) {
    if (!verdict_rule_check(&rules->rule, text, size)) {
        return false;
    }
    if (can_alarm(rules)) {
        return true;
    }
    verdict_rule more = rules->rule;
    trial_rules enough = *rules;
    while (more.last <= SIGNED_RANK_MAX && !can_alarm(&enough)) {
        more.last = verdict_last_look(&more, more.last) + more.step;
        enough = trial_rules_make(&more, rules->cases);
    }
    int looks = verdict_looks(&rules->rule);
    int used =
        snprintf(text, size, "too few launches for %d case%s with %d look%s each: ", rules->cases,
                 rules->cases > 1 ? "s" : "", looks, looks > 1 ? "s" : "");
    if (more.last > SIGNED_RANK_MAX) {
        snprintf(text + used, size - (size_t)used, "not even %d are enough", SIGNED_RANK_MAX);
    } else {
        snprintf(text + used, size - (size_t)used,
                 "no change could be reported; use at least --launches %d:%d", more.first,
                 more.last);
    }
    return false;
}

typedef double (*figure)(const launch *l);

static double of_quickest(const launch *l) {
    return l->quickest;
}

static double of_mean(const launch *l) {
    return l->mean;
}

// At all launches so far.
static verdict look_at(const trial *t, const verdict_rule *rule, figure of, interval *found) {
    double values[SIGNED_RANK_MAX];
    for (int i = 0; i < t->count; i++) {
        values[i] = of(&t->launches[i]);
    }
    return verdict_look(rule, values, t->count, found);
}

// Waiting (sleep, locks) shows in wall time only, and there only in pairs that nothing disturbed.
static int take_waiting(const trial *t, double values[SIGNED_RANK_MAX]) {
    int count = 0;
    for (int i = 0; i < t->count; i++) {
        const launch *l = &t->launches[i]; // the wall time of several threads is looked at anyway
        if (!l->several && l->undisturbed >= WAITING_PAIRS) {
            values[count++] = l->wall;
        }
    }
    return count;
}

// As soon as enough launches have such pairs.
static verdict look_at_waiting(const trial *t, const verdict_rule *rule) {
    double values[SIGNED_RANK_MAX];
    int count = take_waiting(t, values);
    return count >= WAITING_LAUNCHES ? verdict_look(rule, values, count, NULL) : VERDICT_OPEN;
}

// The looks of the guard and at waiting.
static void look_at_guards(trial *t, const verdict_rule *rule) {
    if (verdict_is_look(rule, t->count)) {
        if (t->guard == VERDICT_OPEN) {
            t->guard = look_at(t, rule, of_mean, NULL);
        }
        if (t->waiting == VERDICT_OPEN) {
            double values[SIGNED_RANK_MAX];
            t->waiting = look_at_waiting(t, rule);
            t->waiting_looked_at = take_waiting(t, values) >= WAITING_LAUNCHES;
        }
    }
}

// A change that was found needs no guard; "no change" waits for the guards as long as they look.
static bool guards_ended(const trial *t, const trial_rules *rules) {
    bool decided =
        t->guard != VERDICT_OPEN && (t->waiting != VERDICT_OPEN || !t->waiting_looked_at);
    return decided || t->quickest != VERDICT_NO_CHANGE || t->count >= rules->guard.last ||
           (t->count >= 2 * rules->rule.first && t->seconds > rules->seconds);
}

trial_figure trial_decided_by(const trial *t) {
    bool other = t->verdict == VERDICT_REGRESSION && t->quickest != VERDICT_REGRESSION;
    return other && t->guard == VERDICT_REGRESSION     ? TRIAL_MEAN
           : other && t->waiting == VERDICT_REGRESSION ? TRIAL_WALL
                                                       : TRIAL_QUICKEST;
}

interval trial_change(const trial *t, const trial_rules *rules) {
    interval found = t->found;
    double values[SIGNED_RANK_MAX];
    trial_figure by = trial_decided_by(t);
    if (by == TRIAL_MEAN) {
        look_at(t, &rules->guard, of_mean, &found);
    } else if (by == TRIAL_WALL) {
        verdict_look(&rules->guard, values, take_waiting(t, values), &found);
    }
    return found;
}

// ---- The verdict ----

// Of one look at `count` launches whose interval is beyond the margin, with no alarm.
static void explain(trial *t, const trial_rules *rules, const verdict_rule *rule, int count,
                    const char *what) {
    int enough = verdict_launches_for(rule->alarm), cases = rules->cases;
    while (enough < rule->last && !verdict_is_look(rule, enough)) {
        enough++;
    }
    int used = snprintf(t->reason, sizeof t->reason, "%s, but ", what);
    char *rest = t->reason + used;
    size_t size = sizeof t->reason - (size_t)used;
    const char *s = cases == 1 ? "" : "s";
    if (count < enough) {
        snprintf(rest, size, "%d launches are too few for an alarm among %d case%s: it needs %d",
                 count, cases, s, enough);
    } else {
        snprintf(rest, size, "not surely enough for an alarm among %d case%s", cases, s);
    }
    t->why = t->reason;
}

// The level of an interval is enough for "cannot tell", since that raises no alarm.
static verdict_rule without_alarm(const verdict_rule *rule) {
    verdict_rule r = *rule;
    r.alarm = r.alpha;
    return r;
}

// Whether the mean or the wall time is longer by its interval; if so, with the reason.
static bool seems_slower(trial *t, const trial_rules *rules) {
    verdict_rule level = without_alarm(&rules->guard);
    double values[SIGNED_RANK_MAX];
    if (look_at(t, &level, of_mean, NULL) == VERDICT_REGRESSION) {
        explain(t, rules, &rules->guard, t->count,
                "the quickest calls are equal, the mean of all calls seems slower");
        return true;
    }
    if (look_at_waiting(t, &level) == VERDICT_REGRESSION) {
        explain(t, rules, &rules->guard, take_waiting(t, values),
                "the CPU time is equal, the wall time seems longer");
        return true;
    }
    return false;
}

// A case without a verdict may still be slower or faster by its interval.
static void explain_quickest(trial *t, const trial_rules *rules) {
    verdict_rule level = without_alarm(&rules->rule);
    verdict v = t->count > 0 ? look_at(t, &level, of_quickest, NULL) : VERDICT_OPEN;
    if (v == VERDICT_REGRESSION || v == VERDICT_IMPROVEMENT) {
        explain(t, rules, &rules->rule, t->count,
                v == VERDICT_REGRESSION ? "slower by its interval" : "faster by its interval");
    }
}

static void note_undecided(trial *t) {
    if (t->guard == VERDICT_OPEN || t->guard == VERDICT_CANNOT_TELL) {
        t->why = "the quickest calls are equal, the mean of all calls is not decided";
    } else if (t->waiting_looked_at && t->waiting == VERDICT_CANNOT_TELL) {
        t->why = "the CPU time is equal, the wall time is not decided";
    }
}

static const char *why_guarded(const trial *t) {
    bool equal = t->quickest == VERDICT_NO_CHANGE;
    if (t->guard == VERDICT_REGRESSION) {
        return equal ? "the quickest calls are equal, the mean of all calls is slower"
                     : "the quickest calls are not decided, the mean of all calls is slower";
    }
    return equal ? "the CPU time is equal, the wall time is longer: it waits"
                 : "the quickest calls are not decided, the wall time is longer: it waits";
}

static void conclude(trial *t, const trial_rules *rules) {
    bool longer = t->guard == VERDICT_REGRESSION || t->waiting == VERDICT_REGRESSION;
    t->verdict = t->quickest == VERDICT_OPEN ? VERDICT_CANNOT_TELL : t->quickest;
    t->waiting = t->waiting == VERDICT_OPEN ? VERDICT_CANNOT_TELL : t->waiting;
    if (t->verdict == VERDICT_IMPROVEMENT && (longer || seems_slower(t, rules))) {
        t->verdict = VERDICT_CANNOT_TELL;
        t->why = "the quickest calls are faster, but the mean or the wall time is longer";
    } else if (t->verdict == VERDICT_NO_CHANGE && !longer) {
        note_undecided(t);
        t->verdict = seems_slower(t, rules) ? VERDICT_CANNOT_TELL : VERDICT_NO_CHANGE;
    } else if (t->verdict == VERDICT_CANNOT_TELL && !longer) {
        explain_quickest(t, rules);
    } else if (longer && t->verdict != VERDICT_REGRESSION) {
        t->verdict = VERDICT_REGRESSION;
        t->why = why_guarded(t);
    }
}

static double of_together(const launch *l) {
    return l->several && l->together != LAUNCH_NOT_KNOWN ? l->together : 1.0;
}

// Threads that can rarely run at the same time work one after the other even in the quickest call,
// in A as in B: that both take as long then says nothing.
static bool run_together(const trial *t) {
    double values[SIGNED_RANK_MAX];
    for (int i = 0; i < t->count; i++) {
        values[i] = of_together(&t->launches[i]);
    }
    return interval_of(values, t->count).median >= TOGETHER_LEAST;
}

static void look_at_quickest(trial *t, const trial_rules *rules) {
    if (t->quickest != VERDICT_OPEN || !verdict_is_look(&rules->rule, t->count)) {
        return;
    }
    bool patient = t->count < 3 * rules->rule.first || t->seconds < rules->seconds;
    t->quickest = look_at(t, &rules->rule, of_quickest, &t->found);
    t->alarm = rules->rule.alarm;
    bool unchanged = t->quickest == VERDICT_OPEN || t->quickest == VERDICT_NO_CHANGE;
    if (unchanged && !run_together(t)) {
        t->quickest = VERDICT_CANNOT_TELL;
        t->why = "its threads could rarely run at the same time: other programs use the CPUs";
    } else if (t->quickest == VERDICT_OPEN && !patient) {
        t->quickest = VERDICT_CANNOT_TELL;
        t->why = "too slow for more launches";
    }
}

void trial_add(trial *t, const trial_rules *rules, const launch *l) {
    t->launches[t->count++] = *l;
    t->seconds += l->seconds;
    t->different_bits = t->different_bits || (l->has_hash && !l->same_bits);
    look_at_quickest(t, rules);
    look_at_guards(t, &rules->guard);
    if (t->quickest != VERDICT_OPEN && guards_ended(t, rules)) {
        conclude(t, rules);
    }
}

bool trial_is_changed(const trial *t) {
    return t->verdict == VERDICT_REGRESSION || t->verdict == VERDICT_IMPROVEMENT;
}

void trial_add_to(trial *family, int count, int at, const trial_rules *rules, const launch *l) {
    int found = 0;
    for (int i = 0; i < count; i++) {
        found += trial_is_changed(&family[i]);
    }
    trial_rules left = trial_rules_left(rules, found);
    trial_add(&family[at], &left, l);
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
