// SPDX-License-Identifier: BSD-2-Clause
// One result file, checked as `decoct report` checks it, and as JSON.
#include "cli.h"
#include "export.h"
#include "gather.h"

#include <stdlib.h>

// jansson alone does not check that it is a result file.
static int examine(export_input *in, const export_source *source, const char *text, size_t length,
                   char *words, size_t size) {
    in->reader = results_open();
    if (!in->reader) {
        snprintf(words, size, "out of memory");
        return CLI_INTERNAL;
    }
    results_status status = results_parse(in->reader, text, length, &in->file, words, size);
    int code = status == RESULTS_OK ? CLI_OK : status == RESULTS_MEMORY ? CLI_INTERNAL : CLI_USAGE;
    code = code == CLI_OK ? source->check(source->data, &in->file, words, size) : code;
    if (code == CLI_OK &&
        !fleet_add(&in->fleet, &in->file, source->path, source->path, NULL, 0, words, size)) {
        code = CLI_USAGE; // two rows of one name
    }
    return code;
}

int export_load(export_input *in, const export_source *source, const cli_output *output) {
    char words[512], *text;
    size_t length = 0;
    json_error_t error;
    int code =
        gather_read(source->path, output, &text, &length, source->digest, words, sizeof words);
    if (code == CLI_OK) {
        code = examine(in, source, text, length, words, sizeof words);
    }
    if (code == CLI_OK) {
        in->all = json_loadb(text, length, JSON_ALLOW_NUL, &error);
        if (!in->all) { // it is valid JSON: jansson may still refuse huge numbers
            bool number = json_error_code(&error) == json_error_numeric_overflow;
            snprintf(words, sizeof words, number ? "line %d: %s" : "out of memory", error.line,
                     error.text);
            code = number ? CLI_USAGE : CLI_INTERNAL;
        }
    }
    free(text);
    return code == CLI_OK ? CLI_OK : gather_fail(code, source->path, words);
}

void export_unload(export_input *in) {
    if (in->reader) {
        results_close(in->reader);
    }
    fleet_free(&in->fleet);
    json_decref(in->score);
    json_decref(in->all);
}
