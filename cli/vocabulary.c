// SPDX-License-Identifier: BSD-2-Clause
// Warns, in one line, of words that a small model has never seen. Without a word list it is silent.
#include "vocabulary.h"

#include "term.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_CAP = 1 << 20, NAMED_MOST = 8, WORD_CAP = 64 };

typedef struct word_list {
    char *text; // the file; each line became a string
    char **words;
    int64_t count;
} word_list;

static int compare_words(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *read_list(const char *folder) {
    char path[4096 + 16];
    snprintf(path, sizeof path, "%s/words.txt", folder);
    FILE *file = fopen(path, "re");
    if (!file) {
        return NULL;
    }
    char *text = cli_alloc(LIST_CAP + 1, 1);
    size_t got = fread(text, 1, LIST_CAP, file);
    text[got] = '\0';
    fclose(file);
    return text;
}

static word_list load_vocabulary(const char *folder) {
    word_list list = {.text = read_list(folder)};
    if (!list.text) {
        return list;
    }
    int64_t lines = 1;
    for (const char *c = list.text; *c; c++) {
        lines += *c == '\n';
    }
    list.words = cli_alloc(lines, sizeof *list.words);
    char *rest = NULL;
    for (char *w = strtok_r(list.text, "\r\n", &rest); w; w = strtok_r(NULL, "\r\n", &rest)) {
        list.words[list.count++] = w;
    }
    qsort(list.words, (size_t)list.count, sizeof *list.words, compare_words);
    return list;
}

static bool is_known(const word_list *list, const char *word) {
    return bsearch(&word, list->words, (size_t)list->count, sizeof *list->words, compare_words) !=
           NULL;
}

// "sarah's" is known when "sarah" is.
static bool is_known_or_stem(const word_list *list, const char *word) {
    char stem[WORD_CAP];
    strcpy(stem, word);
    char *apostrophe = strchr(stem, '\'');
    if (is_known(list, word) || !apostrophe) {
        return is_known(list, word);
    }
    *apostrophe = '\0';
    return stem[0] == '\0' || is_known(list, stem);
}

// Copies the next word of *text, lower-cased, quotes around it left out; false at the end.
static bool next_word(const char **text, char word[WORD_CAP]) {
    const char *s = *text;
    while (*s && (!cli_is_word_byte(*s) || *s == '\'')) {
        s++;
    }
    size_t used = 0;
    for (; *s && cli_is_word_byte(*s); s++) {
        if (used + 1 < WORD_CAP) {
            word[used++] = (char)(*s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s);
        }
    }
    while (used > 0 && word[used - 1] == '\'') {
        used--;
    }
    word[used] = '\0';
    *text = s;
    return used > 0;
}

void cli_note_unseen(const char *folder, const char *text) {
    word_list list = load_vocabulary(folder);
    char named[NAMED_MOST][WORD_CAP];
    char word[WORD_CAP];
    int count = 0, more = 0;
    while (list.count > 0 && next_word(&text, word)) {
        bool again = is_known_or_stem(&list, word);
        for (int i = 0; i < count && !again; i++) {
            again = strcmp(named[i], word) == 0;
        }
        if (!again && count < NAMED_MOST) {
            strcpy(named[count++], word);
        } else {
            more += !again;
        }
    }
    cli_term term = cli_term_look(stderr);
    for (int i = 0; i < count; i++) {
        fputs(i ? ", " : "note: the little model has never seen: ", stderr);
        cli_term_put(&term, named[i]);
    }
    if (more > 0) {
        fprintf(stderr, " and %d more", more);
    }
    fputs(count > 0 ? "\n" : "", stderr);
    free(list.words);
    free(list.text);
}
