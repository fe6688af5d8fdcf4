// SPDX-License-Identifier: BSD-2-Clause
// A fleet as the one JSON document that the report page reads.
#include "cli.h"
#include "report.h"
#include "text.h"

#include "bench/rows/row_fields.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void report_put_string(const char *s, size_t length, FILE *to) {
    if (!s) {
        fputs("null", to);
        return;
    }
    fputc('"', to);
    for (const char *end = s + length; s < end; s++) {
        if (*s == '"' || *s == '\\') {
            fprintf(to, "\\%c", *s);
        } else if ((unsigned char)*s < 0x20 || *s == '<' || *s == 0x7f) {
            fprintf(to, "\\u%04x", (unsigned)*s);
        } else {
            fputc(*s, to);
        }
    }
    fputc('"', to);
}

static void put_string(const char *s, FILE *to) {
    report_put_string(s, s ? strlen(s) : 0, to);
}

static void put_key(const char *key, FILE *to) {
    fprintf(to, "\"%s\":", key);
}

static void put_pair(const char *key, const char *value, FILE *to) {
    put_key(key, to);
    put_string(value, to);
    fputc(',', to);
}

static void put_whole(int64_t value, FILE *to) {
    if (value < 0) {
        fputs("null", to);
    } else {
        fprintf(to, "%" PRId64, value);
    }
}

static void put_float(float value, FILE *to) {
    char text[RESULTS_FLOAT];
    if (isnan(value)) {
        fputs("null", to);
    } else {
        fwrite(text, 1, results_float(text, value), to);
    }
}

static void put_group(const fleet_group *g, FILE *to) {
    static const char *const words[] = {"null", "false", "true"};
    bool any = false;
    fputc('{', to);
    put_pair("label", g->label, to);
    put_pair("cpu", g->cpu, to);
    fprintf(to, "\"files\":%u,", (unsigned)g->files);
    put_pair("file", g->file, to);
    put_pair("date", g->date, to);
    put_pair("host", g->host, to);
    put_pair("commit", g->commit, to);
    fprintf(to, "\"complete\":%s,\"context\":", words[g->complete + 1]);
    cli_put_json(to, g->context, strlen(g->context));
    fputs(",\"mixed\":[", to);
    for (int i = 0; i < RESULTS_DISCLOSED; i++) {
        if (g->mixed[i]) { // "machine.kernel" is "kernel"
            fputs(any ? "," : "", to);
            put_string(strchr(results_disclosed[i], '.') + 1, to);
            any = true;
        }
    }
    fputs("]}", to);
}

static void put_series(const fleet_series *s, FILE *to) {
    fprintf(to, "{\"group\":%u,", (unsigned)s->group);
    put_pair("backend", s->backend, to);
    put_key("label", to);
    put_string(s->label, to);
    fputc('}', to);
}

// ---- Fields of rows ----

// A line of rows.def that reports keep.
typedef enum kept { IN_TEXTS, IN_WHOLES, IN_FIGURES, LOW, HIGH } kept;
typedef struct field {
    const char *id;
    kept kept;
    int at; // of an end: its figure
    int shown;
} field;

static const field fields[] = {
#define ROW_TEXT(id, key, kind, unit, write, meaning, heading, label, shown)                       \
    {#id, IN_TEXTS, RESULTS_##id, shown},
#define ROW_WHOLE(id, key, kind, unit, write, meaning, heading, label, shown)                      \
    {#id, IN_WHOLES, RESULTS_##id, shown},
#define ROW_FIGURE(id, key, kind, unit, write, meaning, heading, label, shown)                     \
    {#id, IN_FIGURES, RESULTS_##id, shown},
#define ROW_END(id, key, kind, unit, write, meaning, figure, end) {#id, end, RESULTS_##figure, 0},
#include "bench/rows/rows.def"
};
enum { FIELDS = sizeof fields / sizeof *fields };

// Names in the page's data are in lower case.
static void put_id(const char *id, FILE *to) {
    fputc('"', to);
    for (; *id; id++) {
        fputc(tolower((unsigned char)*id), to);
    }
    fputs("\":", to);
}

static void put_case(const fleet_case *c, FILE *to) {
    fputc('{', to);
    put_key("name", to);
    put_string(c->name, to);
    for (int i = 0; i < FIELDS; i++) {
        if (fields[i].shown & ROW_IS_CASE) {
            fputc(',', to);
            put_id(fields[i].id, to);
            if (fields[i].kept == IN_TEXTS) {
                put_string(c->texts[fields[i].at], to);
            } else {
                put_whole(c->wholes[fields[i].at], to);
            }
        }
    }
    fputc('}', to);
}

static const char *roof_of(const fleet_cell *cell) { // the commoner one
    return cell->compute > cell->memory   ? "compute"
           : cell->memory > cell->compute ? "memory"
                                          : NULL;
}

// The text of a single file; of several, in how many it is.
static void put_some(const fleet_cell *cell, uint32_t count, const char *words, FILE *to) {
    char text[64];
    snprintf(text, sizeof text, "%u of %u files", (unsigned)count, (unsigned)cell->n);
    put_string(count == 0 ? NULL : cell->n > 1 ? text : words, to);
}

static void put_cell_text(const fleet_cell *cell, int at, FILE *to) {
    const char *text = cell->texts[at];
    switch (at) {
    case RESULTS_ROOF:
        put_string(roof_of(cell), to);
        break;
    case RESULTS_DISTURBED:
        put_some(cell, cell->disturbed, text, to);
        break;
    case RESULTS_INVALID: // of half of the files or more, or the group has no figure
        put_some(cell, 2 * cell->invalid >= cell->n ? cell->invalid : 0, text, to);
        break;
    case RESULTS_PIN_ERROR:
        put_some(cell, cell->refused, text, to);
        break;
    default:
        put_string(cell->differs[at] ? "differs" : text, to);
    }
}

static void put_correct(const fleet_cell *cell, FILE *to) { // one wrong one is enough
    fputs(cell->wrong ? "0" : cell->right ? "1" : "null", to);
}

static void put_cell_value(const fleet *f, const field *one, uint32_t which, const fleet_cell *cell,
                           FILE *to) {
    if (!cell) {
        fputs("null", to);
    } else if (one->kept == IN_TEXTS) {
        put_cell_text(cell, one->at, to);
    } else if (one->kept == IN_WHOLES && one->at == RESULTS_CORRECT) {
        put_correct(cell, to);
    } else if (one->kept == IN_WHOLES) { // it follows from the case
        put_whole(f->cases[which].wholes[one->at], to);
    } else {
        fleet_value v = fleet_value_of(f, cell, one->at);
        put_float(one->kept == LOW ? v.low : one->kept == HIGH ? v.high : v.median, to);
    }
}

// A list for each series with a value for each case; NULL: how many files.
static void put_values(const fleet *f, const field *one, FILE *to) {
    fputc('[', to);
    for (uint32_t s = 0; s < f->series_table.count; s++) {
        fputs(s ? ",\n[" : "[", to);
        for (uint32_t k = 0; k < f->case_table.count; k++) {
            const fleet_cell *cell = fleet_find(f, s, k);
            fputs(k ? "," : "", to);
            if (one) {
                put_cell_value(f, one, k, cell, to);
            } else if (cell) {
                fprintf(to, "%u", (unsigned)cell->n);
            } else {
                fputs("null", to);
            }
        }
        fputc(']', to);
    }
    fputc(']', to);
}

static void put_columns(const fleet *f, FILE *to) {
    put_key("n", to);
    put_values(f, NULL, to);
    for (int i = 0; i < FIELDS; i++) {
        if (!(fields[i].shown & (ROW_IS_CASE | ROW_IS_NAME))) {
            fputs(",\n", to);
            put_id(fields[i].id, to);
            put_values(f, &fields[i], to);
        }
    }
}

static void put_heads(const fleet *f, FILE *to) {
    fputs("\"groups\":[", to);
    for (size_t i = 0; i < f->group_table.count; i++) {
        fputs(i ? ",\n" : "", to);
        put_group(&f->groups[i], to);
    }
    fputs("],\n\"series\":[", to);
    for (size_t i = 0; i < f->series_table.count; i++) {
        fputs(i ? ",\n" : "", to);
        put_series(&f->series[i], to);
    }
    fputs("],\n\"cases\":[", to);
    for (size_t i = 0; i < f->case_table.count; i++) {
        fputs(i ? ",\n" : "", to);
        put_case(&f->cases[i], to);
    }
    fputs("],\n", to);
}

// The A/B comparisons, each already as JSON.
static void put_comparisons(const gather_result *r, FILE *to) {
    fputs("\"ab\":[", to);
    for (size_t i = 0; i < r->ab_count; i++) {
        fputs(i ? ",\n" : "\n", to);
        fputs(r->ab[i].found.json, to);
    }
    fputs("],\n", to);
}

static void put_score(const json_t *score, FILE *to) {
    char *text = score ? json_dumps(score, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    const char *shown = text ? text : "null";
    put_key("score", to);
    cli_put_json(to, shown, strlen(shown));
    fputs(",\n", to);
    free(text);
}

void report_put_data(const gather_result *r, const json_t *score, FILE *to) {
    const fleet *f = &r->fleet;
    char now[32] = "";
    time_t seconds = time(NULL);
    struct tm parts;
    if (gmtime_r(&seconds, &parts)) {
        strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    fputs("{\n", to);
    put_pair("made", now, to);
    put_pair("decoct", CLI_VERSION, to);
    fputc('\n', to);
    put_score(score, to);
    put_comparisons(r, to);
    put_heads(f, to);
    fputs("\"values\":{\n", to);
    put_columns(f, to);
    fprintf(to,
            "},\n\"verdict\":{\"wrong\":%" PRId64 ",\"disturbed\":%" PRId64 ",\"refused\":%" PRId64
            ",\"failed\":%" PRId64 ",\"rows\":%" PRId64 "}\n}\n",
            f->wrong, f->disturbed, f->refused, f->failed, f->rows);
}
