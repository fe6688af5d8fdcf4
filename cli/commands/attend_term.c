// SPDX-License-Identifier: BSD-2-Clause
// The map of `decoct attend` in the terminal: shaded cells where they fit, lines where not.
#include "attend.h"

#include <string.h>

enum { LABEL_MOST = 16, CELL_LEAST = 4, CELL_MOST = 8, LINE_SOURCES = 4, LAST_SOURCES = 6 };

typedef struct sheet {
    cli_term term;
    const cli_scene *scene;
    int label; // columns of the words on the left
    int cell;  // columns of a cell with the gap on its left
} sheet;

static float weight(const sheet *s, int64_t reader, int64_t read) {
    return s->scene->map->mean[reader * s->scene->map->count + read];
}

static void put_word_name(const sheet *s, int64_t word) {
    char name[CLI_WORD_NAME];
    cli_words_name(s->scene->words, word, name);
    cli_term_put_padded(&s->term, name, s->label, false);
}

static sheet lay_out_sheet(const cli_scene *scene) {
    sheet s = {.term = cli_term_look(stdout), .scene = scene};
    int widest = 1;
    for (int64_t i = 0; i < scene->words->count; i++) {
        char name[CLI_WORD_NAME];
        cli_words_name(scene->words, i, name);
        int w = cli_term_width(&s.term, name);
        widest = w > widest ? w : widest;
    }
    s.label = widest < LABEL_MOST ? widest : LABEL_MOST;
    int64_t room = (s.term.width - s.label - 5) / scene->words->count;
    int most = widest + 1 > CELL_LEAST ? widest + 1 : CELL_LEAST;
    most = most < CELL_MOST ? most : CELL_MOST;
    s.cell = room < most ? (int)room : most;
    return s;
}

// One cell of weight p in s->cell columns. Five shades; with colours also the number.
static void put_shade(const sheet *s, float p, bool cut) {
    static const char *const shades[] = {" ", "\u2591", "\u2592", "\u2593", "\u2588"};
    static const char *const colours[] = {"38;5;244", "48;5;23;38;5;255", "48;5;30;38;5;255",
                                          "48;5;37;38;5;16", "48;5;80;38;5;16"};
    int shade = p < 0.03f ? 0 : p < 0.10f ? 1 : p < 0.25f ? 2 : p < 0.5f ? 3 : 4;
    fputc(' ', s->term.to);
    if (cut) {
        fprintf(s->term.to, "%*s", s->cell - 1, "cut");
        return;
    }
    if (s->term.colour) {
        cli_term_style(&s->term, colours[shade]);
        fprintf(s->term.to, "%*.0f", s->cell - 1, (double)p * 100);
        cli_term_style(&s->term, "0");
        return;
    }
    for (int i = 1; i < s->cell; i++) {
        if (s->term.utf8) {
            fputs(shades[shade], s->term.to);
        } else {
            fputc(" .:+#"[shade], s -> term.to);
        }
    }
}

static void put_legend(const sheet *s) {
    static const float samples[] = {0.01f, 0.05f, 0.2f, 0.4f, 0.8f};
    static const char *const names[] = {"under 3 %", "3", "10", "25", "50 and more"};
    fputs("\n     ", s->term.to);
    for (int i = 0; i < 5 && !s->term.colour; i++) {
        sheet small = *s;
        small.cell = 3;
        put_shade(&small, samples[i], false);
        fprintf(s->term.to, " %s  ", names[i]);
    }
    fputs(s->term.colour ? "the numbers are percent; every row sums to 100\n" : "\n", s->term.to);
}

static void put_cells(const sheet *s) {
    const cli_words *words = s->scene->words;
    fprintf(s->term.to, "  %*s", s->label + 3, "");
    for (int64_t i = 0; i < words->count; i++) {
        fputc(' ', s->term.to);
        cli_term_put_padded(&s->term, words->list[i].text, s->cell - 1, true);
    }
    fputc('\n', s->term.to);
    for (int64_t i = 0; i < words->count; i++) {
        fprintf(s->term.to, "%3lld  ", (long long)i + 1);
        cli_term_put_padded(&s->term, words->list[i].text, s->label, false);
        for (int64_t j = 0; j <= i; j++) {
            put_shade(s, weight(s, i, j), cli_scene_is_cut(s->scene, i, j));
        }
        fputc('\n', s->term.to);
    }
    put_legend(s);
}

// The word that `reader` drew most from, among those after (p, index) in that order; -1:
// no more.
static int64_t next_source(const sheet *s, int64_t reader, int64_t after) {
    int64_t best = -1;
    for (int64_t j = 0; j <= reader; j++) {
        float p = weight(s, reader, j);
        bool later = after < 0 || p < weight(s, reader, after) ||
                     (p == weight(s, reader, after) && j > after);
        if (later && (best < 0 || p > weight(s, reader, best))) {
            best = j;
        }
    }
    return best;
}

static void put_lines(const sheet *s) {
    const cli_words *words = s->scene->words;
    for (int64_t i = 0; i < words->count; i++) {
        fprintf(s->term.to, "%5lld  ", (long long)i + 1);
        cli_term_put_padded(&s->term, words->list[i].text, s->label, false);
        fputs(s->term.utf8 ? "  \u2190 " : "  <- ", s->term.to);
        int64_t j = next_source(s, i, -1);
        for (int k = 0; k < LINE_SOURCES && j >= 0; k++, j = next_source(s, i, j)) {
            fputs(k ? ", " : "", s->term.to);
            char name[CLI_WORD_NAME];
            cli_words_name(words, j, name);
            cli_term_put(&s->term, name);
            fprintf(s->term.to, " %.0f %%", (double)weight(s, i, j) * 100);
        }
        fputc('\n', s->term.to);
    }
}

// A source of the last word: its share, and where among many heads it is drawn from most.
static void put_source(const sheet *s, int64_t last, int64_t j) {
    const cli_map *map = s->scene->map;
    fputs("  ", s->term.to);
    put_word_name(s, j);
    fputs("  ", s->term.to);
    cli_term_put_percent(&s->term, (double)weight(s, last, j));
    fputs("  ", s->term.to);
    cli_term_style(&s->term, "36");
    int wide = cli_term_put_bar(&s->term, (double)weight(s, last, j), 40);
    cli_term_style(&s->term, "0");
    if (s->scene->choice.head < 0 && map->peak[j].p > 0) {
        fprintf(s->term.to, "%*s  up to %.0f %% in layer %lld, head %lld",
                wide < 16 ? 16 - wide : 0, "", (double)map->peak[j].p * 100,
                (long long)map->peak[j].layer + 1, (long long)map->peak[j].head + 1);
    }
    fputc('\n', s->term.to);
}

static void put_last(const sheet *s) {
    int64_t last = s->scene->words->count - 1;
    fputs("\nThe last word, \"", s->term.to);
    cli_term_put(&s->term, s->scene->words->list[last].text);
    fputs("\", drew from\n\n", s->term.to);
    int64_t j = next_source(s, last, -1);
    for (int k = 0; k < LAST_SOURCES && j >= 0; k++, j = next_source(s, last, j)) {
        put_source(s, last, j);
    }
}

static void put_change(const sheet *s, const cli_candidate *c) {
    double before = (double)s->scene->before->p[c->id];
    double after = (double)s->scene->map->answer.p[c->id];
    fputs("  ", s->term.to);
    cli_term_put_padded(&s->term, c->label, LABEL_MOST, false);
    fprintf(s->term.to, "  %6.1f %%  %6.1f %%  ", before * 100, after * 100);
    double change = (after - before) * 100;
    cli_term_style(&s->term, change >= 0.05 ? "32" : change <= -0.05 ? "31" : "0");
    fprintf(s->term.to, change >= 0.05 || change <= -0.05 ? "%+6.1f  " : "     0  ", change);
    cli_term_put_bar(&s->term, after > before ? after - before : before - after, 24);
    cli_term_style(&s->term, "0");
    fputc('\n', s->term.to);
}

static bool is_listed(const cli_answer *answer, int32_t id) {
    for (int64_t i = 0; i < answer->count; i++) {
        if (answer->top[i].id == id) {
            return true;
        }
    }
    return false;
}

// Before and after side by side: the best before the cut, then those that the cut raised.
static void put_changes(const sheet *s) {
    const cli_answer *before = s->scene->before, *after = &s->scene->map->answer;
    fputs("\nWhat could come next, before and after the cut:", s->term.to);
    for (int64_t i = 0; i < s->scene->cuts->count; i++) {
        const cli_cut *cut = &s->scene->cuts->list[i];
        fputs(i ? ", \"" : " \"", s->term.to);
        char name[CLI_WORD_NAME];
        cli_words_name(s->scene->words, cut->from, name);
        cli_term_put(&s->term, name);
        fputs("\" no longer sees \"", s->term.to);
        cli_words_name(s->scene->words, cut->to, name);
        cli_term_put(&s->term, name);
        fputs("\"", s->term.to);
    }
    fprintf(s->term.to, "\n\n  %*s    before     after  change\n", LABEL_MOST, "");
    for (int64_t i = 0; i < before->count; i++) {
        put_change(s, &before->top[i]);
    }
    for (int64_t i = 0; i < after->count; i++) {
        if (!is_listed(before, after->top[i].id) && after->top[i].p >= 0.01f) {
            put_change(s, &after->top[i]);
        }
    }
}

void cli_attend_print(const cli_scene *scene, bool with_map) {
    sheet s = lay_out_sheet(scene);
    char name[96];
    cli_scene_name(scene, name, sizeof name);
    if (with_map) {
        fprintf(s.term.to, "Which words each word drew from: %s\n", name);
        fputs("(a row is the word that looks, a column the word it looks at", s.term.to);
        fputs(scene->found ? "; --layer all: the mean over all heads)\n\n" : ")\n\n", s.term.to);
        if (s.cell >= CELL_LEAST) {
            put_cells(&s);
        } else {
            put_lines(&s);
        }
        put_last(&s);
    }
    if (scene->before) {
        put_changes(&s);
        return;
    }
    fprintf(s.term.to, "%sWhat could come next\n\n", with_map ? "\n" : "");
    cli_answer_print(&s.term, &scene->map->answer);
}
