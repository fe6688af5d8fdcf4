// SPDX-License-Identifier: BSD-2-Clause
// --html of `decoct conform`: the page, and in it what --json has.
#include "conform.h"

#include "text.h"

#include "conform_page.h" // made from pages/conform.html by embed.py

#include <stdlib.h>
#include <string.h>

bool conform_put_page(FILE *to, const void *data) {
    json_t *all = conform_json(data);
    char *text = all ? json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(all);
    if (!text) {
        return false;
    }
    fwrite(conform_page_head, 1, sizeof conform_page_head, to);
    cli_put_json(to, text, strlen(text));
    fwrite(conform_page_tail, 1, sizeof conform_page_tail, to);
    free(text);
    return true;
}
