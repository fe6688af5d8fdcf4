// SPDX-License-Identifier: BSD-2-Clause
#include "score_sheet.h"

#include "cli.h"
#include "export.h"
#include "gather.h"
#include "json_out.h"
#include "score.h"
#include "text.h"

#include "bench/machine/beside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SENTENCES = 8 }; // more CPUs are only counted

static json_t *text(const char *s) {
    return s ? cli_json_text(s, strlen(s)) : json_null();
}

static json_t *number(double x) { // a score has no more digits than its figures
    return isnan(x) ? json_null() : json_real(round(x * 1e3) / 1e3);
}

// {"score", "one", "all"}: with both numbers of threads, with one, with all.
static json_t *kinds(const double of[SCORE_KINDS]) {
    return json_pack("{s:o, s:o, s:o}", "score", number(of[SCORE_BOTH]), "one",
                     number(of[SCORE_ONE]), "all", number(of[SCORE_ALL]));
}

// ---- The reference ----

static json_t *about_reference(const score_reference *r, const fleet *f) {
    const fleet_series *s = &f->series[r->series];
    const fleet_group *g = &f->groups[s->group];
    json_t *context = json_loads(g->context, 0, NULL);
    const json_t *machine = json_object_get(context, "machine");
    json_t *about = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:O?, s:O?, s:O?, s:i}", "cpu",
                              text(g->cpu), "file", text(g->file), "date", text(g->date), "commit",
                              text(g->commit), "backend", text(s->backend), "label", text(s->label),
                              "cpus", json_object_get(machine, "usable_cpus"), "hypervisor",
                              json_object_get(machine, "hypervisor"), "topology",
                              json_object_get(machine, "topology"), "rows", (int)r->count);
    json_decref(context);
    return about;
}

static json_t *about_classes(const score_reference *r) {
    json_t *list = json_array();
    for (int c = 0; c < SCORE_CLASSES; c++) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:i}", "name", score_names[c], "meaning",
                                              score_meanings[c], "rows", (int)r->of[c]));
    }
    return list;
}

// ---- One series ----

static json_t *list_missing(const score *s, const score_reference *r) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->count; i++) {
        if (isnan(s->found[i].ratio)) {
            json_t *row =
                json_pack("{s:o, s:s, s:s}", "row", text(r->rows[i].name), "threads",
                          r->rows[i].threads == SCORE_ONE ? "1" : "all", "why", s->found[i].why);
            json_array_append_new(list, row);
        }
    }
    return list;
}

static json_t *list_unused(const score *s) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < s->unused && i < SCORE_UNUSED; i++) {
        json_array_append_new(list, text(s->unused_names[i]));
    }
    return list;
}

// Why there is no score; null if there is one.
static json_t *reason(const score *s) {
    char words[256] = "no row of the class ";
    size_t before = strlen(words);
    if (!isnan(s->whole[SCORE_BOTH])) {
        return json_null();
    }
    if (s->wrong) {
        return json_string("a result is wrong");
    }
    if (s->rows == 0) {
        return json_string("no row of the reference was measured");
    }
    for (int c = 0; c < SCORE_CLASSES; c++) {
        if (s->of_class[c] == 0) {
            size_t at = strlen(words);
            snprintf(words + at, sizeof words - at, "%s%s", at > before ? ", " : "",
                     score_names[c]);
        }
    }
    return json_string(words);
}

static json_t *one_series(const score *s, const score_reference *r, const fleet *f,
                          uint32_t series) {
    json_t *classes = json_array();
    for (int c = 0; c < SCORE_CLASSES; c++) {
        json_t *one = kinds(s->classes[c]);
        json_object_set_new(one, "rows", json_integer(s->of_class[c]));
        json_array_append_new(classes, one);
    }
    json_t *all = kinds(s->whole);
    json_object_set_new(all, "series", json_integer(series));
    json_object_set_new(all, "group", json_integer(f->series[series].group));
    json_object_set_new(all, "label", text(f->series[series].label));
    json_object_set_new(all, "cpu", text(f->groups[f->series[series].group].cpu));
    json_object_set_new(all, "why", reason(s));
    json_object_set_new(all, "rows", json_integer(s->rows));
    json_object_set_new(all, "of", json_integer(r->count));
    json_object_set_new(all, "disturbed", json_integer(s->disturbed));
    json_object_set_new(all, "classes", classes);
    json_object_set_new(all, "missing", list_missing(s, r));
    json_object_set_new(all, "unused", json_integer(s->unused));
    json_object_set_new(all, "unused_rows", list_unused(s));
    return all;
}

// ---- The order ----

typedef struct place {
    const score *s;
    uint32_t series, group;
} place;

static int compare(double a, double b) { // the larger first, NAN last
    return isnan(a) || isnan(b) ? isnan(a) - isnan(b) : (a < b) - (a > b);
}

static int by_score(const void *a, const void *b) {
    const place *x = a, *y = b;
    int order = compare(x->s->whole[SCORE_BOTH], y->s->whole[SCORE_BOTH]);
    return order ? order : (x->series > y->series) - (x->series < y->series);
}

// Of a CPU's backends the one that says most counts: with the most rows, then the best.
static bool is_better(const score *a, const score *b) {
    return a->rows != b->rows ? a->rows > b->rows
                              : compare(a->whole[SCORE_BOTH], b->whole[SCORE_BOTH]) < 0;
}

// Best first; "rank" is that of the CPU, and null for its other backends and without a score.
static json_t *list_scores(const score *scores, const score_reference *r, const fleet *f) {
    uint32_t count = (uint32_t)f->series_table.count, rank = 0;
    place *places = cli_alloc((int64_t)count + 1, sizeof *places);
    const score **best = cli_alloc((int64_t)f->group_table.count + 1, sizeof *best);
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        uint32_t group = f->series[i].group;
        places[i] = (place){&scores[i], i, group};
        if (!best[group] || is_better(&scores[i], best[group])) {
            best[group] = &scores[i];
        }
    }
    qsort(places, count, sizeof *places, by_score);
    for (uint32_t i = 0; i < count; i++) {
        const score *s = places[i].s;
        bool of_cpu = best[places[i].group] == s, ranked = of_cpu && !isnan(s->whole[SCORE_BOTH]);
        json_t *one = one_series(s, r, f, places[i].series);
        json_object_set_new(one, "best", json_boolean(of_cpu));
        json_object_set_new(one, "rank", ranked ? json_integer(++rank) : json_null());
        json_array_append_new(list, one);
    }
    free(places);
    free(best);
    return list;
}

// ---- The sheet ----

static int check_reference(const void *data, const results_file *file, char *words, size_t size) {
    (void)data;
    if (!file->ab) {
        return CLI_OK;
    }
    snprintf(words, size,
             "is a comparison by decoct ab or gate, which has no rows to compare with");
    return CLI_USAGE;
}

// NULL: no memory.
static json_t *make_sheet(const fleet *f, const score_reference *r, const fleet *reference) {
    score *scores = score_make(r, f);
    json_t *sheet = json_pack("{s:i, s:o, s:o, s:o}", "base", SCORE_BASE, "reference",
                              about_reference(r, reference), "classes", about_classes(r), "list",
                              list_scores(scores, r, f));
    score_free(scores, f->series_table.count);
    return sheet;
}

static int compare_with(const fleet *f, const char *path, export_input *in, json_t **sheet) {
    fleet_label(&in->fleet);
    score_reference r = score_take_reference(&in->fleet);
    int code =
        r.count > 0 ? CLI_OK : gather_fail(CLI_USAGE, path, "has no row that a score is made of");
    if (code == CLI_OK) {
        *sheet = make_sheet(f, &r, &in->fleet);
        code = *sheet ? CLI_OK : cli_fail(CLI_INTERNAL, "out of memory");
    }
    score_free_reference(&r);
    return code;
}

int score_sheet(const fleet *f, const char *reference, const cli_output *output, json_t **sheet) {
    static const char *const places[] = {"reference-cpu.json",
                                         CLI_DATA_FROM_BIN "/reference-cpu.json"};
    char path[4096];
    export_input in = {0};
    *sheet = NULL;
    if (!reference && !beside_program(places, 2, R_OK, path, sizeof path)) {
        fputs("note: no score: reference-cpu.json is missing beside this program\n", stderr);
        return CLI_OK;
    }
    reference = reference ? reference : path;
    int code = export_load(&in, &(export_source){reference, check_reference, NULL, NULL}, output);
    if (code == CLI_OK) {
        code = compare_with(f, reference, &in, sheet);
    }
    export_unload(&in);
    return code;
}

// ---- Sentences ----

static const char *string_of(const json_t *object, const char *key) {
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "?";
}

// "compute 98.2, cache 101, ...".
static void put_classes(const json_t *sheet, const json_t *one, FILE *to) {
    const json_t *names = json_object_get(sheet, "classes");
    size_t i;
    json_t *value;
    json_array_foreach(json_object_get(one, "classes"), i, value) {
        fprintf(to, "%s%s %.3g", i ? ", " : "", string_of(json_array_get(names, i), "name"),
                json_number_value(json_object_get(value, "score")));
    }
}

static void put_sentence(const json_t *sheet, const json_t *one, FILE *to) {
    const json_t *reference = json_object_get(sheet, "reference");
    long long rows = json_integer_value(json_object_get(one, "rows")),
              of = json_integer_value(json_object_get(one, "of"));
    const char *label = json_string_value(json_object_get(one, "label"));
    fprintf(to, "Score of %s: %.3g (", label ? label : string_of(one, "cpu"),
            json_number_value(json_object_get(one, "score")));
    put_classes(sheet, one, to);
    if (rows < of) {
        fprintf(to, "; from %lld of %lld rows", rows, of);
    }
    fprintf(to, "; %d is %s of %.10s)", SCORE_BASE, string_of(reference, "cpu"),
            string_of(reference, "date"));
}

void score_sheet_put(const json_t *sheet, void (*put)(const char *sentence, void *to), void *to) {
    size_t i, shown = 0, more = 0;
    json_t *one;
    json_array_foreach(json_object_get(sheet, "list"), i, one) {
        bool ranked = json_is_integer(json_object_get(one, "rank"));
        more += ranked && shown == SENTENCES;
        if (!ranked || shown == SENTENCES) {
            continue;
        }
        char *sentence = NULL;
        size_t size;
        FILE *room = open_memstream(&sentence, &size);
        if (room) {
            put_sentence(sheet, one, room);
        }
        if (!room || fclose(room) != 0) {
            exit(cli_fail(CLI_INTERNAL, "out of memory"));
        }
        put(sentence, to);
        free(sentence);
        shown++;
    }
    if (more > 0) {
        char words[64];
        snprintf(words, sizeof words, "%zu more CPUs have a score.", more);
        put(words, to);
    }
}
