// SPDX-License-Identifier: BSD-2-Clause
// The picture of `decoct attend -o map.svg`: the map and the answer, static, light and dark.
#include "attend.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum {
    EDGE = 32,
    TITLE = 92,
    ANSWER_LINE = 24,
    ANSWERS = 6,
    BAR = 220,
    COLUMN = 70,
    HEADING = 92,
    NOTE_LINE = 20
};

typedef struct drawing {
    const cli_scene *scene;
    FILE *to;
    cli_term plain; // to measure words
    int cell, left, top, side, width, height, notes;
    int influence; // height of the part between the map and the answer
    bool numbers;  // cells are large enough for them
} drawing;

static int widest_word(const cli_term *term, const cli_words *words) {
    int widest = 4;
    for (int64_t i = 0; i < words->count; i++) {
        int w = cli_term_width(term, words->list[i].text);
        widest = w > widest ? w : widest;
    }
    return widest;
}

static void put_svg_text(const drawing *d, int x, int y, const char *attributes, const char *text) {
    fprintf(d->to, "<text x=\"%d\" y=\"%d\" %s>", x, y, attributes);
    cli_put_escaped(d->to, text);
    fputs("</text>\n", d->to);
}

// The bytes of the next line of a note, broken at a space.
static size_t note_line(const drawing *d, const char *text) {
    size_t most = (size_t)(d->width - 2 * EDGE) / 8, length = strlen(text);
    if (length <= most) {
        return length;
    }
    while (most > 0 && text[most] != ' ') {
        most--;
    }
    return most > 0 ? most : strcspn(text, " ");
}

// Draws the notes from y on, or only counts their lines.
static int put_note_lines(const drawing *d, int y, bool count_only) {
    int lines = 0;
    for (int64_t i = 0; i < d->scene->notes->count; i++) {
        for (const char *text = d->scene->notes->list[i]; *text; lines++) {
            size_t length = note_line(d, text);
            if (!count_only) {
                char *line = strndup(text, length);
                put_svg_text(d, EDGE, y + lines * NOTE_LINE, "class=\"down\" font-size=\"14\"",
                             line ? line : "out of memory");
                free(line);
            }
            text += length + (text[length] == ' ');
        }
    }
    return lines;
}

static drawing lay_out_drawing(const cli_scene *scene, FILE *to) {
    drawing d = {.scene = scene, .to = to, .plain = {.to = to, .utf8 = true}};
    int n = (int)scene->words->count;
    int label = widest_word(&d.plain, scene->words) * 9 + 12; // 15 px letters are 9 wide at most
    d.cell = 620 / n > 44 ? 44 : 620 / n < 9 ? 9 : 620 / n;
    d.numbers = d.cell >= 28;
    d.left = EDGE + label;
    d.top = TITLE + label;
    d.side = n * d.cell;
    int lines = (int)(scene->map->answer.count < ANSWERS ? scene->map->answer.count : ANSWERS);
    d.width = d.left + d.side + EDGE;
    d.width = d.width < 640 ? 640 : d.width;
    d.influence = scene->influence->count > 0 ? HEADING + COLUMN + label : 0;
    d.notes = d.top + d.side + d.influence + 60 + lines * ANSWER_LINE + NOTE_LINE;
    d.height = d.notes + put_note_lines(&d, 0, true) * NOTE_LINE + EDGE - NOTE_LINE;
    return d;
}

static void put_style(const drawing *d) {
    fprintf(d->to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" role=\"img\" "
            "font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\">\n",
            d->width, d->height, d->width, d->height);
    fputs("<style>\n"
          ".paper{fill:#fffdf9}.ink{fill:#1d2526}.soft{fill:#5d6b6c}.hot{fill:#0d8075}\n"
          ".cell{fill:#f0ece2}.on{fill:#fff}.down{fill:#b4412f}.weight{fill:#c27a10}\n"
          "@media (prefers-color-scheme:dark){.paper{fill:#1a2224}.ink{fill:#e6eceb}\n"
          ".soft{fill:#9aabaa}.hot{fill:#3dc9b7}.cell{fill:#222c2e}.on{fill:#06201c}\n"
          ".down{fill:#f0907f}.weight{fill:#e3a94f}}\n"
          "text{white-space:pre}</style>\n",
          d->to);
}

static void put_title(const drawing *d) {
    char name[96];
    cli_scene_name(d->scene, name, sizeof name);
    fputs("<title>Which words each word drew from</title>\n", d->to);
    fprintf(d->to, "<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n", d->width, d->height);
    put_svg_text(d, EDGE, 46, "class=\"ink\" font-size=\"22\" font-weight=\"600\"",
                 "Who fills whose flask?");
    fprintf(
        d->to,
        "<text x=\"%d\" y=\"70\" class=\"soft\" font-size=\"14\">A row looks at the columns; the "
        "stronger the colour, the more it drew.</text>\n"
        "<text x=\"%d\" y=\"90\" class=\"soft\" font-size=\"14\">Shown: %s.</text>\n",
        EDGE, EDGE, name);
}

// Read upwards; the anchor "start" puts it above y, "end" below y.
static void put_column_label(const drawing *d, int i, int y, const char *anchor) {
    int size = d->cell >= 15 ? 15 : d->cell;
    fprintf(d->to,
            "<text class=\"ink\" font-size=\"%d\" text-anchor=\"%s\" "
            "transform=\"translate(%d %d) rotate(-90)\">",
            size, anchor, d->left + i * d->cell + d->cell / 2 + size / 3, y);
    cli_put_escaped(d->to, d->scene->words->list[i].text);
    fputs("</text>\n", d->to);
}

static void put_labels(const drawing *d) {
    int size = d->cell >= 15 ? 15 : d->cell;
    for (int i = 0; i < (int)d->scene->words->count; i++) {
        int middle = i * d->cell + d->cell / 2;
        fprintf(d->to,
                "<text text-anchor=\"end\" class=\"ink\" font-size=\"%d\" x=\"%d\" y=\"%d\">", size,
                d->left - 8, d->top + middle + size / 3);
        cli_put_escaped(d->to, d->scene->words->list[i].text);
        fputs("</text>\n", d->to);
        put_column_label(d, i, d->top - 8, "start");
    }
}

static void put_svg_cell(const drawing *d, int i, int j) {
    double p = (double)d->scene->map->mean[i * (int)d->scene->map->count + j];
    int x = d->left + j * d->cell, y = d->top + i * d->cell,
        side = d->cell - (d->cell > 12 ? 2 : 1);
    fprintf(d->to, "<rect class=\"cell\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\"/>",
            x, y, side, side);
    bool cut = cli_scene_is_cut(d->scene, i, j);
    if (cut) {
        fprintf(d->to,
                "<text class=\"down\" x=\"%d\" y=\"%d\" font-size=\"%d\" text-anchor=\"middle\">"
                "cut</text>\n",
                x + side / 2, y + side / 2 + 4, d->numbers ? 12 : 6);
        return;
    }
    fprintf(
        d->to,
        "<rect class=\"hot\" fill-opacity=\"%.3f\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
        "rx=\"3\"/>",
        p < 1 ? p : 1.0, x, y, side, side);
    if (d->numbers && p >= 0.05) {
        fprintf(d->to,
                "<text class=\"%s\" x=\"%d\" y=\"%d\" font-size=\"12\" text-anchor=\"middle\">%.0f"
                "</text>",
                p > 0.5 ? "on" : "ink", x + side / 2, y + side / 2 + 4, p * 100);
    }
    fputc('\n', d->to);
}

// The effect of a word, below its column of the map.
static void put_column(const drawing *d, int i, int floor) {
    double effect = d->scene->influence->words[i].effect, high = effect / 100 * COLUMN;
    int x = d->left + i * d->cell, side = d->cell - (d->cell > 12 ? 2 : 1);
    fprintf(d->to,
            "<rect class=\"cell\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\"/>"
            "<rect class=\"weight\" x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"><title>",
            x, floor - COLUMN, side, COLUMN, x, floor - high - 1, side, high + 1);
    cli_put_escaped(d->to, d->scene->words->list[i].text);
    fprintf(d->to, ": %.1f %%</title></rect>\n", effect);
    if (d->numbers || effect >= 2) { // narrow columns have room for few figures
        int size = d->cell > 12 ? 12 : d->cell;
        fprintf(d->to,
                "<text class=\"ink\" font-size=\"%d\" text-anchor=\"%s\" "
                "transform=\"translate(%d %d) rotate(%d)\">%.0f</text>\n",
                size, d->numbers ? "middle" : "start",
                d->numbers ? x + side / 2 : x + side / 2 + size / 3, floor - COLUMN - 5,
                d->numbers ? 0 : -90, effect);
    }
    put_column_label(d, i, floor + 8, "end");
}

static void put_influence(const drawing *d) {
    int y = d->top + d->side + 40, floor = y + 44 + COLUMN;
    put_svg_text(d, EDGE, y, "class=\"ink\" font-size=\"16\" font-weight=\"600\"", "What mattered");
    put_svg_text(d, EDGE, y + 20, "class=\"soft\" font-size=\"14\"",
                 "The change of the answer, in percent, if no later word sees this word.");
    for (int i = 0; i < (int)d->scene->influence->count; i++) {
        put_column(d, i, floor);
    }
}

// A probability that is not 0 never reads as 0.
static void put_svg_percent(const drawing *d, double part) {
    if (part > 0 && part < 0.0005) {
        fputs("&lt;0.1 %", d->to);
    } else {
        fprintf(d->to, "%.1f %%", part * 100);
    }
}

// One candidate, its bar and its number; before a cut as a thin grey bar above.
static void put_candidate(const drawing *d, const cli_candidate *c, int y) {
    put_svg_text(d, EDGE, y, "class=\"ink\" font-size=\"15\"", c->label);
    int x = EDGE + 150;
    if (d->scene->before) {
        double before = (double)d->scene->before->p[c->id];
        fprintf(d->to,
                "<rect class=\"soft\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"3\" rx=\"1\"/>\n",
                x, y - 15, before * BAR);
    }
    fprintf(d->to,
            "<rect class=\"hot\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"11\" rx=\"2\"/>\n"
            "<text class=\"soft\" x=\"%d\" y=\"%d\" font-size=\"14\">",
            x, y - 11, (double)c->p * BAR + 1, x + BAR + 12, y);
    put_svg_percent(d, (double)c->p);
    if (d->scene->before) {
        fputs(", before the cut ", d->to);
        put_svg_percent(d, (double)d->scene->before->p[c->id]);
    }
    fputs("</text>\n", d->to);
}

static void put_answer(const drawing *d) {
    int y = d->top + d->side + d->influence + 40;
    const cli_answer *answer = &d->scene->map->answer;
    put_svg_text(d, EDGE, y, "class=\"ink\" font-size=\"16\" font-weight=\"600\"",
                 d->scene->before ? "What could come next after the cut" : "What could come next");
    for (int64_t i = 0; i < answer->count && i < ANSWERS; i++) {
        put_candidate(d, &answer->top[i], y + 28 + (int)i * ANSWER_LINE);
    }
}

int cli_attend_svg(const cli_scene *scene, FILE *to) {
    drawing d = lay_out_drawing(scene, to);
    put_style(&d);
    put_title(&d);
    put_labels(&d);
    for (int i = 0; i < (int)scene->words->count; i++) {
        for (int j = 0; j <= i; j++) {
            put_svg_cell(&d, i, j);
        }
    }
    if (d.influence > 0) {
        put_influence(&d);
    }
    put_answer(&d);
    put_note_lines(&d, d.notes, false);
    fputs("</svg>\n", to);
    return CLI_OK;
}
