// SPDX-License-Identifier: BSD-2-Clause
// Can this machine judge at all? The baseline against its own copy, and against a copy that
// is slowed down on purpose.
#include "gate.h"
#include "twin.h"

#include <stdio.h>
#include <string.h>

// Operations whose operands stay in the caches.
static bool computes(const trial *t) {
    return strcmp(t->what->op, "decode") != 0 && strcmp(t->what->op, "prefill") != 0 &&
           (strcmp(t->what->op, "matmul") != 0 || t->what->seq >= 32);
}

// The first cases that compute, each operation once; or else the first case.
static int choose_trials(const ab_session *s, trial *chosen) {
    int count = 0;
    for (int i = 0; i < s->count && count < GATE_CHECKS; i++) {
        const trial *t = &s->trials[i];
        bool again = false;
        for (int j = 0; j < count; j++) {
            again = again || strcmp(chosen[j].what->op, t->what->op) == 0;
        }
        if (!again && computes(t)) {
            chosen[count++] = (trial){.name = t->name, .what = t->what};
        }
    }
    if (count == 0) {
        chosen[count++] = (trial){.name = s->trials[0].name, .what = s->trials[0].what};
    }
    return count;
}

// The baseline against its twin, B slowed by `inject`.
static void compare(const gate *g, const char *copy, double inject, trial *trials, int count) {
    ab_session s = ab_session_new(g->session.command);
    memcpy(s.worker, g->session.worker, sizeof s.worker);
    s.arms[0] = s.arms[1] = g->session.arms[0];
    snprintf(s.arms[1].library, sizeof s.arms[1].library, "%s", copy);
    s.launch = g->session.launch;
    s.launch.inject = inject;
    s.rules = trial_rules_make(&g->session.rules.rule, 2 * count);
    s.trials = trials;
    s.count = count;
    ab_session_run(&s);
}

static bool is_fit(const gate_check *c) {
    for (int i = 0; i < c->count; i++) {
        if (c->equal[i].verdict != VERDICT_NO_CHANGE ||
            c->slowed[i].verdict != VERDICT_REGRESSION) {
            return false;
        }
    }
    return true;
}

void gate_check_run(gate *g) {
    gate_check *c = &g->check;
    twin t;
    arm copy = {.pid = 0};
    if (!twin_make(&t, g->session.arms[0].library, c->error) ||
        !arm_find(t.folder, &copy, c->error)) {
        twin_remove(&t);
        return;
    }
    c->count = choose_trials(&g->session, c->equal);
    memcpy(c->slowed, c->equal, sizeof c->slowed);
    compare(g, copy.library, 0.0, c->equal, c->count);
    compare(g, copy.library, c->inject, c->slowed, c->count);
    c->fit = is_fit(c);
    twin_remove(&t);
}

void gate_check_free(gate_check *c) {
    for (int i = 0; i < c->count; i++) {
        trial_free(&c->equal[i]);
        trial_free(&c->slowed[i]);
    }
}
