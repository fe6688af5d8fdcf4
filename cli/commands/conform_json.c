// SPDX-License-Identifier: BSD-2-Clause
// --json of `decoct conform`, which is also the data of its page.
#include "conform.h"

#include "json_out.h"

#include <string.h>

static json_t *json_text_of(const char *text) {
    return cli_json_text(text, strlen(text));
}

static json_t *finding_json(const conform_finding *f) {
    static const char *const kinds[] = {"failure", "note", "not tried"};
    const char *meaning = examine_reason_meaning(f->reason);
    return json_pack("{s:s, s:s?, s:s?, s:o, s:o}", "kind", kinds[f->kind], "reason",
                     *f->reason ? f->reason : NULL, "meaning", meaning, "case",
                     json_text_of(f->during), "text", json_text_of(f->text));
}

static json_t *result_json(const examine_report *report, const examine_result *r) {
    static const char *const verdicts[] = {"passed", "failed", "not tried"};
    const conform_unit *u = r->unit < 0 ? NULL : &report->survey.units[r->unit];
    json_t *findings = json_array();
    for (int i = 0; i < r->kept; i++) {
        json_array_append_new(findings, finding_json(&r->findings[i]));
    }
    return json_pack("{s:s, s:s?, s:s, s:f, s:o, s:i, s:o}", "name", r->name, "unit",
                     u ? u->name : NULL, "verdict", verdicts[r->verdict], "seconds", r->seconds,
                     "worst_error", r->has_worst ? json_real(r->worst) : json_null(),
                     "findings_count", r->count, "findings", findings);
}

static json_t *unit_json(const examine_report *report, int unit) {
    const conform_unit *u = &report->survey.units[unit];
    conform_summary s = conform_summarize(report, unit);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:o}", "name", u->name, "slot",
                     examine_slot_name(u), "dtype", decoct_dtype_name(u->dtype), "bits",
                     u->exact ? "exact" : "other", "tests", s.tests, "failed", s.failed,
                     "not_tried", s.untried, "worst_error",
                     s.has_worst ? json_real(s.worst) : json_null());
}

static json_t *backend_json(const conform_outcome *o) {
    const candidate_survey *s = &o->report->survey;
    char needs[256], lacks[256];
    examine_feature_names(s->features, needs, sizeof needs);
    examine_feature_names(s->lacking, lacks, sizeof lacks);
    return json_pack("{s:o, s:o, s:o, s:I, s:s, s:s, s:b}", "given", json_text_of(o->given), "name",
                     json_text_of(s->name), "version", json_text_of(s->version), "priority",
                     (json_int_t)s->priority, "needs", needs, "lacks", lacks, "usable",
                     s->loaded && s->usable);
}

static json_t *speed_json(const conform_outcome *o, int unit) {
    const examine_speed *s = &o->report->speeds[unit];
    json_t *others = json_object();
    for (int i = 0; i < o->options->other_count; i++) {
        if (s->others[i] > 0.0) {
            json_object_set_new(others, o->options->others[i].name, json_real(s->others[i]));
        }
    }
    return json_pack("{s:s, s:s, s:f, s:o, s:s, s:o}", "unit", o->report->survey.units[unit].name,
                     "shape", s->shape, "seconds", s->seconds, "share",
                     s->share > 0.0 ? json_real(s->share) : json_null(), "roof", s->roof, "others",
                     others);
}

json_t *conform_json(const conform_outcome *o) {
    static const char *const levels[] = {"quick", "ordinary", "full"};
    const examine_report *r = o->report;
    const conform_verdict verdict = conform_judge(r);
    json_t *tests = json_array(), *units = json_array(), *untried = json_array();
    json_t *speed = json_array();
    for (int i = 0; i < r->count; i++) {
        json_array_append_new(tests, result_json(r, &r->results[i]));
    }
    for (int i = 0; i < r->survey.count; i++) {
        json_array_append_new(units, unit_json(r, i));
        if (r->speeds[i].seconds > 0.0) {
            json_array_append_new(speed, speed_json(o, i));
        }
    }
    for (int i = 0; i < EXAMINE_CHECKS; i++) {
        if (r->untried[i]) {
            json_array_append_new(untried, json_string(r->untried[i]));
        }
    }
    return json_pack("{s:s, s:i, s:s, s:o, s:b, s:s, s:i, s:s, s:I, s:f, s:o, s:o, s:o, s:o}",
                     "format", "decoct-conform", "format_version", 1, "decoct", CLI_VERSION,
                     "backend", backend_json(o), "conforms", verdict.code == CLI_OK, "verdict",
                     verdict.text, "failed", r->failed, "level", levels[o->options->level], "seed",
                     (json_int_t)o->options->seed, "seconds", r->seconds, "units", units, "tests",
                     tests, "not_tried", untried, "speed", speed);
}
