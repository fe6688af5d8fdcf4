// SPDX-License-Identifier: BSD-2-Clause
// What a reader should know before believing an answer: words that the model has never seen, words
// that it has never seen together (the answer is one of them), and a low probability.
#ifndef CLI_NOTES_H
#define CLI_NOTES_H

#include <jansson.h>
#include <stdint.h>

// models/potion/notes.py prints what other values would do to the sentences of dev.txt.
enum {
    NOTES_COMMON_PERCENT = 25, // a word that occurs with more of all words proves nothing
    NOTES_PAIRS_LEAST = 1,     // pairs never seen together, before anything is said
    NOTES_UNSURE_PERCENT = 35, // the best answer is less probable than this
};

typedef struct cli_notes {
    char **list; // "never seen: xyzzy, quark"
    int64_t count;
} cli_notes;

// The notes about a prompt and the most probable next token, its text and probability. A model
// without a list of its words (words.txt) has no notes: there is nothing to compare with, and a
// large vocabulary makes low probabilities normal.
void cli_notes_make(const char *folder, const char *prompt, const char *answer, double p,
                    cli_notes *out);
// A line "note: ..." on stderr; one for each note.
void cli_note_print(const char *note);
void cli_notes_print(const cli_notes *notes);
// A list of strings.
json_t *cli_notes_pack(const cli_notes *notes);
void cli_notes_free(cli_notes *notes);

#endif
