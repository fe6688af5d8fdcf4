// SPDX-License-Identifier: BSD-2-Clause
#include "json_out.h"

#include "cli.h"
#include "text.h"

#include <stdlib.h>

json_t *cli_json_text(const char *text, size_t length) {
    bool clean;
    char *shown = cli_utf8_clean(text, length, &clean);
    json_t *packed = json_string(shown);
    free(shown);
    return packed;
}

int cli_json_print(json_t *all) {
    int bad = !all || json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) != 0;
    putchar('\n');
    json_decref(all);
    return bad ? cli_fail(CLI_INTERNAL, "cannot write the JSON") : CLI_OK;
}
