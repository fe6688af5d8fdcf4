// SPDX-License-Identifier: BSD-2-Clause
// An A/B comparison as JUnit XML: a case a test, whose time is that of its launches. Of a gate it
// has the outcomes that the gate's own file has.
#include "export_ab.h"

#include "junit.h"

#include <stdlib.h>
#include <string.h>

static bool verdict_is(const export_case *c, const char *text) {
    return strcmp(export_case_verdict(c), text) == 0;
}

// A case without a verdict does not pass. What a gate accepts passes; what it has in quarantine is
// not judged. After a failed self-check only the bits are.
static junit_outcome outcome_of_case(const export_case *c) {
    bool regression = c->t->outcome == VERDICT_REGRESSION && !verdict_is(c, "accepted");
    bool decided = c->t->outcome != VERDICT_OPEN && c->t->outcome != VERDICT_CANNOT_TELL;
    return c->t->failed                                             ? JUNIT_ERROR
           : export_case_wrong(c)                                   ? JUNIT_FAILURE
           : !decided || verdict_is(c, "quarantined") || !c->judged ? JUNIT_SKIPPED
           : regression                                             ? JUNIT_FAILURE
                                                                    : JUNIT_PASSED;
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
    if (!c->judged) {
        fputs("not judged, since the self-check failed", to);
        return;
    }
    fprintf(to, "%s%s", export_case_verdict(c), c->t->looked ? ": time of B against A " : "");
    export_put_change(c, to);
    fprintf(to, "%s%s", why ? "; " : "", why ? why : "");
}

static void put_case_output(const export_case *c, FILE *to) {
    static const char *const keys[] = {"why", "reason", "until"};
    bool judged = c->judged || c->t->failed;
    fprintf(to, "verdict: %s\nlaunches: %zu\n",
            judged ? export_case_text(c, "verdict") : "not judged", c->t->count);
    if (c->judged && c->t->looked) {
        fputs("time of B against A: ", to);
        export_put_change(c, to);
        fputc('\n', to);
    }
    if (c->judged && c->t->decider != RESULTS_BY_QUICKEST) {
        fputs("the quickest calls alone: ", to);
        export_put_interval(&c->t->calls, to);
        fputc('\n', to);
    }
    if (c->judged && c->t->outcome == VERDICT_NO_CHANGE && c->t->smallest > 0.0) {
        fprintf(to, "a change above about %.1f %% would probably have been found\n",
                100.0 * c->t->smallest);
    }
    if (c->t->bits == RESULTS_BITS_DIFFERENT) {
        fputs("B gives other bits\n", to);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *text = export_case_text(c, keys[i]);
        if (text && (c->judged || i > 0)) { // "why" is of the verdict
            fprintf(to, "%s: %s\n", keys[i], text);
        }
    }
}

static void put_case_test(const export_case *c, FILE *to) {
    junit_text message, output;
    put_case_message(c, junit_text_open(&message));
    put_case_output(c, junit_text_open(&output));
    junit_put(&(junit_test){export_case_text(c, "name"), junit_text_close(&message),
                            junit_text_close(&output), outcome_of_case(c), export_case_seconds(c)},
              to);
    free(message.made);
    free(output.made);
}

// A gate can also fail for other reasons than a case: too many without a verdict, for example.
static junit_outcome outcome_of_gate(const export_input *in) {
    return in->file.ab->gate_code == 0 ? JUNIT_PASSED : JUNIT_FAILURE;
}

static void put_gate_test(const export_input *in, const char *sentence, FILE *to) {
    junit_text message;
    fprintf(junit_text_open(&message), "exit code %lld: %s", (long long)in->file.ab->gate_code,
            sentence);
    junit_put(
        &(junit_test){"verdict", junit_text_close(&message), message.made, outcome_of_gate(in), 0},
        to);
    free(message.made);
}

void export_ab_junit(const export_input *in, FILE *to) {
    const char *sentence =
        json_string_value(json_object_get(json_object_get(in->all, "gate"), "verdict"));
    junit_suite all = {.name = sentence ? "decoct gate" : "decoct ab", .verdict = sentence};
    for (size_t i = 0; i < in->file.ab->count; i++) {
        export_case c = export_case_at(in, i);
        all.counts[outcome_of_case(&c)]++;
        all.seconds += export_case_seconds(&c);
    }
    if (sentence) {
        all.counts[outcome_of_gate(in)]++;
    }
    junit_begin(in, &all, to);
    for (size_t i = 0; i < in->file.ab->count; i++) {
        export_case c = export_case_at(in, i);
        put_case_test(&c, to);
    }
    if (sentence) {
        put_gate_test(in, sentence, to);
    }
    junit_end(to);
}
