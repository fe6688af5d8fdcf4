// SPDX-License-Identifier: BSD-2-Clause
#include "preflight.h"

#include "cases/exits.h"

#include <stdio.h>
#include <string.h>

static int count(const json_t *findings, const char *state) {
    int found = 0;
    size_t i;
    json_t *one;
    json_array_foreach(findings, i, one) {
        const char *its = json_string_value(json_object_get(one, "state"));
        found += its && strcmp(its, state) == 0;
    }
    return found;
}

int preflight(bench_look *look, const char *command, bool strict, json_t **findings) {
    *findings = look ? look() : NULL;
    int bad = count(*findings, "bad"), all = bad + count(*findings, "warning");
    if (all > 0) {
        fprintf(stderr,
                "%s: %d finding%s disturb%s measurements on this machine (%d bad); `decoct doctor` "
                "shows them and how to fix them\n",
                command, all, all == 1 ? "" : "s", all == 1 ? "s" : "", bad);
    }
    if (strict && bad > 0) {
        fprintf(stderr, "%s: nothing is measured, because of --strict\n", command);
        return EXIT_INVALID;
    }
    return EXIT_OK;
}
