// SPDX-License-Identifier: BSD-2-Clause
#include "record_file.h"

#include "wholefile.h"

#include <stdio.h>
#include <stdlib.h>

enum { INDENTED = JSON_INDENT(1) | JSON_REAL_PRECISION(6), ONE_LINE = JSON_REAL_PRECISION(6) };

bool record_file_open(record_file *r, const char *path, int count) {
    *r = (record_file){.path = path, .count = count};
    r->rows = calloc((size_t)(count > 0 ? count : 1), sizeof *r->rows);
    return r->rows;
}

void record_file_close(record_file *r) {
    json_decref(r->context);
    for (int i = 0; r->rows && i < r->count; i++) {
        json_decref(r->rows[i]);
    }
    free(r->rows);
}

// Every row on a line of its own, for diff and grep.
static bool put(const record_file *r, FILE *to) {
    bool first = true, well = fputs("{\n\"context\": ", to) >= 0;
    well = well && json_dumpf(r->context, to, INDENTED) == 0;
    well = well && fputs(",\n\"benchmarks\": [\n", to) >= 0;
    for (int i = 0; well && i < r->count; i++) {
        if (r->rows[i]) {
            well = fputs(first ? "" : ",\n", to) >= 0 && json_dumpf(r->rows[i], to, ONE_LINE) == 0;
            first = false;
        }
    }
    return well && fputs(first ? "]\n}\n" : "\n]\n}\n", to) >= 0;
}

static bool put_results(FILE *to, const void *data) {
    return put(data, to);
}

bool record_file_write(const record_file *r, const char *command) {
    const char *wrong = wholefile_write(r->path, put_results, r);
    if (wrong) {
        fprintf(stderr, "%s: cannot write %s: %s\n", command, r->path, wrong);
    }
    return !wrong;
}

json_t *record_file_read(const char *path, const char *command) {
    json_error_t error;
    json_t *all = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!all) {
        fprintf(stderr, "%s: %s, line %d: %s\n", command, path, error.line, error.text);
    } else if (!json_is_object(json_object_get(json_object_get(all, "context"), "decoct")) ||
               !json_is_array(json_object_get(all, "benchmarks"))) {
        fprintf(stderr,
                "%s: %s is no result file: it has no \"context\" with \"decoct\", or no "
                "\"benchmarks\"\n",
                command, path);
        json_decref(all);
        all = NULL;
    }
    return all;
}
