// SPDX-License-Identifier: BSD-2-Clause
// `decoct words`: what a little model knows, and what to try with it.
#include "known.h"

#include "notes.h"
#include "take_text.h"
#include "term.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { INDENT = 14 };

typedef struct known_options {
    cli_options common;
    bool json;
    int count;
    char **asked;
    cli_prompt input; // the words of standard input
} known_options;

static const struct argp_option rows[] = {
    {"json", 'j', NULL, 0,
     "One JSON object: vocabulary, words, groups and texts to try; or, for each WORD, whether it "
     "is known and the words it occurred with",
     0},
    {0},
};

// The words of standard input, which may be many lines.
static void take_known_input(known_options *o) {
    static const char between[] = " \t\r\n";
    char *rest = o->input.text;
    int64_t most = (int64_t)strlen(rest) / 2 + 1;
    o->asked = cli_alloc(most, sizeof *o->asked);
    for (char *word; (word = strtok_r(rest, between, &rest));) {
        o->asked[o->count++] = word;
    }
}

static error_t parse_known(int key, char *arg, struct argp_state *state) {
    known_options *o = state->input;
    error_t error;
    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case 'j':
        o->json = true;
        return 0;
    case ARGP_KEY_ARGS:
        o->count = state->argc - state->next;
        o->asked = state->argv + state->next;
        if (o->count == 1 && strcmp(o->asked[0], "-") == 0) {
            o->count = 0;
            error = cli_take_text(key, state, &o->input);
            take_known_input(o);
            return error;
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    rows,
    parse_known,
    "[WORD|PATTERN...|-]",
    "Lists the words that a little model was trained on, in groups, and offers texts to try. For a "
    "WORD it says whether the model has seen it, and with which other words; for several, whether "
    "they occurred together; for a PATTERN with * and ? it lists the words that match. "
    "- reads them from standard input."
    "\v"
    "Examples:\n\n"
    "  decoct words\n"
    "  decoct words snow bed\n"
    "  decoct words '*ing'\n\n"
    "The list is words.txt in the model's folder.\n\n" CLI_EXIT_DOC_AND("14 no word is known, "),
    cli_folder_options,
    NULL,
    NULL};

// The words as a paragraph that begins at column `indent`.
static void put_known_words(const cli_term *term, char *const *words, int64_t count, int indent) {
    size_t length = 1;
    for (int64_t i = 0; i < count; i++) {
        length += strlen(words[i]) + 1;
    }
    char *text = cli_alloc((int64_t)length, 1), *end = text;
    for (int64_t i = 0; i < count; i++) {
        end = stpcpy(stpcpy(end, i ? " " : ""), words[i]);
    }
    cli_term_put_wrapped(term, text, indent);
    free(text);
}

static void print_pairs(const cli_term *term, const cli_tryout *t) {
    fputs("\nTo try, two by two: the same word, another sense\n", stdout);
    for (int64_t i = 0; i < t->pair_count; i++) {
        for (int side = 0; side < 2; side++) {
            char *text = cli_shell_text(t->pairs[i][side]);
            fputs(side ? "  decoct next " : "\n  decoct next ", stdout);
            cli_term_put(term, text);
            fputs("\n", stdout);
            free(text);
        }
    }
}

static void print_overview(const cli_knowledge *k) {
    cli_term term = cli_term_look(stdout);
    const cli_vocabulary *v = &k->vocabulary;
    printf("This model was trained on stories that use %lld different words", (long long)v->count);
    fputs(k->tryout.group_count > 0 ? ", among them\n\n" : ":\n\n", stdout);
    for (int64_t i = 0; i < k->tryout.group_count; i++) {
        fputs("  ", stdout);
        cli_term_style(&term, "1");
        cli_term_put_padded(&term, k->tryout.groups[i].name, INDENT - 4, false);
        cli_term_style(&term, "0");
        fputs("  ", stdout);
        put_known_words(&term, k->tryout.groups[i].words, k->tryout.groups[i].count, INDENT);
    }
    if (k->tryout.group_count == 0) {
        fputs("  ", stdout);
        put_known_words(&term, v->words, v->count, 2);
    } else {
        fputs("\nAll of them: decoct words '*'\n", stdout);
    }
    if (k->tryout.pair_count > 0) {
        print_pairs(&term, &k->tryout);
    }
}

// The words that occurred with this one, but those that occur with most words.
static void print_company(const cli_term *term, const cli_knowledge *k, int64_t word) {
    const cli_vocabulary *v = &k->vocabulary;
    char **with = cli_alloc(v->count, sizeof *with);
    int64_t count = 0, common = 0;
    for (int64_t i = 0; i < v->count; i++) {
        if (i != word && cli_vocabulary_together(v, word, i)) {
            if (cli_known_is_common(k, i)) {
                common++;
            } else {
                with[count++] = v->words[i];
            }
        }
    }
    printf(": known; it occurred with %lld of the %lld other words", (long long)(count + common),
           (long long)(v->count - 1));
    if (cli_known_is_common(k, word)) {
        fputs(": a common word\n", stdout);
    } else {
        printf(". %lld of these are common; the others are\n  ", (long long)common);
        put_known_words(term, with, count, 2);
    }
    free(with);
}

static void print_asked(const cli_knowledge *k, const char *asked) {
    cli_term term = cli_term_look(stdout);
    int64_t count = 0;
    int64_t *found = cli_known_match(k, asked, &count);
    cli_term_style(&term, "1");
    cli_term_put(&term, asked);
    cli_term_style(&term, "0");
    if (cli_known_is_pattern(asked)) {
        char **words = cli_alloc(count, sizeof *words);
        for (int64_t i = 0; i < count; i++) {
            words[i] = k->vocabulary.words[found[i]];
        }
        printf(": %lld of %lld words match%s", (long long)count, (long long)k->vocabulary.count,
               count > 0 ? "\n  " : "");
        put_known_words(&term, words, count, 2);
        free(words);
    } else if (count == 0) {
        fputs(": never seen\n", stdout);
    } else if (k->vocabulary.pairs) {
        print_company(&term, k, found[0]);
    } else {
        fputs(": known\n", stdout);
    }
    free(found);
}

// For each two known words that were asked for: did they occur together?
static void print_together(const cli_knowledge *k) {
    cli_term term = cli_term_look(stdout);
    for (int i = 0; i < k->count; i++) {
        for (int j = i + 1; j < k->count; j++) {
            char *a = cli_known_lower(k->asked[i]), *b = cli_known_lower(k->asked[j]);
            int64_t first = cli_vocabulary_find(&k->vocabulary, a);
            int64_t second = cli_vocabulary_find(&k->vocabulary, b);
            free(a);
            free(b);
            if (first < 0 || second < 0 || !k->vocabulary.pairs) {
                continue;
            }
            cli_term_put(&term, k->asked[i]);
            fputs(" with ", stdout);
            cli_term_put(&term, k->asked[j]);
            fputs(cli_vocabulary_together(&k->vocabulary, first, second)
                      ? ": in at least one story\n"
                      : ": never in one story\n",
                  stdout);
        }
    }
}

// Does one of the words or patterns match?
static bool finds_any(const cli_knowledge *k) {
    int64_t all = 0;
    for (int i = 0; i < k->count; i++) {
        int64_t count = 0;
        free(cli_known_match(k, k->asked[i], &count));
        all += count;
    }
    return all > 0;
}

static int show_knowledge(const cli_knowledge *k, bool json) {
    int code = CLI_OK;
    if (json) {
        code = cli_known_json(k);
    } else if (k->vocabulary.count == 0) {
        printf("This model has no list of the words that it has seen. Its vocabulary has %lld "
               "tokens, words and pieces\nof words, from which any text can be made.\n",
               (long long)k->desk->info.vocabulary);
    } else if (k->count == 0) {
        print_overview(k);
    }
    for (int i = 0; i < k->count && !json && k->vocabulary.count > 0; i++) {
        print_asked(k, k->asked[i]);
    }
    if (!json) {
        print_together(k);
    }
    return code != CLI_OK || k->count == 0 || finds_any(k) ? code : CLI_NOTHING;
}

int cli_known(int argc, char **argv) {
    known_options o = {0};
    cli_desk desk;
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    code = cli_desk_open(&o.common, &desk);
    if (code == CLI_OK) {
        cli_knowledge k = {.desk = &desk, .count = o.count, .asked = o.asked};
        cli_vocabulary_load(desk.folder, &k.vocabulary);
        cli_tryout_load(desk.folder, &k.tryout);
        const char *const problems[] = {k.vocabulary.problem, k.tryout.problem};
        for (int i = 0; i < 2; i++) {
            if (problems[i][0]) {
                cli_note_print(problems[i]);
            }
        }
        code = show_knowledge(&k, o.json);
        cli_tryout_free(&k.tryout);
        cli_vocabulary_free(&k.vocabulary);
    }
    if (o.input.text) {
        free(o.asked);
    }
    cli_prompt_free(&o.input);
    cli_desk_close(&desk);
    int written = code == CLI_INTERNAL ? code : cli_finish(); // its message was printed
    return code != CLI_OK ? code : written;
}
