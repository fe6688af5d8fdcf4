// SPDX-License-Identifier: BSD-2-Clause
// What `decoct words` shows.
#ifndef CLI_KNOWN_H
#define CLI_KNOWN_H

#include "desk.h"
#include "tryout.h"
#include "vocabulary.h"

typedef struct cli_knowledge {
    const cli_desk *desk;
    cli_vocabulary vocabulary;
    cli_tryout tryout;
    int count; // words or patterns that were asked for; 0: an overview
    char *const *asked;
} cli_knowledge;

// Is this a pattern with * ? or []?
bool cli_known_is_pattern(const char *asked);
// The word in lower case, as the list has it. free() it.
char *cli_known_lower(const char *word);
// The words that match, lower case, as places in the list; *count of them. free() it.
int64_t *cli_known_match(const cli_knowledge *k, const char *asked, int64_t *count);
// Does it occur with most words?
bool cli_known_is_common(const cli_knowledge *k, int64_t word);

// One JSON object on stdout; an exit code.
int cli_known_json(const cli_knowledge *k);

#endif
