// SPDX-License-Identifier: BSD-2-Clause
// A result file in Bencher's metric format: {benchmark: {measure: {value, lower_value,
// upper_value}}}. Rows whose figures must not be used are left out.
#include "export.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

// A measure, named by its slug, and the figure of a row that it is. Its interval is that of the
// figure, or of the time that it was divided by.
static const struct measure {
    const char *slug, *key;
    double unit;
    enum { OWN, OF_TIME, NONE } interval;
} measures[] = {{"latency", "real_time", 1e3, OWN}, // Bencher's own, in nanoseconds
                {"gflop-per-second", "GFLOP/s", 1.0, OF_TIME},
                {"gb-per-second", "GB/s", 1.0, OF_TIME},
                {"tokens-per-second", "tokens/s", 1.0, OF_TIME},
                {"pct-of-roof", "pct_of_roof", 1.0, OWN},
                {"control-ratio", "control_ratio", 1.0, NONE}};
enum { MEASURES = sizeof measures / sizeof *measures };

static double figure_of(const json_t *row, const char *key, const char *end) {
    char name[64];
    snprintf(name, sizeof name, "%s%s", key, end);
    return json_number_value(json_object_get(row, name));
}

static void put_ends(const struct measure *m, const json_t *row, double value, FILE *to) {
    double low = figure_of(row, m->interval == OWN ? m->key : "real_time", "_low") * m->unit;
    double high = figure_of(row, m->interval == OWN ? m->key : "real_time", "_high") * m->unit;
    if (m->interval == OF_TIME) { // the rate is an amount in that time
        double amount = value * figure_of(row, "real_time", ""), least = low;
        low = high > 0.0 ? amount / high : 0.0;
        high = least > 0.0 ? amount / least : 0.0;
    }
    if (m->interval != NONE && low > 0.0 && high > 0.0 && isfinite(low) && isfinite(high)) {
        fputs(", \"lower_value\": ", to);
        export_put_real(low, to);
        fputs(", \"upper_value\": ", to);
        export_put_real(high, to);
    }
}

static void put_measures(const json_t *row, FILE *to) {
    const char *between = "";
    fputc('{', to);
    for (int i = 0; i < MEASURES; i++) {
        double value = figure_of(row, measures[i].key, "") * measures[i].unit;
        if (value > 0.0) {
            fprintf(to, "%s\"%s\": {\"value\": ", between, measures[i].slug);
            export_put_real(value, to);
            put_ends(&measures[i], row, value, to);
            fputc('}', to);
            between = ", ";
        }
    }
    fputc('}', to);
}

static const char *const reasons[] = {"used", "could not run", "wrong result", "invalid",
                                      "no real_time"};
enum { USED, FAILED, WRONG, INVALID, TIMELESS, REASONS };

static int reason_of(const json_t *row) {
    bool time = json_number_value(json_object_get(row, "real_time")) > 0.0;
    return json_is_true(json_object_get(row, "error_occurred")) ? FAILED
           : json_is_false(json_object_get(row, "correct"))     ? WRONG
           : json_array_size(json_object_get(row, "invalid"))   ? INVALID
           : !time                                              ? TIMELESS
                                                                : USED;
}

// Rows on several backends may have one name.
void export_put_unique(json_t *used, const char *name, FILE *to) {
    json_t *shown = json_string(name);
    for (int n = 2; json_object_get(used, json_string_value(shown)); n++) {
        json_decref(shown);
        shown = json_sprintf("%s #%d", name, n);
    }
    json_object_set_new(used, json_string_value(shown), json_true());
    json_dumpf(shown, to, JSON_ENCODE_ANY);
    json_decref(shown);
}

void export_bmf(const export_input *in, FILE *to) {
    size_t i = 0, counts[REASONS] = {0};
    json_t *row = NULL, *used = json_object();
    fputc('{', to);
    json_array_foreach(json_object_get(in->all, "benchmarks"), i, row) {
        int reason = reason_of(row);
        if (reason == USED) {
            fputs(counts[USED] ? ",\n" : "\n", to);
            export_put_unique(used, json_string_value(json_object_get(row, "name")), to);
            fputs(": ", to);
            put_measures(row, to);
        }
        counts[reason]++;
    }
    fputs(counts[USED] ? "\n}\n" : "}\n", to);
    for (int r = FAILED; r < REASONS; r++) {
        if (counts[r]) {
            fprintf(stderr, "note: %zu row(s) left out: %s\n", counts[r], reasons[r]);
        }
    }
    json_decref(used);
}
