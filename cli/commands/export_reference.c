// SPDX-License-Identifier: BSD-2-Clause
// The part of a result file that scores compare with: rows of a class that may be used, with what
// says which case they are and their speed. It is a result file again.
#include "export.h"
#include "score.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// Six digits are more than a measurement has.
enum { DUMP = JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6) };

// The keys of an object that are in the list and not null, in its order.
static void put_chosen(const json_t *object, const char *const *keys, FILE *to) {
    bool any = false;
    fputc('{', to);
    for (; *keys; keys++) {
        const json_t *value = json_object_get(object, *keys);
        if (value && !json_is_null(value)) {
            fprintf(to, "%s\"%s\":", any ? "," : "", *keys);
            json_dumpf(value, to, DUMP);
            any = true;
        }
    }
    fputc('}', to);
}

static void put_reference_context(const export_input *in, FILE *to) {
    static const char *const run[] = {"format",      "version",    "arithmetic", "commit",
                                      "compiler",    "build_type", "suite",      "seed",
                                      "repetitions", "complete",   NULL},
                             *const machine[] = {"cpu",      "vendor",       "cpu_family",
                                                 "model",    "stepping",     "usable_cpus",
                                                 "topology", "features",     "hypervisor",
                                                 "kernel",   "memory_bytes", NULL};
    const json_t *context = json_object_get(in->all, "context");
    fputs("{\n\"context\": {\"date\":", to);
    const json_t *date = json_object_get(context, "date");
    json_t *null = json_null();
    json_dumpf(date ? date : null, to, DUMP);
    fputs(",\n\"decoct\":", to);
    put_chosen(json_object_get(context, "decoct"), run, to);
    fputs(",\n\"machine\":", to);
    put_chosen(json_object_get(context, "machine"), machine, to);
    fputs("},\n\"benchmarks\": [", to);
}

static bool has_score_class(const json_t *row) {
    const json_t *seq = json_object_get(row, "seq");
    const char *op = json_string_value(json_object_get(row, "op"));
    return score_class(op, json_string_value(json_object_get(row, "level")),
                       json_is_integer(seq) ? json_integer_value(seq) : -1) >= 0;
}

static bool may_be_used(const json_t *row) {
    return json_is_number(json_object_get(row, "real_time")) &&
           !json_is_false(json_object_get(row, "correct")) &&
           json_array_size(json_object_get(row, "invalid")) == 0;
}

void export_reference(const export_input *in, FILE *to) {
    static const char *const keys[] = {
        "name",      "op",        "dtype",        "model", "block",    "seq",     "heads",
        "head_dim",  "layers",    "layers_timed", "level", "backend",  "workers", "pin",
        "time_unit", "real_time", "GFLOP/s",      "GB/s",  "tokens/s", NULL};
    size_t i, written = 0, unfit = 0;
    json_t *row;
    put_reference_context(in, to);
    json_array_foreach(json_object_get(in->all, "benchmarks"), i, row) {
        if (has_score_class(row) && may_be_used(row)) {
            fputs(written++ ? ",\n" : "\n", to);
            put_chosen(row, keys, to);
        } else {
            unfit += has_score_class(row);
        }
    }
    fputs("\n]\n}\n", to);
    if (unfit) {
        fprintf(stderr, "note: %zu row(s) with a wrong result or invalid figures are left out\n",
                unfit);
    }
}
