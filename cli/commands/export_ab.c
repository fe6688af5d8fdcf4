// SPDX-License-Identifier: BSD-2-Clause
// What the cases of an A/B comparison are, for all formats; and two of these: Markdown, and
// Bencher's metric format.
#include "export_ab.h"

#include "report_ab.h"
#include "text.h"

#include "bench/measure/interval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- A case ----

export_case export_case_at(const export_input *in, size_t index) {
    const json_t *cases = json_object_get(json_object_get(in->all, "ab"), "cases");
    return (export_case){&in->file.ab->trials[index], json_array_get(cases, index),
                         in->file.ab->gate_passed != 0};
}

const char *export_case_text(const export_case *c, const char *key) {
    return json_string_value(json_object_get(c->json, key));
}

// What a gate made of the verdict; false without a gate.
static bool outcome_is(const export_case *c, const char *outcome) {
    const char *found = export_case_text(c, "outcome");
    return found && strcmp(found, outcome) == 0;
}

const char *export_case_verdict(const export_case *c) {
    return !c->judged && !c->t->failed    ? "not judged"
           : outcome_is(c, "accepted")    ? "accepted"
           : outcome_is(c, "quarantined") ? "quarantined"
                                          : export_case_text(c, "verdict");
}

bool export_case_wrong(const export_case *c) {
    const json_t *first = json_array_get(json_object_get(c->json, "launches"), 0);
    const json_t *arithmetic = json_object_get(first, "arithmetic");
    bool same = json_equal(json_array_get(arithmetic, 0), json_array_get(arithmetic, 1)) ||
                json_array_size(arithmetic) != 2; // files of before it was written
    bool judged = export_case_text(c, "outcome");
    return c->t->bits == RESULTS_BITS_DIFFERENT &&
           (judged ? outcome_is(c, "different bits") : same);
}

double export_percent(double change) {
    return 100.0 * expm1(change);
}

void export_put_interval(const results_change *change, FILE *to) {
    if (isfinite(change->estimate)) {
        fprintf(to, "%+.1f %%", export_percent(change->estimate));
        if (isfinite(change->low) && isfinite(change->high)) {
            fprintf(to, " (%+.1f .. %+.1f)", export_percent(change->low),
                    export_percent(change->high));
        }
    }
}

void export_put_change(const export_case *c, FILE *to) {
    if (c->judged) {
        export_put_interval(&c->t->change, to);
    }
}

double export_case_seconds(const export_case *c) {
    double all = 0.0;
    for (size_t i = 0; i < c->t->count; i++) {
        all += isfinite(c->t->launches[i].seconds) ? c->t->launches[i].seconds : 0.0;
    }
    return all;
}

double export_case_median(const export_case *c, double (*figure)(const results_launch *l)) {
    double *values = cli_alloc((int64_t)c->t->count + 1, sizeof *values);
    int count = 0;
    for (size_t i = 0; i < c->t->count; i++) {
        double value = figure(&c->t->launches[i]);
        if (value > 0.0) {
            values[count++] = value;
        }
    }
    double median = count > 0 ? interval_of(values, count).median : NAN;
    free(values);
    return median;
}

double export_run_a(const results_launch *l) {
    return l->run_ns[0];
}

double export_run_b(const results_launch *l) {
    return l->run_ns[1];
}

double export_control(const results_launch *l) {
    return l->control_ns;
}

// ---- Markdown ----

static void put_note(const char *before, const char *note, const char **between, FILE *to) {
    if (note && *note) {
        fprintf(to, "%s%s", *between, before);
        export_put_markdown(note, to);
        *between = "; ";
    }
}

static void put_case_notes(const export_case *c, FILE *to) {
    const char *between = "";
    if (export_case_wrong(c)) {
        fputs("**different bits**", to);
        between = "; ";
    } else if (c->t->bits == RESULTS_BITS_DIFFERENT) {
        put_note("", "other bits", &between, to);
    }
    put_note("", export_case_text(c, "error"), &between, to);
    if (!c->judged) {
        return;
    }
    put_note("", export_case_text(c, "why"), &between, to);
    put_note("", export_case_text(c, "reason"), &between, to);
    put_note("until ", export_case_text(c, "until"), &between, to);
    if (c->t->outcome == VERDICT_NO_CHANGE && c->t->smallest > 0.0) {
        fprintf(to, "%sa change above about %.1f %% would probably have been found", between,
                100.0 * c->t->smallest);
    }
}

static void put_case_row(const export_case *c, FILE *to) {
    const char *judged = export_case_verdict(c);
    bool loud = c->t->outcome == VERDICT_REGRESSION && strcmp(judged, "regression") == 0;
    fputs("| ", to);
    export_put_markdown(export_case_text(c, "name"), to);
    fprintf(to, loud ? " | **%s** | " : " | %s | ", judged);
    export_put_change(c, to);
    fprintf(to, " | %zu | ", c->t->count);
    put_case_notes(c, to);
    fputs(" |\n", to);
}

void export_ab_md(const export_input *in, FILE *to) {
    const results_ab *ab = in->file.ab;
    report_ab found = report_ab_make(&in->file, "");
    export_put_markdown(found.headline, to);
    fputs("\n\n", to);
    export_put_markdown(found.counts, to);
    fprintf(to, "; margin %.3g %%\n\n", 100.0 * ab->margin);
    report_ab_free(&found);
    fputs("| case | verdict | time of B against A | launches | notes |\n"
          "|---|---|--:|--:|---|\n",
          to);
    for (size_t i = 0; i < ab->count; i++) {
        export_case c = export_case_at(in, i);
        put_case_row(&c, to);
    }
}

// ---- Bencher's metric format ----

static const char *const gaps[] = {"used", "could not be measured", "different bits",
                                   "not judged, since the self-check failed", "no estimate yet"};
enum { USED, FAILED, WRONG, UNJUDGED, EARLY, GAPS };

static int gap_of(const export_case *c) {
    return c->t->failed                            ? FAILED
           : export_case_wrong(c)                  ? WRONG
           : !c->judged                            ? UNJUDGED
           : !isfinite(exp(c->t->change.estimate)) ? EARLY
                                                   : USED;
}

static void put_case_measures(const export_case *c, FILE *to) {
    const results_trial *t = c->t;
    double latency = export_case_median(c, export_run_b);
    fprintf(to, "{\"relative-time\": {\"value\": %.7g", exp(t->change.estimate));
    if (isfinite(exp(t->change.low)) && isfinite(exp(t->change.high))) {
        fprintf(to, ", \"lower_value\": %.7g, \"upper_value\": %.7g", exp(t->change.low),
                exp(t->change.high));
    }
    fputc('}', to);
    if (isfinite(latency)) {
        fprintf(to, ", \"latency\": {\"value\": %.7g}", latency);
    }
    fputc('}', to);
}

void export_ab_bmf(const export_input *in, FILE *to) {
    json_t *used = json_object();
    size_t counts[GAPS] = {0};
    fputc('{', to);
    for (size_t i = 0; i < in->file.ab->count; i++) {
        export_case c = export_case_at(in, i);
        int gap = gap_of(&c);
        if (gap == USED) {
            fputs(counts[USED] ? ",\n" : "\n", to);
            export_put_unique(used, export_case_text(&c, "name"), to);
            fputs(": ", to);
            put_case_measures(&c, to);
        }
        counts[gap]++;
    }
    fputs(counts[USED] ? "\n}\n" : "}\n", to);
    for (int g = FAILED; g < GAPS; g++) {
        if (counts[g]) {
            fprintf(stderr, "note: %zu case(s) left out: %s\n", counts[g], gaps[g]);
        }
    }
    json_decref(used);
}
