// SPDX-License-Identifier: BSD-2-Clause
#include "simulate_suite.h"

#include "simulate_kinds.h"

// A relinked copy of the same code was faster or slower by up to 0.4 %, the same in all launches.
static const double LINK = 0.002;
// Until a case of a suite takes its next launch: one of each of the others.
static const double ROUND = 25 * 0.4e9; // ns

// How many cases of each kind.
static const int mix[KINDS] = {6, 8, 5, 4, 3};

typedef struct play {
    const simulated_kind *kind;
    simulated_change change;
    double stored[2][SUITE_PAIRS]; // the samples of A's first launch and of B's second
} play;

static launch take_launch(play *p, int number, simulated_machine *m, uint64_t *seed) {
    simulated_arms_use(m, p->kind, &p->change);
    launch l = simulated_launch(SUITE_PAIRS, seed);
    for (int i = 0; i < SUITE_PAIRS && number < 2; i++) {
        p->stored[number][i] = (double)l.pairs[i].wall[number];
    }
    return l;
}

static simulated_outcome end(const play *p, trial *t) {
    simulated_outcome o = {
        .kind = p->kind, .verdict = t->verdict, .launches = t->count, .seconds = t->seconds};
    common_rules(p->stored[0], p->stored[1], SUITE_PAIRS, o.common);
    trial_free(t);
    return o;
}

void simulated_suite(simulated_machine *m, const trial_rules *rules, bool shares,
                     simulated_outcome outcomes[SUITE_CASES]) {
    static play plays[SUITE_CASES];
    static trial trials[SUITE_CASES];
    uint64_t seed = m->seed;
    int count = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        for (int i = 0; i < mix[kind]; i++) {
            trials[count] = (trial){.name = simulated_kinds[kind].name};
            plays[count++] = (play){.kind = &simulated_kinds[kind],
                                    .change.link = LINK * simulated_normal(&m->seed)};
        }
    }
    for (int open = SUITE_CASES; open > 0;) {
        open = 0;
        for (int i = 0; i < SUITE_CASES; i++) {
            if (trial_is_open(&trials[i])) {
                launch l = take_launch(&plays[i], trials[i].count, m, &seed);
                if (shares) {
                    trial_add_to(trials, SUITE_CASES, i, rules, &l);
                } else {
                    trial_add(&trials[i], rules, &l);
                }
                open += trial_is_open(&trials[i]);
            }
        }
    }
    for (int i = 0; i < SUITE_CASES; i++) {
        outcomes[i] = end(&plays[i], &trials[i]);
    }
}

simulated_outcome simulated_case(simulated_machine *m, const simulated_kind *kind,
                                 const simulated_change *change, const verdict_rule *rule) {
    static trial t;
    play p = {.kind = kind, .change = *change};
    trial_rules rules = trial_rules_make(rule, SUITE_CASES);
    uint64_t seed = m->seed;
    p.change.link += LINK * simulated_normal(&m->seed);
    t = (trial){.name = kind->name};
    while (trial_is_open(&t)) {
        launch l = take_launch(&p, t.count, m, &seed);
        trial_add(&t, &rules, &l);
        simulated_pass(m, ROUND);
    }
    return end(&p, &t);
}
