// SPDX-License-Identifier: BSD-2-Clause
// The words of the list that were asked for.
#include "known.h"

#include "notes.h"
#include "text.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

bool cli_known_is_pattern(const char *asked) {
    return strpbrk(asked, "*?[") != NULL;
}

char *cli_known_lower(const char *word) {
    char *lower = cli_alloc((int64_t)strlen(word) + 1, 1);
    for (size_t i = 0; word[i]; i++) {
        lower[i] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] - 'A' + 'a' : word[i]);
    }
    return lower;
}

int64_t *cli_known_match(const cli_knowledge *k, const char *asked, int64_t *count) {
    const cli_vocabulary *v = &k->vocabulary;
    char *lower = cli_known_lower(asked);
    int64_t *found = cli_alloc(v->count, sizeof *found);
    *count = 0;
    if (!cli_known_is_pattern(asked)) {
        int64_t place = cli_vocabulary_find(v, lower);
        found[0] = place;
        *count = place >= 0;
    }
    for (int64_t i = 0; i < v->count && cli_known_is_pattern(asked); i++) {
        if (fnmatch(lower, v->words[i], 0) == 0) {
            found[(*count)++] = i;
        }
    }
    free(lower);
    return found;
}

bool cli_known_is_common(const cli_knowledge *k, int64_t word) {
    return cli_vocabulary_company(&k->vocabulary, word) * 100 > NOTES_COMMON_PERCENT;
}
