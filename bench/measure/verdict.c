// SPDX-License-Identifier: BSD-2-Clause
#include "verdict.h"

#include "signed_rank.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const verdict_rule VERDICT_STANDARD = {.margin = 0.02,
                                       .alpha = 0.001,
                                       .alarm = 0.001,
                                       .first = 12,
                                       .step = 6,
                                       .last = 60,
                                       .scatter = 0.05};
const verdict_rule VERDICT_QUICK = {.margin = 0.02,
                                    .alpha = 0.005,
                                    .alarm = 0.005,
                                    .first = 8,
                                    .step = 4,
                                    .last = 32,
                                    .scatter = 0.05};

const char *verdict_name(verdict v) {
    static const char *const names[] = {[VERDICT_OPEN] = "not decided",
                                        [VERDICT_NO_CHANGE] = "no change",
                                        [VERDICT_REGRESSION] = "regression",
                                        [VERDICT_IMPROVEMENT] = "improvement",
                                        [VERDICT_CANNOT_TELL] = "cannot tell"};
    return names[v];
}

double verdict_launch(double *log_ratios, int pairs) {
    return interval_of(log_ratios, pairs).median;
}

bool verdict_is_look(const verdict_rule *rule, int launches) {
    return launches >= rule->first && launches <= rule->last &&
           (launches - rule->first) % rule->step == 0;
}

int verdict_looks(const verdict_rule *rule) {
    return (rule->last - rule->first) / rule->step + 1;
}

int verdict_last_look(const verdict_rule *rule, int launches) {
    int most = launches < rule->last ? launches : rule->last;
    return most < rule->first ? 0 : most - (most - rule->first) % rule->step;
}

// 1.4826 times the median distance from the median: the standard deviation of normal values, not
// moved by a few outliers.
static double robust_scatter(const double *values, int count) {
    double sorted[SIGNED_RANK_MAX];
    memcpy(sorted, values, (size_t)count * sizeof *sorted);
    double median = interval_of(sorted, count).median;
    for (int i = 0; i < count; i++) {
        sorted[i] = fabs(sorted[i] - median);
    }
    return 1.4826 * interval_of(sorted, count).median;
}

verdict verdict_look(const verdict_rule *rule, const double *estimates, int launches,
                     interval *found) {
    double margin = log1p(rule->margin), levels[2] = {rule->alpha, rule->alarm};
    interval both[2];
    signed_rank_intervals(estimates, launches, levels, 2, both);
    interval at = both[0], sure = both[1];
    if (found) {
        *found = at;
    }
    if (at.low > margin && sure.low > 0.0) {
        return VERDICT_REGRESSION;
    }
    if (at.high < -margin && sure.high < 0.0) {
        return VERDICT_IMPROVEMENT;
    }
    if (at.low > -margin && at.high < margin) {
        return VERDICT_NO_CHANGE;
    }
    // A change that is beyond the margin only lacks launches for an alarm, however it scatters.
    bool beyond = at.low > margin || at.high < -margin;
    bool noisy = !beyond && robust_scatter(estimates, launches) > rule->scatter;
    bool hopeless = launches + rule->step > rule->last || noisy;
    return hopeless ? VERDICT_CANNOT_TELL : VERDICT_OPEN;
}

verdict verdict_sequence(const verdict_rule *rule, const double *estimates, int launches, int *used,
                         interval *found) {
    verdict v = VERDICT_OPEN;
    *used = 0;
    for (int n = rule->first; v == VERDICT_OPEN && n <= launches && n <= rule->last;
         n += rule->step) {
        v = verdict_look(rule, estimates, n, found);
        *used = n;
    }
    return v;
}

void verdict_rule_share(verdict_rule *rule, int cases, double family) {
    double share = family / (2.0 * (double)cases * (double)verdict_looks(rule));
    rule->alarm = share < rule->alpha ? share : rule->alpha;
}

int verdict_launches_for(double level) {
    int launches = 1;
    while (launches <= SIGNED_RANK_MAX && signed_rank_cut(launches, level) == 0) {
        launches++;
    }
    return launches;
}

bool verdict_reaches(const verdict_rule *rule, double level) {
    return signed_rank_cut(verdict_last_look(rule, rule->last), level) > 0;
}

static bool fail_rule(char *text, size_t size, const char *why) {
    snprintf(text, size, "%s", why);
    return false;
}

bool verdict_rule_check(const verdict_rule *rule, char *text, size_t size) {
    if (!(rule->margin > 0.0 && rule->margin < 1.0)) {
        return fail_rule(text, size, "the margin must be above 0 % and below 100 %");
    }
    if (!(rule->alpha > 0.0 && rule->alpha < 0.5)) {
        return fail_rule(text, size, "alpha must be above 0 and below 0.5");
    }
    if (rule->first < 2 || rule->step < 1 || rule->last < rule->first ||
        rule->last > SIGNED_RANK_MAX) {
        return fail_rule(text, size, "launches must be FIRST:LAST with 2 <= FIRST <= LAST <= 64");
    }
    int look = verdict_last_look(rule, rule->last), needed = verdict_launches_for(rule->alpha);
    if (verdict_reaches(rule, rule->alpha)) {
        return true;
    }
    int used = snprintf(text, size,
                        "too few launches for this alpha: the last look, at %d launches, reaches "
                        "%.2g at best; alpha %g needs ",
                        look, ldexp(1.0, -look), rule->alpha);
    snprintf(text + used, size - (size_t)used,
             needed > SIGNED_RANK_MAX ? "more than %d" : "at least %d",
             needed > SIGNED_RANK_MAX ? SIGNED_RANK_MAX : needed);
    return false;
}
