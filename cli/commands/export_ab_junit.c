// SPDX-License-Identifier: BSD-2-Clause
// An A/B comparison as JUnit XML: a case a test, whose time is that of its launches.
#include "export_ab.h"

#include "junit.h"

#include <stdlib.h>
#include <string.h>

// A case without a verdict does not pass. What a gate accepts passes; what it has in quarantine is
// not judged.
static junit_outcome outcome_of_case(const export_case *c) {
    bool accepted = strcmp(export_case_verdict(c), "accepted") == 0;
    bool quarantined = strcmp(export_case_verdict(c), "quarantined") == 0;
    switch (c->t->outcome) {
    case VERDICT_REGRESSION:
        return export_case_wrong(c) ? JUNIT_ERROR
               : accepted           ? JUNIT_PASSED
               : quarantined        ? JUNIT_SKIPPED
                                    : JUNIT_FAILURE;
    case VERDICT_NO_CHANGE:
    case VERDICT_IMPROVEMENT:
        return export_case_wrong(c) ? JUNIT_ERROR : quarantined ? JUNIT_SKIPPED : JUNIT_PASSED;
    default:
        return c->t->failed || export_case_wrong(c) ? JUNIT_ERROR : JUNIT_SKIPPED;
    }
}

static void put_case_message(const export_case *c, FILE *to) {
    const char *why = export_case_text(c, "why"), *error = export_case_text(c, "error");
    if (c->t->failed) {
        fputs(error ? error : "failed", to);
        return;
    }
    if (export_case_wrong(c)) {
        fputs("B gives different bits; ", to);
    }
    fprintf(to, "%s%s", export_case_verdict(c), c->t->looked ? ": time of B against A " : "");
    export_put_change(c, to);
    fprintf(to, "%s%s", why ? "; " : "", why ? why : "");
}

static void put_case_output(const export_case *c, FILE *to) {
    static const char *const keys[] = {"why", "reason", "until"};
    fprintf(to, "verdict: %s\nlaunches: %zu\n", export_case_text(c, "verdict"), c->t->count);
    if (c->t->looked) {
        fputs("time of B against A: ", to);
        export_put_change(c, to);
        fputc('\n', to);
    }
    if (c->t->outcome == VERDICT_NO_CHANGE && c->t->smallest > 0.0) {
        fprintf(to, "smallest change that would have been found: %.1f %%\n",
                100.0 * c->t->smallest);
    }
    if (c->t->bits == RESULTS_BITS_DIFFERENT) {
        fputs("B gives other bits\n", to);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *text = export_case_text(c, keys[i]);
        if (text) {
            fprintf(to, "%s: %s\n", keys[i], text);
        }
    }
}

static void put_case_test(const export_case *c, FILE *to) {
    junit_text message, output;
    junit_outcome outcome = outcome_of_case(c);
    put_case_message(c, junit_text_open(&message));
    put_case_output(c, junit_text_open(&output));
    junit_put(&(junit_test){export_case_text(c, "name"), junit_text_close(&message),
                            junit_text_close(&output), outcome, export_case_seconds(c)},
              to);
    free(message.made);
    free(output.made);
}

void export_ab_junit(const export_input *in, FILE *to) {
    const json_t *gate = json_object_get(in->all, "gate");
    junit_suite all = {.name = gate ? "decoct gate" : "decoct ab",
                       .verdict = json_string_value(json_object_get(gate, "verdict"))};
    for (size_t i = 0; i < in->file.ab->count; i++) {
        export_case c = export_case_at(in, i);
        all.counts[outcome_of_case(&c)]++;
        all.seconds += export_case_seconds(&c);
    }
    junit_begin(in, &all, to);
    for (size_t i = 0; i < in->file.ab->count; i++) {
        export_case c = export_case_at(in, i);
        put_case_test(&c, to);
    }
    junit_end(to);
}
