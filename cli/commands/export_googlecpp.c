// SPDX-License-Identifier: BSD-2-Clause
// A result file as Google Benchmark itself would write it: its keys alone, in its order.
#include "export.h"

#include <stdbool.h>
#include <string.h>

// Compact JSON of one value, numbers as short as they can be.
static void put_json_value(const json_t *value, FILE *to) {
    if (json_is_number(value)) {
        export_put_number(value, to);
    } else {
        json_dumpf(value, to, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
    }
}

static void put_keys(const json_t *object, const char *const *keys, const char *indent, bool *any,
                     FILE *to) {
    for (; *keys; keys++) {
        const json_t *value = json_object_get(object, *keys);
        if (value && !json_is_null(value)) {
            fprintf(to, "%s\n%s\"%s\": ", *any ? "," : "", indent, *keys);
            put_json_value(value, to);
            *any = true;
        }
    }
}

static void put_google_row(const json_t *row, size_t index, FILE *to) {
    static const char *const head[] = {"run_name",         "run_type", "repetitions",
                                       "repetition_index", "threads",  NULL};
    static const char *const tail[] = {"iterations", "real_time", "cpu_time", "time_unit",
                                       "GFLOP/s",    "GB/s",      "tokens/s", NULL};
    bool any = true;
    fputs("    {\n      \"name\": ", to);
    put_json_value(json_object_get(row, "name"), to);
    fprintf(to, ",\n      \"family_index\": %zu,\n      \"per_family_instance_index\": 0", index);
    put_keys(row, head, "      ", &any, to);
    if (json_is_false(json_object_get(row, "correct"))) {
        fputs(",\n      \"error_occurred\": true,\n      \"error_message\": \"wrong result\"", to);
    }
    put_keys(row, tail, "      ", &any, to);
    fputs("\n    }", to);
}

// Its readers use both times without checking that they exist.
static bool has_times(const json_t *row) {
    return json_is_number(json_object_get(row, "real_time")) &&
           json_is_number(json_object_get(row, "cpu_time"));
}

void export_googlecpp(const export_input *in, FILE *to) {
    static const char *const keys[] = {"date",     "host_name",   "executable",
                                       "num_cpus", "mhz_per_cpu", "cpu_scaling_enabled",
                                       "caches",   "load_avg",    "library_build_type",
                                       NULL};
    size_t i = 0, written = 0, left_out = 0;
    json_t *row = NULL;
    bool any = false;
    fputs("{\n  \"context\": {", to);
    put_keys(json_object_get(in->all, "context"), keys, "    ", &any, to);
    fputs("\n  },\n  \"benchmarks\": [", to);
    json_array_foreach(json_object_get(in->all, "benchmarks"), i, row) {
        if (has_times(row)) {
            fputs(written ? ",\n" : "\n", to);
            put_google_row(row, written++, to);
        } else {
            left_out++;
        }
    }
    fputs("\n  ]\n}\n", to);
    if (left_out) {
        fprintf(stderr, "note: %zu row(s) without real_time or cpu_time are left out\n", left_out);
    }
}
