// SPDX-License-Identifier: BSD-2-Clause
// An A/B comparison as CSV: a row a case, changes in percent, then what the CSV of rows has of the
// run, the machine and the key.
#include "export_ab.h"

#include <math.h>

static void put_csv_string(const char *text, FILE *to) {
    json_t *value = text ? json_string(text) : NULL;
    export_put_csv(value, to);
    json_decref(value);
}

static void put_finite(double value, FILE *to) {
    if (isfinite(value)) {
        fprintf(to, "%.7g", value);
    }
}

static void put_percent(double change, FILE *to) {
    put_finite(export_percent(change), to);
}

// Of A and of B: each with a comma before it.
static void put_both(const json_t *list, const char *key, FILE *to) {
    for (size_t arm = 0; arm < RESULTS_AB_ARMS; arm++) {
        const json_t *one = json_array_get(list, arm);
        fputc(',', to);
        export_put_csv(key ? json_object_get(one, key) : one, to);
    }
}

// The columns of a case before those of the run.
static const char case_columns[] =
    "name,verdict,outcome,change_pct,change_pct_low,change_pct_high,decided_by,smallest_pct,"
    "launches,seconds,"
    "bits,why,error,a_ns,b_ns,control_ns,served_a,served_b,"
    "library_a,library_b,backend_a,backend_b,threads_a,threads_b,pin_a,pin_b,";

static void put_csv_case(const export_case *c, FILE *to) {
    static const char *const bits[] = {"none", "same", "different"};
    static const char *const deciders[] = {"quickest", "mean", "wall"};
    const results_trial *t = c->t;
    bool judged = c->judged || t->failed;
    const char *other = export_case_wrong(c) ? "different bits" : "not judged";
    const char *texts[] = {export_case_text(c, "name"),
                           judged ? export_case_text(c, "verdict") : "not judged",
                           judged ? export_case_text(c, "outcome") : other};
    const results_change none = {NAN, NAN, NAN}, change = c->judged ? t->change : none;
    for (int i = 0; i < 3; i++) {
        put_csv_string(texts[i], to);
        fputc(',', to);
    }
    put_percent(change.estimate, to);
    fputc(',', to);
    put_percent(change.low, to);
    fputc(',', to);
    put_percent(change.high, to);
    fprintf(to, ",\"%s\",", deciders[t->decider]);
    put_finite(c->judged && t->smallest > 0.0 ? 100.0 * t->smallest : NAN, to);
    fprintf(to, ",%zu,", t->count);
    put_finite(export_case_seconds(c), to);
    fprintf(to, ",\"%s\",", bits[t->bits]);
    put_csv_string(c->judged ? export_case_text(c, "why") : NULL, to);
    fputc(',', to);
    put_csv_string(export_case_text(c, "error"), to);
    double (*const figures[])(const results_launch *) = {export_run_a, export_run_b,
                                                         export_control};
    for (int i = 0; i < 3; i++) {
        fputc(',', to);
        put_finite(export_case_median(c, figures[i]), to);
    }
    put_both(json_object_get(c->json, "served"), NULL, to);
}

void export_ab_csv(const export_input *in, FILE *to) {
    const json_t *arms = json_object_get(json_object_get(in->all, "ab"), "arms");
    fputs(case_columns, to);
    export_put_run_heading(to);
    fputs(",key\r\n", to);
    for (size_t i = 0; i < in->file.ab->count; i++) {
        export_case c = export_case_at(in, i);
        put_csv_case(&c, to);
        put_both(arms, "library", to);
        put_both(arms, "backend", to);
        put_both(arms, "threads", to);
        put_both(arms, "pin", to);
        fputc(',', to);
        export_put_run(in, to);
        fputs(",\"", to);
        export_put_case_key(in, export_case_text(&c, "name"), to);
        fputs("\"\r\n", to);
    }
}
