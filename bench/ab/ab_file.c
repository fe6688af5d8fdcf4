// SPDX-License-Identifier: BSD-2-Clause
// The file of an A/B comparison: the context of a result file, the rule, and every launch.
#include "ab_report.h"

#include "rows/jsonmemory.h"
#include "rows/record.h"
#include "rows/wholefile.h"

#include <math.h>
#include <stdio.h>

static json_t *figure(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *launch_json(const launch *l) {
    return json_pack("{s:i, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:[f, f]}", "cpu", l->cpu,
                     "quickest", figure(l->quickest), "mean", figure(l->mean), "wall",
                     figure(l->wall), "undisturbed", l->undisturbed, "woke", l->woke, "control_ns",
                     figure(l->control), "seconds", figure(l->seconds), "run_ns", l->run[0],
                     l->run[1]);
}

static json_t *trial_json(const trial *t, const trial_rules *rules) {
    json_t *launches = json_array();
    for (int i = 0; i < t->count; i++) {
        json_array_append_new(launches, launch_json(&t->launches[i]));
    }
    const char *bits = t->count == 0 || !t->launches[0].has_hash ? "none"
                       : t->different_bits                       ? "different"
                                                                 : "same";
    return json_pack(
        "{s:s, s:s, s:s?, s:s?, s:{s:o, s:o, s:o}, s:s, s:s, s:s, s:b, s:o, s:s, s:[s, s], s:o}",
        "name", t->name, "verdict", t->error[0] ? "failed" : verdict_name(t->verdict), "why",
        t->why, "error", t->error[0] ? t->error : NULL, "change", "estimate",
        figure(t->found.median), "low", figure(t->found.low), "high", figure(t->found.high),
        "quickest", verdict_name(t->quickest), "guard", verdict_name(t->guard), "waiting",
        verdict_name(t->waiting), "waiting_looked_at", t->waiting_looked_at, "smallest_found",
        figure(trial_smallest(t, rules)), "bits", bits, "served",
        t->count ? t->launches[0].served[0] : "", t->count ? t->launches[0].served[1] : "",
        "launches", launches);
}

static json_t *rule_json(const ab_session *a) {
    const verdict_rule *r = &a->rules.rule;
    return json_pack("{s:f, s:f, s:f, s:[i, i, i], s:i, s:f, s:I, s:f, s:f}", "margin", r->margin,
                     "alpha", r->alpha, "alarm", r->alarm, "launches", r->first, r->step, r->last,
                     "pairs", a->launch.pairs, "sample_seconds", a->launch.sample_seconds,
                     "calls_least", (json_int_t)a->launch.calls_least, "inject", a->launch.inject,
                     "guard_margin", a->rules.guard.margin);
}

static bool put(FILE *to, const void *data) {
    return json_dumpf(data, to, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) == 0 &&
           fputc('\n', to) > 0;
}

json_t *ab_json(const ab_session *a, char **argv) {
    jsonmemory_watch();
    json_t *machine = record_machine(a->command), *arms = json_array(), *cases = json_array();
    if (!machine) {
        return NULL;
    }
    record_setting setting = {
        .choices = &a->choices, .command = argv, .planned = a->count, .complete = true};
    for (int i = 0; i < 2; i++) {
        json_array_append_new(arms,
                              json_pack("{s:o, s:s}", "library", record_text(a->arms[i].library),
                                        "backend", a->arms[i].backend));
    }
    for (int i = 0; i < a->count; i++) {
        json_array_append_new(cases, trial_json(&a->trials[i], &a->rules));
    }
    json_t *all =
        json_pack("{s:o, s:{s:i, s:o, s:o, s:o}}", "context", record_context(machine, &setting),
                  "ab", "format", 1, "rule", rule_json(a), "arms", arms, "cases", cases);
    if (!all || jsonmemory_failed()) {
        json_decref(all);
        all = NULL;
        fprintf(stderr, "%s: out of memory\n", a->command);
    }
    return all;
}

bool ab_write(const json_t *all, const char *path, const char *command) {
    char message[WHOLEFILE_MESSAGE] = "";
    bool well = wholefile_write(path, put, all, NULL, message, sizeof message);
    if (!well) {
        fprintf(stderr, "%s: cannot write %s: %s\n", command, path, message);
    }
    return well;
}
