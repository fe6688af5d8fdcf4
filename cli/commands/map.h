// SPDX-License-Identifier: BSD-2-Clause
// Who looked at whom: the words of a prompt and the attention weights between them.
#ifndef CLI_MAP_H
#define CLI_MAP_H

#include "answer.h"

// A word of the prompt: the tokens first .. first + count - 1.
typedef struct cli_word {
    int64_t first, count;
    char *text; // without the space in front; valid UTF-8
} cli_word;

typedef struct cli_words {
    cli_word *list;
    int64_t count;
} cli_words;

// Joins the tokens of each word: one that begins with a space, or changes from letters to marks,
// begins a new word. 0 or an exit code.
int cli_words_split(const cli_desk *desk, const cli_prompt *prompt, cli_words *out);
void cli_words_free(cli_words *words);
// "snow", and "the (4)" if the text has it more than once.
enum { CLI_WORD_NAME = 256 };
void cli_words_name(const cli_words *words, int64_t word, char out[CLI_WORD_NAME]);

// Word `to` is hidden from word `from`, both 0-based, to <= from.
typedef struct cli_cut {
    int64_t from, to;
} cli_cut;

typedef struct cli_cuts {
    cli_cut *list;
    int64_t count;
} cli_cuts;

// Parses "FROM:TO": words or their 1-based numbers; FROM may be * for all words after TO.
// Appends to *cuts. 0, or CLI_USAGE with a message that names the fix.
int cli_cuts_add(const cli_words *words, const char *text, cli_cuts *cuts);
// Hides the words (cuts NULL: none) in a session, for tokens fed from now on.
decoct_status cli_cuts_apply(const cli_desk *desk, decoct_session *session, const cli_words *words,
                             const cli_cuts *cuts);

// Which attention is shown; -1: the mean over all of them.
typedef struct cli_choice {
    int64_t layer, head;
} cli_choice;

typedef struct cli_map {
    int64_t layers, heads, count;
    float *mean;   // (count, count), row: the reader; the mean over the choice
    float *single; // (layers * heads, count, count), or NULL
    // For each word, the head of the choice in which the last word drew most from it, and how much.
    struct {
        float p;
        int64_t layer, head;
    } * peak; // (count)
    cli_answer answer;
} cli_map;

// Runs the model over the prompt with these cuts (NULL: none) and collects the map and the answer.
// The weight of word B in word A is the mean over A's tokens of the sum over B's tokens, so that a
// row still sums to 1.
int cli_map_make(const cli_desk *desk, const cli_prompt *prompt, const cli_words *words,
                 const cli_cuts *cuts, cli_choice choice, bool all, int64_t top, cli_map *out);
void cli_map_free(cli_map *map);

#endif
