// SPDX-License-Identifier: BSD-2-Clause
// Names that distinguish groups and series, and the end of a fleet.
#include "fleet.h"

#include "cli.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *joined(const char *a, const char *between, const char *b, const char *end) {
    char *text = NULL;
    if (asprintf(&text, "%s%s%s%s", a, between, b, end) < 0) {
        exit(cli_fail(CLI_INTERNAL, "out of memory")); // an empty label would be searched for ever
    }
    return text;
}

// Uses `label`, or the first of "label #2", "label #3", ... that is free.
static char *take_label(fleet_table *taken, char *label) {
    bool added;
    fleet_intern(taken, label, strlen(label), &added);
    for (int k = 2; !added; k++) {
        char number[16];
        snprintf(number, sizeof number, "%d", k);
        char *other = joined(label, " #", number, "");
        fleet_intern(taken, other, strlen(other), &added);
        if (added) {
            free(label);
            label = other;
        } else {
            free(other);
        }
    }
    return label;
}

// How many groups have this key: of all of them the CPU, of those of one CPU the file or folder.
static uint32_t *count_keys(const fleet *f, char **keys, fleet_table *table) {
    uint32_t *counts = cli_alloc((int64_t)f->group_table.count, sizeof *counts);
    bool added;
    for (size_t i = 0; i < f->group_table.count; i++) {
        counts[fleet_intern(table, keys[i], strlen(keys[i]), &added)]++;
    }
    return counts;
}

// Labels of the level before where they are unique, else with more: the CPU; the CPU and the name
// of the file or folder; the CPU and its path.
static void widen(const fleet *f, char **labels, int level) {
    fleet_table table = {0};
    bool added;
    uint32_t *counts = count_keys(f, labels, &table);
    for (size_t i = 0; i < f->group_table.count; i++) {
        const fleet_group *g = &f->groups[i];
        const char *path = g->folder ? g->folder : g->path;
        if (counts[fleet_intern(&table, labels[i], strlen(labels[i]), &added)] > 1) {
            free(labels[i]);
            labels[i] = joined(g->cpu, " (", level == 1 ? fleet_base_name(path) : path, ")");
        }
    }
    fleet_table_free(&table);
    free(counts);
}

void fleet_label(fleet *f) {
    size_t count = f->group_table.count;
    char **labels = cli_alloc((int64_t)count, sizeof *labels);
    fleet_table groups = {0}, series = {0};
    for (size_t i = 0; i < count; i++) {
        labels[i] = joined(f->groups[i].cpu, "", "", "");
    }
    widen(f, labels, 1);
    widen(f, labels, 2);
    for (size_t i = 0; i < count; i++) {
        f->groups[i].label = take_label(&groups, labels[i]);
    }
    for (size_t i = 0; i < f->series_table.count; i++) {
        fleet_series *s = &f->series[i];
        const char *backend = s->backend ? s->backend : "";
        s->label = take_label(
            &series, joined(f->groups[s->group].label, s->backend ? ", " : "", backend, ""));
    }
    fleet_table_free(&groups);
    fleet_table_free(&series);
    free(labels);
}

void fleet_table_free(fleet_table *t) {
    for (size_t i = 0; i < t->count; i++) {
        free(t->keys[i].at);
    }
    free(t->keys);
    free(t->hashes);
    free(t->slots);
    *t = (fleet_table){0};
}

static void free_group(fleet_group *g) {
    char *texts[] = {g->cpu,     g->label, g->date, g->host,  g->commit,
                     g->context, g->file,  g->path, g->folder};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        free(texts[i]);
    }
}

static void free_texts(char *texts[RESULTS_TEXTS]) {
    for (int i = 0; i < RESULTS_TEXTS; i++) {
        free(texts[i]);
    }
}

void fleet_free(fleet *f) {
    for (size_t i = 0; i < f->group_table.count; i++) {
        free_group(&f->groups[i]);
    }
    for (size_t i = 0; i < f->series_table.count; i++) {
        free(f->series[i].backend);
        free(f->series[i].label);
    }
    for (size_t i = 0; i < f->case_table.count; i++) {
        free_texts(f->cases[i].texts); // its name belongs to the table
    }
    for (size_t i = 0; i < f->cell_table.count; i++) {
        free_texts(f->cells[i].texts);
        free(f->cells[i].judged);
    }
    for (size_t i = 0; i * FLEET_BLOCK < f->record_count; i++) {
        free(f->records[i]);
    }
    fleet_table_free(&f->group_table);
    fleet_table_free(&f->series_table);
    fleet_table_free(&f->case_table);
    fleet_table_free(&f->cell_table);
    free(f->groups);
    free(f->series);
    free(f->cases);
    free(f->cells);
    free(f->records);
}
