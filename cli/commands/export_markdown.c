// SPDX-License-Identifier: BSD-2-Clause
// A result file as a table in GitHub's Markdown.
#include "export.h"

#include "against.h"
#include "score_sheet.h"

#include "bench/rows/row_fields.h"

#include <stdbool.h>
#include <string.h>

// The lines of rows.def that reports keep; of them the table shows texts and figures.
typedef struct field {
    const char *key, *unit, *heading;
    row_kind kind;
    int shown;
} field;

static const field fields[] = {
#define ROW_TEXT(id, key, kind, unit, write, meaning, heading, label, shown)                       \
    {key, unit, heading, ROW_KIND_##kind, shown},
#define ROW_FIGURE ROW_TEXT
#include "bench/rows/rows.def"
};
enum { FIELDS = sizeof fields / sizeof *fields };

void export_put_markdown(const char *s, FILE *to) {
    for (; *s; s++) {
        if (*s == '<' || *s == '>' || *s == '&') {
            fputs(*s == '<' ? "&lt;" : *s == '>' ? "&gt;" : "&amp;", to);
        } else if (strchr("\\|`*[]~!#_", *s)) {
            fprintf(to, "\\%c", *s);
        } else {
            fputc((unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s, to);
        }
    }
}

static const char *text_of_row(const json_t *row, const char *key) {
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

// "12.3 [12.1, 12.9]", "12.3" without an interval, nothing without a number.
static void put_interval(const json_t *row, const char *key, FILE *to) {
    char low[64], high[64];
    snprintf(low, sizeof low, "%s_low", key);
    snprintf(high, sizeof high, "%s_high", key);
    const json_t *value = json_object_get(row, key), *from = json_object_get(row, low),
                 *until = json_object_get(row, high);
    if (json_is_number(value)) {
        fprintf(to, "%.4g", json_number_value(value));
        if (json_is_number(from) && json_is_number(until)) {
            fprintf(to, " [%.4g, %.4g]", json_number_value(from), json_number_value(until));
        }
    }
}

// The first rate of a row that it has.
static void put_rate(const json_t *row, FILE *to) {
    for (int i = 0; i < FIELDS; i++) {
        const json_t *value = json_object_get(row, fields[i].key);
        if ((fields[i].shown & ROW_IS_RATE) && json_is_number(value)) {
            fprintf(to, "%.4g %s", json_number_value(value), fields[i].unit);
            return;
        }
    }
}

static void put_notes(const json_t *row, FILE *to) {
    size_t i = 0;
    json_t *word = NULL;
    const char *between = "";
    if (json_is_false(json_object_get(row, "correct"))) {
        fputs("**wrong result**", to);
        between = "; ";
    }
    static const char *const lists[] = {"invalid", "disturbed"};
    for (int l = 0; l < 2; l++) {
        json_array_foreach(json_object_get(row, lists[l]), i, word) {
            fputs(between, to);
            fputs(l == 0 ? "invalid: " : "", to);
            export_put_markdown(json_string_value(word), to);
            between = "; ";
        }
    }
    if (*text_of_row(row, "pin_error")) {
        fputs(between, to);
        export_put_markdown(text_of_row(row, "pin_error"), to);
    }
}

static void put_paragraph(const char *sentence, void *to) {
    export_put_markdown(sentence, to);
    fputs("\n\n", to); // a paragraph
}

// Is it a column of its own? All rates share that of the first one.
static bool is_column(int i) {
    static const int rate = ROW_IN_MARKDOWN | ROW_IS_RATE;
    bool later = (fields[i].shown & rate) == rate && i > 0 && (fields[i - 1].shown & rate) == rate;
    return (fields[i].shown & ROW_IN_MARKDOWN) && !later;
}

static void put_heading(const field *f, FILE *to) {
    const char *unit = strcmp(f->unit, "us") == 0 ? "µs" : f->unit;
    bool rate = f->shown & ROW_IS_RATE, says = rate || strstr(f->heading, unit);
    fprintf(to, " %s%s%s |", rate ? "rate" : f->heading, says ? "" : ", ", says ? "" : unit);
}

static void put_head(FILE *to) {
    fputc('|', to);
    for (int i = 0; i < FIELDS; i++) {
        if (is_column(i)) {
            put_heading(&fields[i], to);
        }
    }
    fputs(" notes |\n|", to);
    for (int i = 0; i < FIELDS; i++) {
        if (is_column(i)) {
            fputs(fields[i].kind == ROW_KIND_FIGURE ? "--:|" : "---|", to);
        }
    }
    fputs("---|\n", to);
}

static void put_markdown_row(const json_t *row, FILE *to) {
    fputs("| ", to);
    for (int i = 0; i < FIELDS; i++) {
        if (!is_column(i)) {
            continue;
        }
        if (fields[i].shown & ROW_IS_RATE) {
            put_rate(row, to);
        } else if (fields[i].kind == ROW_KIND_FIGURE) {
            put_interval(row, fields[i].key, to);
        } else {
            export_put_markdown(text_of_row(row, fields[i].key), to);
        }
        fputs(" | ", to);
    }
    put_notes(row, to);
    fputs(" |\n", to);
}

void export_md(const export_input *in, FILE *to) {
    size_t i = 0;
    json_t *row = NULL;
    against_put(&in->fleet, put_paragraph, to);
    score_sheet_put(in->score, put_paragraph, to);
    put_head(to);
    json_array_foreach(json_object_get(in->all, "benchmarks"), i, row) {
        put_markdown_row(row, to);
    }
}
