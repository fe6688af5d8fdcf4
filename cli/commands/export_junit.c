// SPDX-License-Identifier: BSD-2-Clause
// A result file as JUnit XML: a row a test, whose time is that of one run.
#include "junit.h"

#include <stdlib.h>

// A wrong result is a failure of the library. An invalid figure is neither good nor bad.
static junit_outcome outcome_of(const json_t *row) {
    bool time = json_number_value(json_object_get(row, "real_time")) > 0.0;
    return json_is_true(json_object_get(row, "error_occurred"))        ? JUNIT_ERROR
           : json_is_false(json_object_get(row, "correct"))            ? JUNIT_FAILURE
           : json_array_size(json_object_get(row, "invalid")) || !time ? JUNIT_SKIPPED
                                                                       : JUNIT_PASSED;
}

static double seconds_of(const json_t *row) {
    bool error = json_is_true(json_object_get(row, "error_occurred"));
    return error ? 0.0 : 1e-6 * json_number_value(json_object_get(row, "real_time"));
}

static const char *text_of(const json_t *row, const char *key) {
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "unknown";
}

// "a; b"
static void put_joined(const json_t *list, FILE *to) {
    size_t i = 0;
    json_t *one = NULL;
    json_array_foreach(list, i, one) {
        fprintf(to, "%s%s", i ? "; " : "", json_is_string(one) ? json_string_value(one) : "null");
    }
}

static void put_message(const json_t *row, junit_outcome outcome, FILE *to) {
    const json_t *invalid = json_object_get(row, "invalid");
    if (outcome == JUNIT_ERROR) {
        fputs(text_of(row, "error_message"), to);
    } else if (outcome == JUNIT_FAILURE) {
        fprintf(to, "wrong result: hash %s, expected %s", text_of(row, "hash"),
                text_of(row, "expected"));
    } else if (outcome == JUNIT_SKIPPED) {
        fputs(json_array_size(invalid) ? "invalid: " : "there is no real_time", to);
        put_joined(invalid, to);
    }
}

static void put_value_line(const json_t *row, const char *key, FILE *to) {
    const json_t *value = json_object_get(row, key);
    if (json_array_size(value) || json_is_number(value)) {
        fprintf(to, "%s: ", key);
        if (json_is_number(value)) {
            export_put_number(value, to);
        }
        put_joined(value, to);
        fputc('\n', to);
    }
}

// What the outcome does not say.
static void put_output(const json_t *row, junit_outcome outcome, FILE *to) {
    static const char *const keys[] = {"disturbed",   "real_time_low", "real_time_high",
                                       "pct_of_roof", "GFLOP/s",       "GB/s",
                                       "tokens/s",    "control_ns",    "control_ratio"};
    if (outcome == JUNIT_ERROR) { // its other keys were not checked
        return;
    }
    if (json_is_null(json_object_get(row, "correct"))) {
        fputs("the result was not checked\n", to);
    }
    if (outcome == JUNIT_FAILURE) {
        put_value_line(row, "invalid", to);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        put_value_line(row, keys[i], to);
    }
}

static void put_test(const json_t *row, FILE *to) {
    junit_text message, output;
    junit_outcome outcome = outcome_of(row);
    put_message(row, outcome, junit_text_open(&message));
    put_output(row, outcome, junit_text_open(&output));
    junit_put(&(junit_test){text_of(row, "name"), junit_text_close(&message),
                            junit_text_close(&output), outcome, seconds_of(row)},
              to);
    free(message.made);
    free(output.made);
}

void export_junit(const export_input *in, FILE *to) {
    junit_suite all = {.name = "decoct"};
    size_t i = 0;
    json_t *row = NULL;
    const json_t *rows = json_object_get(in->all, "benchmarks");
    json_array_foreach(rows, i, row) {
        all.counts[outcome_of(row)]++;
        all.seconds += seconds_of(row);
    }
    junit_begin(in, &all, to);
    json_array_foreach(rows, i, row) {
        put_test(row, to);
    }
    junit_end(to);
}
