// SPDX-License-Identifier: BSD-2-Clause
// Did the self-check succeed, can it still, and if not, why?
#include "gate.h"
#include "percent.h"

#include <stdio.h>

bool gate_was_cut(const trial *t) {
    return !t->error[0] && (t->verdict == VERDICT_OPEN ||
                            (t->verdict == VERDICT_CANNOT_TELL && t->quickest == VERDICT_OPEN));
}

static gate_fitness fitness_of(const trial *t, verdict expected) {
    return t->error[0]              ? GATE_NOT_RUN
           : t->verdict == expected ? GATE_FIT
           : gate_was_cut(t)        ? GATE_UNFINISHED
                                    : GATE_UNFIT;
}

// What is wrong with a case of the self-check.
static void explain(const trial *t, verdict expected, double inject, char *why, size_t size) {
    const char *found = verdict_name(t->verdict);
    double change = change_percent(t->found.median);
    if (t->error[0]) {
        snprintf(why, size, "%s: %s", t->name, t->error);
    } else if (t->verdict == VERDICT_OPEN || (t->verdict == VERDICT_CANNOT_TELL && t->why)) {
        snprintf(why, size, "%s: not decided: %s", t->name, t->why ? t->why : "it was not reached");
    } else if (expected == VERDICT_NO_CHANGE) {
        snprintf(why, size, "%s: a build and its copy measured as \"%s\" (%+.1f %%)", t->name,
                 found, change);
    } else {
        snprintf(why, size,
                 "%s: a slowdown of %g %%, made on purpose, measured as \"%s\" (%+.1f %%)", t->name,
                 100.0 * inject, found, change);
    }
}

// The first one of the worst cases of a part, if it is worse than `worst`.
static void add_part(const ab_session *part, verdict expected, double inject, gate_fitness *worst,
                     char *why, size_t size) {
    for (int i = 0; i < part->count; i++) {
        gate_fitness found = fitness_of(&part->trials[i], expected);
        if (found > *worst) {
            *worst = found;
            explain(&part->trials[i], expected, inject, why, size);
        }
    }
}

gate_fitness gate_check_result(const gate_check *c, char *why, size_t size) {
    gate_fitness worst = GATE_FIT;
    verdict control = c->control.verdict;
    if (c->error[0]) {
        snprintf(why, size, "%s", c->error);
        return GATE_NOT_RUN;
    }
    add_part(&c->equal, VERDICT_NO_CHANGE, 0.0, &worst, why, size);
    add_part(&c->slowed, VERDICT_REGRESSION, c->inject, &worst, why, size);
    bool moved = control == VERDICT_REGRESSION || control == VERDICT_IMPROVEMENT;
    if (worst < GATE_UNFIT && moved) {
        snprintf(why, size,
                 "the control kernel, which is the same for both builds, took %+.1f %% beside the "
                 "candidate: the machine has changed",
                 change_percent(c->control.found.median));
        worst = GATE_UNFIT;
    }
    return worst;
}

static bool has_failed(const ab_session *part, verdict expected) {
    for (int i = 0; i < part->count; i++) {
        const trial *t = &part->trials[i];
        if (!trial_is_open(t) && (t->error[0] || t->verdict != expected)) {
            return true;
        }
    }
    return false;
}

const char *gate_ended(const void *data) {
    const gate *g = data;
    const gate_check *c = &g->check;
    int failed = 0;
    for (int i = 0; i < g->session.count; i++) {
        failed += g->session.trials[i].error[0] != '\0';
    }
    if (failed == g->session.count) {
        return "no case can be measured";
    }
    return has_failed(&c->equal, VERDICT_NO_CHANGE) || has_failed(&c->slowed, VERDICT_REGRESSION)
               ? "the self-check failed"
               : NULL;
}
