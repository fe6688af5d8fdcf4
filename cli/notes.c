// SPDX-License-Identifier: BSD-2-Clause
// Compares a prompt with the words and pairs of words that a little model was trained on.
#include "notes.h"

#include "term.h"
#include "text.h"
#include "vocabulary.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { UNSEEN_NAMED = 8, PAIRS_NAMED = 3, WORDS_MOST = 256, NOTE_CAP = 1024 };

// The different words of a prompt that are known and not common, and those that are unknown.
typedef struct reading {
    int64_t known[WORDS_MOST];
    int64_t known_count;
    char unseen[UNSEEN_NAMED][CLI_WORD_CAP];
    int64_t unseen_count, unseen_more;
} reading;

static void __attribute__((format(printf, 2, 3)))
add_note(cli_notes *notes, const char *format, ...) {
    char text[NOTE_CAP];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bool clean;
    notes->list = cli_resize(notes->list, notes->count + 1, sizeof *notes->list);
    notes->list[notes->count++] = cli_utf8_clean(text, strlen(text), &clean);
}

static void read_unseen(reading *r, const char *word) {
    for (int64_t i = 0; i < r->unseen_count; i++) {
        if (strcmp(r->unseen[i], word) == 0) {
            return;
        }
    }
    if (r->unseen_count < UNSEEN_NAMED) {
        strcpy(r->unseen[r->unseen_count++], word);
    } else {
        r->unseen_more++;
    }
}

static void read_known(reading *r, const cli_vocabulary *v, int64_t word) {
    for (int64_t i = 0; i < r->known_count; i++) {
        if (r->known[i] == word) {
            return;
        }
    }
    if (v->pairs && r->known_count < WORDS_MOST &&
        cli_vocabulary_company(v, word) * 100 <= NOTES_COMMON_PERCENT) {
        r->known[r->known_count++] = word;
    }
}

static void note_unseen(const reading *r, cli_notes *out) {
    char list[UNSEEN_NAMED * (CLI_WORD_CAP + 2)] = "", more[32] = "";
    char *end = list;
    for (int64_t i = 0; i < r->unseen_count; i++) {
        end = stpcpy(stpcpy(end, i ? ", " : ""), r->unseen[i]);
    }
    if (r->unseen_more > 0) {
        snprintf(more, sizeof more, " and %lld more", (long long)r->unseen_more);
    }
    if (r->unseen_count > 0) {
        add_note(out, "never seen: %s%s", list, more);
    }
}

static void note_pairs(const reading *r, const cli_vocabulary *v, cli_notes *out) {
    char list[PAIRS_NAMED * (2 * CLI_WORD_CAP + 8)] = "", more[32] = "";
    char *end = list;
    int64_t apart = 0;
    for (int64_t i = 0; i < r->known_count; i++) {
        for (int64_t j = i + 1; j < r->known_count; j++) {
            if (cli_vocabulary_together(v, r->known[i], r->known[j])) {
                continue;
            }
            if (apart++ < PAIRS_NAMED) {
                end += snprintf(end, 2 * CLI_WORD_CAP + 8, "%s%.*s with %.*s",
                                end > list ? ", " : "", CLI_WORD_CAP, v->words[r->known[i]],
                                CLI_WORD_CAP, v->words[r->known[j]]);
            }
        }
    }
    if (apart > PAIRS_NAMED) {
        snprintf(more, sizeof more, " and %lld more", (long long)(apart - PAIRS_NAMED));
    }
    if (apart >= NOTES_PAIRS_LEAST) {
        add_note(out, "outside my stories: %s%s", list, more);
    }
}

// Reads the words of the prompt, and the answer if it is a whole word that is known.
static void read_words(reading *r, const cli_vocabulary *v, const char *prompt,
                       const char *answer) {
    char word[CLI_WORD_CAP];
    while (cli_next_word(&prompt, word)) {
        int64_t found = cli_vocabulary_find(v, word);
        if (found >= 0) {
            read_known(r, v, found);
        } else {
            read_unseen(r, word);
        }
    }
    int64_t found = cli_next_word(&answer, word) ? cli_vocabulary_find(v, word) : -1;
    if (found >= 0) {
        read_known(r, v, found);
    }
}

void cli_notes_make(const char *folder, const char *prompt, const char *answer, double p,
                    cli_notes *out) {
    *out = (cli_notes){0};
    cli_vocabulary v;
    reading r = {0};
    cli_vocabulary_load(folder, &v);
    if (v.count > 0) {
        read_words(&r, &v, prompt, answer);
        note_unseen(&r, out);
        note_pairs(&r, &v, out);
    }
    if (v.count > 0 && p * 100 < NOTES_UNSURE_PERCENT) {
        add_note(out, "unsure: the best answer has only %.0f %%", p * 100);
    }
    if (v.problem[0]) {
        add_note(out, "%s", v.problem);
    }
    cli_vocabulary_free(&v);
}

void cli_note_print(const char *note) {
    cli_term term = cli_term_look(stderr);
    fputs("note: ", stderr);
    cli_term_put(&term, note);
    fputc('\n', stderr);
}

void cli_notes_print(const cli_notes *notes) {
    for (int64_t i = 0; i < notes->count; i++) {
        cli_note_print(notes->list[i]);
    }
}

json_t *cli_notes_pack(const cli_notes *notes) {
    json_t *list = json_array();
    for (int64_t i = 0; i < notes->count; i++) {
        json_array_append_new(list, json_string(notes->list[i]));
    }
    return list;
}

void cli_notes_free(cli_notes *notes) {
    for (int64_t i = 0; i < notes->count; i++) {
        free(notes->list[i]);
    }
    free(notes->list);
    *notes = (cli_notes){0};
}
