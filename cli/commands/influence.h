// SPDX-License-Identifier: BSD-2-Clause
// What mattered for the answer: the model runs again with each earlier word hidden, or two of them.
#ifndef CLI_INFLUENCE_H
#define CLI_INFLUENCE_H

#include "map.h"

// Texts of more words are CLI_USAGE: each word is one more run, each pair too.
enum { INFLUENCE_WORDS_MOST = 256, INFLUENCE_PAIR_WORDS_MOST = 64 };

// How it is computed, for readers.
#define INFLUENCE_METHOD                                                                           \
    "Each word before the last is hidden in turn from all words after it, in all layers and "      \
    "heads, and the model runs again: the effect is half the sum of the differences between the "  \
    "old and the new probability of every token (total variation distance), from 0 %, the same "   \
    "answer, to 100 %, an answer with nothing in common."
#define INFLUENCE_EXTRA                                                                            \
    "Extra is the effect of both words hidden together minus the effect of each alone: above 0 "   \
    "where one can replace the other, below 0 where the answer needs both."

// A word that was hidden from all words after it.
typedef struct cli_hidden {
    double effect;     // 100 * 1/2 * sum |p - p'|: 0 .. 100
    cli_answer answer; // what comes next without it
} cli_hidden;

// Two words that were hidden together.
typedef struct cli_hidden_pair {
    int64_t first, second; // words, first < second
    double effect;         // as above
    double extra;          // the effect minus those of each word alone: INFLUENCE_EXTRA
    cli_answer answer;     // only the most probable tokens: p is NULL
} cli_hidden_pair;

typedef struct cli_influence {
    cli_answer answer;      // nothing is hidden
    cli_hidden *words;      // (count), in the order of the text
    int64_t *order;         // (count), words by effect, the largest first; ties: the earlier one
    int64_t count;          // words before the last one: 0 for a text of one word
    cli_hidden_pair *pairs; // (pair_count), the largest extra first; ties: the earlier one
    int64_t pair_count;     // 0 unless asked for
} cli_influence;

// Runs the model once for each word before the last, with `pairs` also for each two of them; each
// answer has the `top` most probable tokens. The `cuts` (NULL: none) hold in all runs, also in the
// one with nothing hidden. 0, or an exit code; cli_influence_free also accepts what it left.
int cli_influence_make(const cli_desk *desk, const cli_prompt *prompt, const cli_words *words,
                       const cli_cuts *cuts, bool pairs, int64_t top, cli_influence *out);
void cli_influence_free(cli_influence *influence);

#endif
