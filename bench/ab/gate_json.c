// SPDX-License-Identifier: BSD-2-Clause
// What verdict.json has besides the comparison: docs/regression-testing.md describes it.
#include "gate_files.h"

#include "rows/record.h"

#include <math.h>

static json_t *figure(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *control_json(const gate_control *c) {
    return json_pack("{s:s, s:o, s:o, s:o, s:i, s:f, s:b}", "verdict", verdict_name(c->verdict),
                     "estimate", figure(c->found.median), "low", figure(c->found.low), "high",
                     figure(c->found.high), "rounds", c->rounds, "slow_share", c->slow, "noisy",
                     c->noisy);
}

static json_t *check_json(const gate_check *c) {
    static const char *const results[] = {[GATE_FIT] = "passed",
                                          [GATE_UNFINISHED] = "did not finish",
                                          [GATE_UNFIT] = "failed",
                                          [GATE_NOT_RUN] = "could not run"};
    char why[640] = "";
    gate_fitness fitness = gate_check_result(c, why, sizeof why);
    json_t *cases = json_array();
    for (int i = 0; i < c->equal.count; i++) {
        const trial *equal = &c->equal.trials[i], *slowed = &c->slowed.trials[i];
        json_array_append_new(cases, json_pack("{s:o, s:s, s:s}", "name", record_text(equal->name),
                                               "copy", verdict_name(equal->verdict), "slowed",
                                               verdict_name(slowed->verdict)));
    }
    return json_pack(
        "{s:b, s:s, s:o, s:f, s:b, s:o, s:o, s:o}", "passed", fitness == GATE_FIT, "result",
        results[fitness], "why", fitness == GATE_FIT ? json_null() : record_text(why), "inject",
        c->inject, "computes", c->computes, "twin", c->other ? record_text(c->other) : json_null(),
        "control", control_json(&c->control), "cases", cases);
}

static json_t *entries_json(const gate *g) {
    json_t *list = json_array();
    for (int i = 0; i < g->accepted.count; i++) {
        const accepted *a = &g->accepted.items[i];
        json_t *cases = json_array();
        for (int j = 0; j < g->session.count; j++) {
            if (accept_matches(a, g->session.trials[j].name)) {
                json_array_append_new(cases, record_text(g->session.trials[j].name));
            }
        }
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:s?, s:o, s:b, s:o}", "kind",
                            a->kind == ACCEPT_QUARANTINE ? "quarantine" : "accepted", "cases",
                            record_text(a->text), "until", a->date[0] ? a->date : NULL, "reason",
                            record_text(a->reason), "expired", a->expired, "matches", cases));
    }
    return list;
}

static json_t *counts_json(const gate *g) {
    json_t *counts = json_object();
    for (int i = 0; i < GATE_OUTCOMES; i++) {
        json_object_set_new(counts, gate_outcome_name((gate_outcome)i), json_integer(g->count[i]));
    }
    return counts;
}

// What the gate makes of each case, beside its verdict.
void gate_mark_cases(const gate *g, json_t *cases) {
    for (int i = 0; i < g->session.count; i++) {
        json_t *one = json_array_get(cases, (size_t)i);
        const trial *t = &g->session.trials[i];
        gate_outcome o = gate_outcome_of(g, t);
        const accepted *a = gate_entry_of(g, t);
        json_object_set_new(one, "outcome", json_string(gate_outcome_name(o)));
        if (a) {
            json_object_set_new(one, "until", a->date[0] ? json_string(a->date) : json_null());
            json_object_set_new(one, "reason", record_text(a->reason));
        }
    }
}

json_t *gate_json(const gate *g) {
    const ab_session *s = &g->session;
    return json_pack("{s:i, s:i, s:o, s:f, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "format", 1,
                     "exit_code", g->code, "verdict", record_text(g->verdict), "seconds",
                     g->seconds, "budget", s->budget > 0.0 ? json_real(s->budget) : json_null(),
                     "strict", g->strict, "machine", record_text(g->machine), "baseline",
                     record_text(g->builds[0]), "candidate", record_text(g->builds[1]), "counts",
                     counts_json(g), "self_check", check_json(&g->check), "entries",
                     entries_json(g));
}
