// SPDX-License-Identifier: BSD-2-Clause
#include "abi.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

static const char lacks[] = "lacks a function of the C ABI that this program uses";

void abi_explain(const char *library, char *error) {
    snprintf(error, CHANNEL_ERROR, "%.400s %s", library, lacks);
}

bool abi_is_missing(const trial *trials, int count) {
    for (int i = 0; i < count; i++) {
        if (!strstr(trials[i].error, lacks)) {
            return false;
        }
    }
    return count > 0;
}

bool abi_is_other(const char *folder, char *error) {
    static const char *const places[] = {"", "lib/", "lib64/", "usr/lib/", "lib/*/", "usr/lib/*/"};
    bool found = false;
    for (size_t i = 0; !found && i < sizeof places / sizeof *places; i++) {
        char pattern[CHANNEL_PATH + 64];
        glob_t list;
        snprintf(pattern, sizeof pattern, "%s/%slibdecoct.so.[1-9]", folder, places[i]);
        if (glob(pattern, 0, NULL, &list) == 0) {
            found = true;
            snprintf(error, CHANNEL_ERROR,
                     "%.400s has another C ABI than this program, which uses libdecoct.so.0",
                     list.gl_pathv[0]);
            globfree(&list);
        }
    }
    return found;
}
