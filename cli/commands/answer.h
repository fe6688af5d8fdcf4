// SPDX-License-Identifier: BSD-2-Clause
// What could come next: the probabilities of all tokens and the most probable of them, with texts.
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include "desk.h"
#include "term.h"

typedef struct cli_candidate {
    int32_t id;
    float p;
    size_t length;
    char *text;  // the token's bytes, " tired"
    char *label; // as it is shown: "tired"; a piece that continues the prompt's last word: "+ing"
} cli_candidate;

typedef struct cli_answer {
    float *p; // (vocabulary)
    int64_t vocabulary;
    cli_candidate *top; // the most probable first; ties: the smaller id first
    int64_t count;
} cli_answer;

// CLI_USAGE after a message if one of the logits is not a finite number.
int cli_answer_check(const float *logits, int64_t count);
// Checks the logits. Softmax of them, and the `count` most probable tokens of it (or all, if there
// are fewer).
int cli_answer_make(const cli_desk *desk, const cli_prompt *prompt, const float *logits,
                    int64_t count, cli_answer *out);
void cli_answer_free(cli_answer *answer);
// The label of any token; after_word: the text before it ends with a letter or a digit. free() it.
// NULL after a message.
char *cli_answer_label(const cli_desk *desk, int32_t id, bool after_word);

// Is one of them a piece, "+ing"?
bool cli_answer_has_piece(const cli_answer *answer);
// The same answer as a list with bars.
void cli_answer_print(const cli_term *term, const cli_answer *answer);

#endif
