// SPDX-License-Identifier: BSD-2-Clause
// Adds the rows of a result file to a file of CSV that is there already: the history of many runs.
// The file is replaced as a whole, so that a full disk leaves the old one, and claimed meanwhile.
#include "export.h"

#include "cli.h"
#include "gather.h"

#include "bench/rows/claim.h"
#include "bench/rows/readwhole.h"
#include "bench/rows/wholefile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool put_rows(FILE *to, const void *data) {
    export_csv(data, to);
    return !ferror(to);
}

static int read_old(export_input *in, const char *path, char **text) {
    char words[WHOLEFILE_MESSAGE];
    size_t length = 0;
    readwhole_status status = readwhole(path, text, &length, words, sizeof words);
    if (status != READWHOLE_OK) {
        return gather_fail(status == READWHOLE_MEMORY ? CLI_INTERNAL : CLI_USAGE, path, words);
    }
    if (length != strlen(*text)) {
        return gather_fail(CLI_USAGE, path, "holds a byte 0: it is not CSV");
    }
    in->old = length > 0 ? *text : NULL;
    return !in->old || export_csv_fits(in->old, words, sizeof words)
               ? CLI_OK
               : gather_fail(CLI_USAGE, path, words);
}

static int write_new(const export_input *in, const char *path, int *held) {
    char words[WHOLEFILE_MESSAGE] = "";
    return wholefile_write(path, put_rows, in, held, words, sizeof words)
               ? CLI_OK
               : cli_fail(CLI_INTERNAL, "cannot write to %s: %s", path, words);
}

int export_append(export_input *in, const char *path) {
    char words[WHOLEFILE_MESSAGE] = "", *text = NULL;
    int held = -1;
    if (wholefile_is_stream(path)) {
        return gather_fail(CLI_USAGE, path, "--append needs a file, which this is not");
    }
    claim_status claim = claim_take(path, true, &held, words, sizeof words);
    if (claim == CLAIM_HELD || claim == CLAIM_FAILED) {
        return claim == CLAIM_HELD
                   ? gather_fail(CLI_USAGE, path, "another process is writing it: wait for it")
                   : cli_fail(CLI_INTERNAL, "cannot write to %s: %s", path, words);
    }
    int code = read_old(in, path, &text);
    code = code == CLI_OK ? write_new(in, path, &held) : code;
    if (code != CLI_OK && claim == CLAIM_NEW) {
        unlink(path); // as if it had never been there
    }
    if (held >= 0) {
        close(held);
    }
    free(text);
    in->old = NULL;
    return code;
}
