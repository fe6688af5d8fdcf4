// SPDX-License-Identifier: BSD-2-Clause
#include "score.h"

#include "cli.h"
#include "text.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const score_names[SCORE_CLASSES] = {
#define SCORE_CLASS(id, name, meaning) name,
#include "score.def"
};
const char *const score_meanings[SCORE_CLASSES] = {
#define SCORE_CLASS(id, name, meaning) meaning,
#include "score.def"
};

static const struct {
    int which;
    const char *op, *level;
    int64_t first, last;
    int figure;
} lines[] = {
#define SCORE_ROWS(id, op, level, first, last, value)                                              \
    {SCORE_##id, op, level, first, last, RESULTS_##value},
#include "score.def"
};
enum { LINES = sizeof lines / sizeof *lines };

// ---- Which rows are the same work ----

static int find_line(const char *op, const char *level, int64_t seq) {
    for (int i = 0; op && i < LINES; i++) {
        if (strcmp(op, lines[i].op) == 0 && strcmp(level ? level : "", lines[i].level) == 0 &&
            (seq < 0 ? 0 : seq) >= lines[i].first && (seq < 0 ? 0 : seq) <= lines[i].last) {
            return i;
        }
    }
    return -1;
}

int score_class(const char *op, const char *level, int64_t seq) {
    int line = find_line(op, level, seq);
    return line < 0 ? -1 : lines[line].which;
}

// The line of a case; -1: none. A model in a folder is another one on each machine.
static int line_of(const fleet_case *c) {
    return c->texts[RESULTS_MODEL]
               ? -1
               : find_line(c->texts[RESULTS_OP], c->texts[RESULTS_LEVEL], c->wholes[RESULTS_SEQ]);
}

// What a case is, without the threads and the layers that were timed: a CPU with a larger cache
// times more of them. free() it.
static char *name_of(const fleet_case *c) {
    static const struct {
        const char *key;
        int whole, text; // one of them, the other -1
    } parts[] = {{"level", -1, RESULTS_LEVEL},   {"seq", RESULTS_SEQ, -1},
                 {"heads", RESULTS_HEADS, -1},   {"dim", RESULTS_HEAD_DIM, -1},
                 {"layers", RESULTS_LAYERS, -1}, {"block", -1, RESULTS_BLOCK},
                 {"dtype", -1, RESULTS_DTYPE},   {"pin", -1, RESULTS_PIN}};
    char *name = NULL;
    size_t size;
    FILE *to = open_memstream(&name, &size);
    if (!to) {
        exit(cli_fail(CLI_INTERNAL, "out of memory"));
    }
    fputs(c->texts[RESULTS_OP], to);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *text = parts[i].text < 0 ? NULL : c->texts[parts[i].text];
        bool usual = parts[i].text == RESULTS_DTYPE && text && strcmp(text, "f32") == 0;
        if (text && !usual) {
            fprintf(to, "/%s:%s", parts[i].key, text);
        } else if (parts[i].whole >= 0 && c->wholes[parts[i].whole] >= 0) {
            fprintf(to, "/%s:%" PRId64, parts[i].key, c->wholes[parts[i].whole]);
        }
    }
    if (fclose(to) != 0) {
        exit(cli_fail(CLI_INTERNAL, "out of memory"));
    }
    return name;
}

// ---- Threads ----

// How many threads a machine can run at a time, as the file states it; 0: it does not.
static int64_t threads_of(const fleet_group *g) {
    json_t *context = json_loads(g->context ? g->context : "", 0, NULL);
    const json_t *machine = json_object_get(context, "machine");
    int64_t cpus = json_integer_value(json_object_get(machine, "usable_cpus"));
    json_decref(context);
    return cpus;
}

// What `all` is for a series: what the machine can run; where that is unknown, the most that were
// used.
static int64_t all_threads(const fleet *f, uint32_t series) {
    int64_t most = threads_of(&f->groups[f->series[series].group]);
    for (uint32_t i = 0; most == 0 && i < f->case_table.count; i++) {
        int64_t workers = f->cases[i].wholes[RESULTS_WORKERS];
        most = workers > most && fleet_find(f, series, i) ? workers : most;
    }
    return most;
}

static bool counts_as(score_threads kind, int64_t workers, int64_t all) {
    return workers == (kind == SCORE_ONE ? 1 : all);
}

// ---- A row ----

static double speed_of(const fleet *f, const fleet_cell *cell, int line) {
    int figure = lines[line].figure;
    double value = (double)fleet_value_of(f, cell, figure).median;
    if (!(value > 0) || !isfinite(value)) {
        return NAN;
    }
    return figure == RESULTS_TIME ? 1 / value : value;
}

static const char *why_not(const fleet_cell *cell, double speed) {
    return cell->wrong                                         ? "wrong result"
           : 2 * cell->invalid >= cell->n && cell->invalid > 0 ? "invalid figures"
           : isnan(speed)                                      ? "no figure"
                                                               : NULL;
}

// ---- The reference ----

static void add_reference(score_reference *r, const fleet *f, uint32_t series, uint32_t which) {
    int64_t all = all_threads(f, series);
    const fleet_cell *cell = fleet_find(f, series, which);
    int line = cell ? line_of(&f->cases[which]) : -1;
    double speed = line < 0 ? NAN : speed_of(f, cell, line);
    if (line < 0 || why_not(cell, speed)) {
        return;
    }
    bool added;
    char *name = name_of(&f->cases[which]);
    uint32_t key = fleet_intern(&r->keys, name, strlen(name), &added);
    free(name);
    if (added) {
        r->at = cli_resize(r->at, (int64_t)key + 1, sizeof *r->at);
        r->at[key][0] = r->at[key][1] = -1;
    }
    for (int kind = SCORE_ONE; kind <= SCORE_ALL; kind++) {
        if (counts_as((score_threads)kind, f->cases[which].wholes[RESULTS_WORKERS], all)) {
            r->rows = cli_resize(r->rows, (int64_t)r->count + 1, sizeof *r->rows);
            r->rows[r->count] =
                (score_row){r->keys.keys[key].at, lines[line].which, (score_threads)kind, speed};
            r->of[lines[line].which]++;
            r->at[key][kind] = (int32_t)r->count++;
        }
    }
}

score_reference score_take_reference(const fleet *f) {
    score_reference best = {0};
    for (uint32_t s = 0; s < f->series_table.count; s++) {
        score_reference r = {.series = s};
        for (uint32_t i = 0; i < f->case_table.count; i++) {
            add_reference(&r, f, s, i);
        }
        score_reference *less = r.count > best.count ? &best : &r;
        score_free_reference(less);
        best = less == &best ? r : best;
    }
    return best;
}

void score_free_reference(score_reference *r) {
    fleet_table_free(&r->keys);
    free(r->at);
    free(r->rows);
    *r = (score_reference){0};
}

// ---- The score ----

static void note_unused(score *s, const fleet_case *c) {
    if (s->unused < SCORE_UNUSED) {
        s->unused_names[s->unused] = c->name;
    }
    s->unused++;
}

// The partner of each case of a fleet, as a key of the reference; NO_KEY: it has no partner.
enum { NO_KEY = -1 };

static int32_t *find_keys(const score_reference *r, const fleet *f) {
    int32_t *keys = cli_alloc((int64_t)f->case_table.count + 1, sizeof *keys);
    for (uint32_t i = 0; i < f->case_table.count; i++) {
        char *name = line_of(&f->cases[i]) < 0 ? NULL : name_of(&f->cases[i]);
        keys[i] = name ? (int32_t)fleet_lookup(&r->keys, name, strlen(name)) : NO_KEY;
        free(name);
    }
    return keys;
}

// Puts a case beside its row of the reference: beside both where one thread is all there are.
static void find_partner(score *s, const score_reference *r, const fleet *f, const fleet_cell *cell,
                         uint32_t which, int32_t key, int64_t all) {
    bool used = false;
    for (int kind = SCORE_ONE; key != NO_KEY && kind <= SCORE_ALL; kind++) {
        int32_t row = r->at[key][kind];
        if (row >= 0 &&
            counts_as((score_threads)kind, f->cases[which].wholes[RESULTS_WORKERS], all)) {
            double speed = speed_of(f, cell, line_of(&f->cases[which]));
            const char *why = why_not(cell, speed);
            s->found[row] = (score_found){why ? NAN : speed / r->rows[row].speed, why};
            s->disturbed += !why && 2 * cell->disturbed >= cell->n && cell->disturbed > 0;
            used = true;
        }
    }
    if (!used) {
        note_unused(s, &f->cases[which]);
    }
}

static double mean_of(const double *logs, const uint32_t *counts, int number) {
    double sum = 0;
    for (int i = 0; i < number; i++) {
        sum += counts[i] ? logs[i] / counts[i] : NAN; // a class without rows: no mean
    }
    return SCORE_BASE * exp(sum / number);
}

// The geometric mean of each class, and that of the classes.
static void take_means(score *s, const score_reference *r) {
    for (int kind = 0; kind < SCORE_KINDS; kind++) {
        double logs[SCORE_CLASSES] = {0};
        uint32_t counts[SCORE_CLASSES] = {0};
        for (uint32_t i = 0; i < r->count; i++) {
            bool counted = kind == SCORE_BOTH || (int)r->rows[i].threads == kind;
            if (counted && !isnan(s->found[i].ratio)) {
                logs[r->rows[i].which] += log(s->found[i].ratio);
                counts[r->rows[i].which]++;
            }
        }
        for (int c = 0; c < SCORE_CLASSES; c++) {
            s->classes[c][kind] = mean_of(&logs[c], &counts[c], 1);
            s->of_class[c] = counts[c]; // at last of both
            s->rows += kind == SCORE_BOTH ? counts[c] : 0;
        }
        s->whole[kind] = s->wrong ? NAN : mean_of(logs, counts, SCORE_CLASSES);
    }
}

static score make(const score_reference *r, const fleet *f, uint32_t series, const int32_t *keys) {
    score s = {.found = cli_alloc((int64_t)r->count + 1, sizeof *s.found)};
    int64_t all = all_threads(f, series);
    for (uint32_t i = 0; i < r->count; i++) {
        s.found[i] = (score_found){NAN, "not measured"};
    }
    for (uint32_t i = 0; i < f->case_table.count; i++) {
        const fleet_cell *cell = fleet_find(f, series, i);
        if (cell) {
            s.wrong += cell->wrong > 0;
            find_partner(&s, r, f, cell, i, keys[i], all);
        }
    }
    take_means(&s, r);
    return s;
}

score *score_make(const score_reference *r, const fleet *f) {
    score *list = cli_alloc((int64_t)f->series_table.count + 1, sizeof *list);
    int32_t *keys = find_keys(r, f);
    for (uint32_t s = 0; s < f->series_table.count; s++) {
        list[s] = make(r, f, s, keys);
    }
    free(keys);
    return list;
}

void score_free(score *list, size_t count) {
    for (size_t i = 0; list && i < count; i++) {
        free(list[i].found);
    }
    free(list);
}
