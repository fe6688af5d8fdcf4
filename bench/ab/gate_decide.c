// SPDX-License-Identifier: BSD-2-Clause
// From verdicts to an exit code.
#include "gate.h"

#include "cases/exits.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// ---- The cases ----

gate_outcome gate_outcome_of(const gate *g, const trial *t) {
    bool changed = t->verdict == VERDICT_REGRESSION || t->verdict == VERDICT_IMPROVEMENT;
    if (t->error[0]) {
        return GATE_FAILED;
    }
    if (trial_bits_differ(t) && !g->session.allow_different_bits) {
        return GATE_OTHER_BITS;
    }
    if (accept_find(&g->accepted, ACCEPT_QUARANTINE, t->name)) {
        return GATE_QUARANTINED;
    }
    if (changed && accept_find(&g->accepted, ACCEPT_CHANGE, t->name)) {
        return GATE_ACCEPTED;
    }
    return t->verdict == VERDICT_REGRESSION    ? GATE_SLOWER
           : t->verdict == VERDICT_IMPROVEMENT ? GATE_FASTER
           : t->verdict == VERDICT_NO_CHANGE   ? GATE_EQUAL
                                               : GATE_UNDECIDED;
}

const accepted *gate_entry_of(const gate *g, const trial *t) {
    gate_outcome o = gate_outcome_of(g, t);
    return o == GATE_ACCEPTED      ? accept_find(&g->accepted, ACCEPT_CHANGE, t->name)
           : o == GATE_QUARANTINED ? accept_find(&g->accepted, ACCEPT_QUARANTINE, t->name)
                                   : NULL;
}

const char *gate_outcome_name(gate_outcome o) {
    static const char *const names[] = {[GATE_EQUAL] = "no change",
                                        [GATE_SLOWER] = "slower",
                                        [GATE_FASTER] = "faster",
                                        [GATE_UNDECIDED] = "undecided",
                                        [GATE_ACCEPTED] = "accepted",
                                        [GATE_QUARANTINED] = "quarantined",
                                        [GATE_OTHER_BITS] = "different bits",
                                        [GATE_FAILED] = "failed"};
    return names[o];
}

// ---- The self-check ----

static double percent(double log_ratio) {
    return 100.0 * expm1(log_ratio);
}

// What is wrong with a case of the self-check.
static bool explain(const trial *t, verdict expected, double inject, char *why, size_t size) {
    if (t->verdict == expected && !t->error[0]) {
        return false;
    }
    int n = snprintf(why, size, "%s: ", t->name);
    size_t used = n > 0 && (size_t)n < size ? (size_t)n : 0;
    if (t->error[0]) {
        snprintf(why + used, size - used, "%s", t->error);
    } else if (t->verdict == VERDICT_OPEN || (t->verdict == VERDICT_CANNOT_TELL && t->why)) {
        snprintf(why + used, size - used, "not decided: %s",
                 t->why ? t->why : "it was not reached");
    } else if (expected == VERDICT_NO_CHANGE) {
        snprintf(why + used, size - used, "a build and its copy measured as \"%s\" (%+.1f %%)",
                 verdict_name(t->verdict), percent(t->found.median));
    } else {
        snprintf(why + used, size - used,
                 "a slowdown of %g %%, made on purpose, measured as \"%s\" (%+.1f %%)",
                 100.0 * inject, verdict_name(t->verdict), percent(t->found.median));
    }
    return true;
}

// The first case that is wrong; those that could not be measured before others.
static gate_fitness explain_part(const ab_session *part, verdict expected, double inject, char *why,
                                 size_t size) {
    for (int i = 0; i < part->count; i++) {
        if (part->trials[i].error[0]) {
            explain(&part->trials[i], expected, inject, why, size);
            return GATE_NOT_RUN;
        }
    }
    for (int i = 0; i < part->count; i++) {
        if (explain(&part->trials[i], expected, inject, why, size)) {
            return GATE_UNFIT;
        }
    }
    return GATE_FIT;
}

gate_fitness gate_check_result(const gate_check *c, char *why, size_t size) {
    char other[640];
    if (c->error[0]) {
        snprintf(why, size, "%s", c->error);
        return GATE_NOT_RUN;
    }
    gate_fitness equal = explain_part(&c->equal, VERDICT_NO_CHANGE, 0.0, why, size);
    gate_fitness slowed =
        explain_part(&c->slowed, VERDICT_REGRESSION, c->inject, other, sizeof other);
    if (slowed > equal) {
        snprintf(why, size, "%s", other);
        equal = slowed;
    }
    bool moved =
        c->control.verdict == VERDICT_REGRESSION || c->control.verdict == VERDICT_IMPROVEMENT;
    if (equal == GATE_FIT && moved) {
        snprintf(why, size,
                 "the control kernel, which is the same for both builds, took %+.1f %% beside the "
                 "candidate: the machine has changed",
                 percent(c->control.found.median));
        equal = GATE_UNFIT;
    }
    return equal;
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

const char *gate_check_ended(const void *check) {
    const gate_check *c = check;
    return has_failed(&c->equal, VERDICT_NO_CHANGE) || has_failed(&c->slowed, VERDICT_REGRESSION)
               ? "the self-check failed"
               : NULL;
}

// ---- The decision ----

static void decide(gate *g, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void decide(gate *g, int code, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(g->verdict, sizeof g->verdict, format, list);
    va_end(list);
    g->code = code;
}

// "; 2 became faster, 1 undecided": what the first part of the line does not name.
static void add_rest(gate *g, gate_outcome named) {
    static const struct {
        gate_outcome outcome;
        const char *text;
    } rest[] = {{GATE_SLOWER, "became slower"},         {GATE_FAILED, "could not be measured"},
                {GATE_UNDECIDED, "without a verdict"},  {GATE_FASTER, "became faster"},
                {GATE_ACCEPTED, "changed as accepted"}, {GATE_QUARANTINED, "in quarantine"}};
    const char *before = "; ";
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        size_t used = strlen(g->verdict);
        if (g->count[rest[i].outcome] > 0 && rest[i].outcome != named) {
            snprintf(g->verdict + used, sizeof g->verdict - used, "%s%d %s", before,
                     g->count[rest[i].outcome], rest[i].text);
            before = ", ";
        }
    }
}

static bool decide_machine(gate *g) {
    char why[640];
    gate_fitness fitness = gate_check_result(&g->check, why, sizeof why);
    if (fitness == GATE_NOT_RUN) {
        decide(g, EXIT_INTERNAL, "the self-check could not run");
    } else if (fitness == GATE_UNFIT) {
        decide(g, EXIT_INVALID, "could not judge %d of %d cases: the self-check failed",
               g->session.count, g->session.count);
    }
    return fitness != GATE_FIT;
}

static void decide_cases(gate *g) {
    const int *count = g->count;
    int all = g->session.count, judged = all - count[GATE_QUARANTINED];
    if (count[GATE_SLOWER] > 0) {
        decide(g, EXIT_REGRESSION, "%d of %d cases became slower", count[GATE_SLOWER], all);
        add_rest(g, GATE_SLOWER);
    } else if (count[GATE_FAILED] > 0) {
        decide(g, EXIT_INTERNAL, "could not measure %d of %d cases", count[GATE_FAILED], all);
        add_rest(g, GATE_FAILED);
    } else if (judged == 0) {
        decide(g, EXIT_NOTHING, "nothing to judge: all %d cases are in quarantine", all);
    } else if (4 * count[GATE_UNDECIDED] > judged) {
        decide(g, EXIT_INVALID, "could not judge %d of %d cases", count[GATE_UNDECIDED], judged);
        add_rest(g, GATE_UNDECIDED);
    } else if (g->strict && count[GATE_UNDECIDED] > 0) {
        decide(g, EXIT_INCONCLUSIVE, "%d of %d cases have no verdict", count[GATE_UNDECIDED],
               judged);
        add_rest(g, GATE_UNDECIDED);
    } else {
        int well = count[GATE_EQUAL] + count[GATE_FASTER];
        decide(g, EXIT_OK, "no regression in %d of %d cases", well, all);
        add_rest(g, GATE_EQUAL);
    }
}

static bool check_has_other_bits(const gate *g) {
    const ab_session *part = &g->check.equal;
    for (int i = 0; i < part->count && !g->session.allow_different_bits; i++) {
        if (trial_bits_differ(&part->trials[i])) {
            return true;
        }
    }
    return false;
}

void gate_decide(gate *g, bool interrupted) {
    memset(g->count, 0, sizeof g->count);
    for (int i = 0; i < g->session.count; i++) {
        g->count[gate_outcome_of(g, &g->session.trials[i])]++;
    }
    if (interrupted) {
        decide(g, EXIT_INTERRUPTED, "interrupted");
    } else if (g->count[GATE_OTHER_BITS] > 0) {
        decide(g, EXIT_WRONG, "%d of %d cases give different bits", g->count[GATE_OTHER_BITS],
               g->session.count);
        add_rest(g, GATE_OTHER_BITS);
    } else if (check_has_other_bits(g)) {
        decide(g, EXIT_WRONG, "a copy of the baseline gives different bits than the baseline");
    } else if (!decide_machine(g)) {
        decide_cases(g);
    }
}
