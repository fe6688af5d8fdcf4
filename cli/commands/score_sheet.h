// SPDX-License-Identifier: BSD-2-Clause
// The scores of a fleet, ranked, as JSON and as lines of text.
#ifndef CLI_SCORE_SHEET_H
#define CLI_SCORE_SHEET_H

#include "fleet.h"
#include "output.h"

#include <jansson.h>

// The scores against the file `reference`; NULL: against the one that comes with the program. An
// exit code; the message was printed. *sheet, for json_decref, is as docs/results.md describes it;
// it is NULL, after a note on standard error, where the program's own reference is missing.
int score_sheet(const fleet *f, const char *reference, const cli_output *output, json_t **sheet);
// The best series of each group that has a score, best first, as sentences: each is passed to
// `put`, without a line feed. Texts of the files are in them as they are. NULL: none.
void score_sheet_put(const json_t *sheet, void (*put)(const char *sentence, void *to), void *to);

#endif
