// SPDX-License-Identifier: BSD-2-Clause
// From verdicts to an exit code.
#include "gate.h"

#include "cases/exits.h"

#include <stdio.h>

int gate_count(const gate *g, verdict v, bool is_accepted) {
    int count = 0;
    for (int i = 0; i < g->session.count; i++) {
        const trial *t = &g->session.trials[i];
        bool intended = accept_find(&g->accepted, t->name) != NULL;
        count += !t->error[0] && t->verdict == v && intended == is_accepted;
    }
    return count;
}

static int count_failed(const ab_session *s) {
    int failed = 0;
    for (int i = 0; i < s->count; i++) {
        failed += s->trials[i].error[0] != '\0';
    }
    return failed;
}

static bool bits_differ(const ab_session *s) {
    for (int i = 0; i < s->count; i++) {
        if (trial_bits_differ(&s->trials[i])) {
            return true;
        }
    }
    return false;
}

static void decide(gate *g, int code, const char *words) {
    g->code = code;
    snprintf(g->verdict, sizeof g->verdict, "%s", words);
}

static bool decide_machine(gate *g) {
    if (g->check.error[0]) {
        decide(g, EXIT_INTERNAL, "the self-check could not run");
    } else if (!g->check.fit) {
        decide(g, EXIT_INVALID, "could not judge: the self-check failed on this machine");
    } else {
        return false;
    }
    return true;
}

void gate_decide(gate *g, bool interrupted) {
    const ab_session *s = &g->session;
    char words[sizeof g->verdict];
    int slower = gate_count(g, VERDICT_REGRESSION, false), failed = count_failed(s);
    int unclear = gate_count(g, VERDICT_CANNOT_TELL, false) + failed;
    if (interrupted) {
        decide(g, EXIT_INTERRUPTED, "interrupted");
    } else if (bits_differ(s) && !s->allow_different_bits) {
        decide(g, EXIT_WRONG, "the candidate gives different bits");
    } else if (decide_machine(g)) {
        return;
    } else if (slower > 0) {
        snprintf(words, sizeof words, "%d of %d cases became slower", slower, s->count);
        decide(g, EXIT_REGRESSION, words);
    } else if (4 * unclear > s->count) {
        snprintf(words, sizeof words, "could not judge %d of %d cases", unclear, s->count);
        decide(g, failed == unclear ? EXIT_INTERNAL : EXIT_INVALID, words);
    } else {
        snprintf(words, sizeof words, "no regression in %d of %d cases%s", s->count - unclear,
                 s->count, unclear ? "; the others have no verdict" : "");
        decide(g, unclear && g->strict ? EXIT_INCONCLUSIVE : EXIT_OK, words);
    }
}
