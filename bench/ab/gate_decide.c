// SPDX-License-Identifier: BSD-2-Clause
// From verdicts to an exit code.
#include "abi.h"
#include "gate.h"

#include "cases/exits.h"

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
    } else if (fitness != GATE_FIT) {
        decide(g, EXIT_INVALID, "could not judge %d of %d cases: the self-check %s",
               g->session.count, g->session.count,
               fitness == GATE_UNFIT ? "failed" : "did not finish");
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

static void decide_failed(gate *g) {
    if (abi_is_missing(g->session.trials, g->session.count)) {
        decide(g, EXIT_SKIPPED, "baseline and candidate have no common C ABI");
    } else {
        decide(g, EXIT_INTERNAL, "could not measure %d of %d cases", g->session.count,
               g->session.count);
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
    } else if (g->count[GATE_FAILED] == g->session.count) { // whatever the machine is like
        decide_failed(g);
    } else if (!decide_machine(g)) {
        decide_cases(g);
    }
}
