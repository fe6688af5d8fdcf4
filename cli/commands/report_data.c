// SPDX-License-Identifier: BSD-2-Clause
// A fleet as the one JSON document that the report page reads.
#include "cli.h"
#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

void report_put_json(const char *text, size_t length, FILE *to) {
    for (const char *end = text + length; text < end;) {
        const char *mark = memchr(text, '<', (size_t)(end - text));
        fwrite(text, 1, (size_t)((mark ? mark : end) - text), to);
        if (mark) { // it would let a string end the script element
            fputs("\\u003c", to);
        }
        text = mark ? mark + 1 : end;
    }
}

static void put_string(const char *s, FILE *to) {
    if (!s) {
        fputs("null", to);
        return;
    }
    fputc('"', to);
    for (; *s; s++) {
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

static void put_key(const char *key, FILE *to) {
    fprintf(to, "\"%s\":", key);
}

static void put_pair(const char *key, const char *value, FILE *to) {
    put_key(key, to);
    put_string(value, to);
    fputc(',', to);
}

static void put_whole(const char *key, int64_t value, FILE *to) {
    put_key(key, to);
    if (value < 0) {
        fputs("null,", to);
    } else {
        fprintf(to, "%" PRId64 ",", value);
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
    put_whole("files", g->files, to);
    put_pair("file", g->file, to);
    put_pair("date", g->date, to);
    put_pair("commit", g->commit, to);
    fprintf(to, "\"complete\":%s,\"context\":", words[g->complete + 1]);
    report_put_json(g->context, strlen(g->context), to);
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

static void put_case(const fleet_case *c, FILE *to) {
    fputc('{', to);
    put_pair("name", c->name, to);
    put_pair("op", c->op, to);
    put_whole("seq", c->seq, to);
    put_whole("heads", c->heads, to);
    put_whole("head_dim", c->head_dim, to);
    put_whole("layers", c->layers, to);
    put_pair("model", c->model, to);
    put_whole("workers", c->workers, to);
    put_pair("pin", c->pin, to);
    put_key("level", to);
    put_string(c->level, to);
    fputc('}', to);
}

// One list of `values`: how its name and how a cell's value is written. The figures come first.
enum { MEDIAN, LOW, HIGH };
typedef struct column {
    const char *name;
    int figure, part;
    void (*put)(const fleet_cell *cell, FILE *to);
} column;

static void put_roof(const fleet_cell *cell, FILE *to) { // the commoner one
    put_string(cell->compute > cell->memory   ? "compute"
               : cell->memory > cell->compute ? "memory"
                                              : NULL,
               to);
}

static void put_n(const fleet_cell *cell, FILE *to) {
    fprintf(to, "%u", (unsigned)cell->n);
}

static void put_correct(const fleet_cell *cell, FILE *to) { // one wrong one is enough
    fputs(cell->wrong ? "0" : cell->right ? "1" : "null", to);
}

static void put_some(const fleet_cell *cell, uint32_t count, const char *words, FILE *to) {
    char text[64];
    snprintf(text, sizeof text, "%u of %u files", (unsigned)count, (unsigned)cell->n);
    put_string(count == 0 ? NULL : cell->n > 1 ? text : words, to);
}

static void put_disturbed(const fleet_cell *cell, FILE *to) {
    put_some(cell, cell->disturbed, cell->disturbed_words, to);
}

// More than half of the files, or the group has no figure that says something.
static void put_invalid(const fleet_cell *cell, FILE *to) {
    put_some(cell, 2 * cell->invalid >= cell->n ? cell->invalid : 0, cell->invalid_words, to);
}

static void put_served(const fleet_cell *cell, FILE *to) {
    put_string(cell->served, to);
}

static void put_pin_error(const fleet_cell *cell, FILE *to) {
    put_some(cell, cell->refused, cell->pin_error, to);
}

static void put_bound(const fleet_cell *cell, FILE *to) {
    put_string(cell->bound_differs ? "differs" : cell->bound, to);
}

static void put_seen(const fleet_cell *cell, FILE *to) {
    put_string(cell->seen_differs ? "differs" : cell->seen, to);
}

static const column columns[] = {
    {"time", RESULTS_TIME, MEDIAN, NULL},
    {"time_low", RESULTS_TIME, LOW, NULL},
    {"time_high", RESULTS_TIME, HIGH, NULL},
    {"gflops", RESULTS_GFLOPS, MEDIAN, NULL},
    {"gbs", RESULTS_GBS, MEDIAN, NULL},
    {"tokens", RESULTS_TOKENS, MEDIAN, NULL},
    {"pct", RESULTS_PCT, MEDIAN, NULL},
    {"pct_low", RESULTS_PCT, LOW, NULL},
    {"pct_high", RESULTS_PCT, HIGH, NULL},
    {"roof", 0, 0, put_roof},
    {"roof_rate", RESULTS_ROOF_RATE, MEDIAN, NULL},
    {"intensity", RESULTS_INTENSITY, MEDIAN, NULL},
    {"clock", RESULTS_CLOCK, MEDIAN, NULL},
    {"n", 0, 0, put_n},
    {"correct", 0, 0, put_correct},
    {"disturbed", 0, 0, put_disturbed},
    {"invalid", 0, 0, put_invalid},
    {"served", 0, 0, put_served},
    {"bound", 0, 0, put_bound},
    {"seen", 0, 0, put_seen},
    {"pin_error", 0, 0, put_pin_error},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void put_value(const fleet *f, const column *c, const fleet_cell *cell, FILE *to) {
    if (!cell) {
        fputs("null", to);
    } else if (c->put) {
        c->put(cell, to);
    } else {
        fleet_value v = fleet_value_of(f, cell, c->figure);
        put_float(c->part == LOW ? v.low : c->part == HIGH ? v.high : v.median, to);
    }
}

static void put_column(const fleet *f, const column *c, FILE *to) {
    put_key(c->name, to);
    fputc('[', to);
    for (uint32_t s = 0; s < f->series_table.count; s++) {
        fputs(s ? ",\n[" : "[", to);
        for (uint32_t k = 0; k < f->case_table.count; k++) {
            fputs(k ? "," : "", to);
            put_value(f, c, fleet_find(f, s, k), to);
        }
        fputc(']', to);
    }
    fputc(']', to);
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

void report_put_data(const fleet *f, FILE *to) {
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
    put_heads(f, to);
    fputs("\"values\":{\n", to);
    for (size_t i = 0; i < COLUMNS; i++) {
        fputs(i ? ",\n" : "", to);
        put_column(f, &columns[i], to);
    }
    fprintf(to,
            "},\n\"verdict\":{\"wrong\":%" PRId64 ",\"disturbed\":%" PRId64 ",\"refused\":%" PRId64
            ",\"failed\":%" PRId64 ",\"rows\":%" PRId64 "}\n}\n",
            f->wrong, f->disturbed, f->refused, f->failed, f->rows);
}
