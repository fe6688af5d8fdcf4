// SPDX-License-Identifier: BSD-2-Clause
// What mattered, as a list with bars on the terminal.
#include "why.h"

#include <string.h>

enum { LABEL_MOST = 16, BAR_MOST = 24, NAMED_MOST = 3 };
static const double extra_least = 1; // percent: below it a pair is not worth a line

typedef struct list {
    cli_term term;
    const cli_reasons *why;
    int label, bar; // columns
} list;

static void put_name(const list *l, int64_t word) {
    char name[CLI_WORD_NAME];
    cli_words_name(l->why->words, word, name);
    cli_term_put_padded(&l->term, name, l->label, false);
}

static int64_t shown(const list *l, int64_t count) {
    return count < l->why->top ? count : l->why->top;
}

static list lay_out_list(const cli_reasons *why) {
    list l = {.term = cli_term_look(stdout), .why = why, .label = 4};
    for (int64_t i = 0; i < why->influence->count; i++) {
        char name[CLI_WORD_NAME];
        cli_words_name(why->words, i, name);
        int w = cli_term_width(&l.term, name);
        l.label = w > l.label ? w : l.label;
    }
    l.label = l.label < LABEL_MOST ? l.label : LABEL_MOST;
    int bar = (l.term.width - l.label) / 4;
    l.bar = bar > BAR_MOST ? BAR_MOST : bar < 4 ? 4 : bar;
    return l;
}

// "tired 44 %, sleepy 30 %": the most probable that fit into `room` columns, at least one.
static void put_best(const list *l, const cli_answer *answer, int room) {
    for (int64_t i = 0; i < answer->count && i < NAMED_MOST; i++) {
        const cli_candidate *c = &answer->top[i];
        int percent = (int)((double)c->p * 100 + 0.5);
        room -= cli_term_width(&l->term, c->label) + 8;
        if (i > 0 && (percent < 1 || room < 0)) {
            break;
        }
        fputs(i ? ", " : "", l->term.to);
        cli_term_put(&l->term, c->label);
        fprintf(l->term.to, " %d %%", percent);
    }
    fputc('\n', l->term.to);
}

static void put_effect(const list *l, double effect) {
    fputs("  ", l->term.to);
    cli_term_put_percent(&l->term, effect / 100);
    fputs("  ", l->term.to);
    cli_term_style(&l->term, "36");
    int wide = cli_term_put_bar(&l->term, effect / 100, l->bar);
    cli_term_style(&l->term, "0");
    fprintf(l->term.to, "%*s", l->bar - wide, "");
}

static void put_words(const list *l) {
    const cli_influence *influence = l->why->influence;
    fprintf(l->term.to, "  %-*s  %-*s  %9s  %s\n", l->label, "word", l->bar + 9, "effect",
            "attention", "the answer without the word");
    for (int64_t i = 0; i < shown(l, influence->count); i++) {
        int64_t word = influence->order[i];
        fputs("  ", l->term.to);
        cli_term_style(&l->term, i == 0 ? "1" : "0");
        put_name(l, word);
        cli_term_style(&l->term, "0");
        put_effect(l, influence->words[word].effect);
        fputs("    ", l->term.to);
        cli_term_put_percent(&l->term, cli_why_attention(l->why, word));
        fputs("  ", l->term.to);
        put_best(l, &influence->words[word].answer, l->term.width - l->label - l->bar - 24);
    }
    int64_t more = influence->count - shown(l, influence->count);
    if (more > 0) {
        fprintf(l->term.to, "  and %lld with smaller effects: -k %lld shows all\n", (long long)more,
                (long long)influence->count);
    }
}

static void put_hidden_pair(const list *l, const cli_hidden_pair *pair) {
    fputs("  ", l->term.to);
    put_name(l, pair->first);
    fputs(" + ", l->term.to);
    put_name(l, pair->second);
    put_effect(l, pair->effect);
    fprintf(l->term.to, "  %+6.1f  ", pair->extra);
    put_best(l, &pair->answer, l->term.width - 2 * l->label - l->bar - 24);
}

// The pair that decided most, which the list does not begin with: that goes by the extra.
static void put_largest_pair(const list *l) {
    const cli_influence *influence = l->why->influence;
    const cli_hidden_pair *largest = influence->pairs;
    for (int64_t i = 1; i < influence->pair_count; i++) {
        largest = influence->pairs[i].effect > largest->effect ? &influence->pairs[i] : largest;
    }
    char first[CLI_WORD_NAME], second[CLI_WORD_NAME];
    cli_words_name(l->why->words, largest->first, first);
    cli_words_name(l->why->words, largest->second, second);
    fputs("\nThe pair with the largest effect: ", l->term.to);
    cli_term_put(&l->term, first);
    fputs(" + ", l->term.to);
    cli_term_put(&l->term, second);
    fprintf(l->term.to, ", %.1f %%.\n", largest->effect);
}

static void put_pairs(const list *l) {
    const cli_influence *influence = l->why->influence;
    int64_t count = shown(l, influence->pair_count);
    if (influence->pair_count == 0) {
        fputs("\nThere is no pair to hide: that needs two words before the last one.\n",
              l->term.to);
        return;
    }
    put_largest_pair(l);
    if (influence->pairs[0].extra < extra_least) {
        fputs("\nNo two words hidden together change more than both alone.\n", l->term.to);
        return;
    }
    fprintf(l->term.to, "\n  %-*s  %-*s  %6s  %s\n", 2 * l->label + 3, "two words", l->bar + 9,
            "effect", "extra", "the answer without both");
    for (int64_t i = 0; i < count && influence->pairs[i].extra >= extra_least; i++) {
        put_hidden_pair(l, &influence->pairs[i]);
    }
    fputc('\n', l->term.to);
    cli_term_put_wrapped(&l->term,
                         "Extra: by how many percentage points both words hidden together change "
                         "more than the sum of each alone: one can replace the other. Only pairs "
                         "with at least one point are listed.",
                         0);
}

static bool has_piece(const cli_influence *influence) {
    bool has = cli_answer_has_piece(&influence->answer);
    for (int64_t i = 0; i < influence->count; i++) {
        has = has || cli_answer_has_piece(&influence->words[i].answer);
    }
    return has;
}

static void put_method(const list *l) {
    static const char meaning[] =
        "Each word is hidden in turn and the model runs again. Effect: 0 % is the same answer, "
        "100 % an answer with nothing in common. Attention, the mean weight from the last word, "
        "often ranks the words differently. `decoct why --help` says more.";
    fputc('\n', l->term.to);
    cli_term_put_wrapped(&l->term, meaning, 0);
    if (has_piece(l->why->influence)) {
        fputs("A plus sign: this piece continues the word before it.\n", l->term.to);
    }
}

void cli_why_print(const cli_reasons *why) {
    list l = lay_out_list(why);
    cli_term_put(&l.term, why->prompt->text);
    fputs(" ____\n\nWhat could come next: ", l.term.to);
    put_best(&l, &why->influence->answer, l.term.width - 22);
    fputc('\n', l.term.to);
    if (why->influence->count == 0) {
        fputs("The text has one word: there is no earlier word to hide.\n", l.term.to);
        return;
    }
    put_words(&l);
    if (why->pairs) {
        put_pairs(&l);
    }
    put_method(&l);
}
