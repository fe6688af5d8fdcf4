// SPDX-License-Identifier: BSD-2-Clause
// Adds result files to the fleet: groups, series and cases.
#include "fleet.h"
#include "text.h"

#include "bench/rows/row_fields.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// How each text of a row is shown: rows.def.
static const int text_shown[RESULTS_TEXTS] = {
#define ROW_TEXT(id, key, kind, unit, write, meaning, heading, label, shown) shown,
#include "bench/rows/rows.def"
};

static char *copy_text(results_text text) {
    char *copy = text.at ? cli_alloc((int64_t)text.length + 1, 1) : NULL;
    return copy ? memcpy(copy, text.at, text.length) : NULL;
}

// Room for one more element; capacities are the powers of two.
static void *room(void *list, size_t count, size_t size) {
    bool full = (count & (count - 1)) == 0; // 0 too
    return full ? cli_resize(list, count ? (int64_t)count * 2 : 1, size) : list;
}

const char *fleet_base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return strcmp(path, "-") == 0 ? "standard input" : slash && slash[1] ? slash + 1 : path;
}

static char *clean(const char *text) {
    bool was;
    return cli_utf8_clean(text, strlen(text), &was);
}

static void start_group(fleet_group *g, const results_file *file, const char *path,
                        const char *shown, const char *folder) {
    *g = (fleet_group){.complete = -1};
    g->cpu = file->cpu.at && file->cpu.length ? copy_text(file->cpu)
                                              : copy_text((results_text){"unknown CPU", 11});
    g->date = copy_text(file->date);
    g->host = copy_text(file->host);
    g->commit = copy_text(file->commit);
    g->context = copy_text(file->context);
    g->file = clean(shown);
    g->path = clean(path);
    g->folder = folder ? clean(folder) : NULL;
    for (size_t n = folder ? strlen(g->folder) : 0; n > 1 && g->folder[n - 1] == '/'; n--) {
        g->folder[n - 1] = '\0';
    }
    memcpy(g->disclosed, file->disclosed, sizeof g->disclosed);
}

static uint32_t find_group(fleet *f, const results_file *file, const char *path, const char *shown,
                           const char *folder, int argument) {
    char key[32];
    int length = snprintf(key, sizeof key, "%d %s", argument, folder ? "cpu " : "file");
    char *whole = cli_alloc(length + (int64_t)file->cpu.length + 1, 1);
    memcpy(whole, key, (size_t)length);
    if (folder && file->cpu.at) {
        memcpy(whole + length, file->cpu.at, file->cpu.length);
    }
    bool added;
    uint32_t index =
        fleet_intern(&f->group_table, whole, (size_t)length + file->cpu.length, &added);
    free(whole);
    if (added) {
        f->groups = room(f->groups, index, sizeof *f->groups);
        start_group(&f->groups[index], file, path, shown, folder);
    }
    fleet_group *g = &f->groups[index];
    g->files++;
    g->complete = file->complete == 0 ? 0 : g->complete == -1 ? file->complete : g->complete;
    for (int i = 0; i < RESULTS_DISCLOSED; i++) {
        g->mixed[i] = g->mixed[i] || g->disclosed[i] != file->disclosed[i];
    }
    return index;
}

static uint32_t find_series(fleet *f, uint32_t group, results_text backend) {
    char *key = cli_alloc((int64_t)(sizeof group + 1 + backend.length), 1);
    memcpy(key, &group, sizeof group);
    key[sizeof group] = backend.at ? 1 : 0;
    if (backend.at) {
        memcpy(key + sizeof group + 1, backend.at, backend.length);
    }
    bool added;
    uint32_t index = fleet_intern(&f->series_table, key, sizeof group + 1 + backend.length, &added);
    free(key);
    if (added) {
        f->series = room(f->series, index, sizeof *f->series);
        f->series[index] = (fleet_series){group, copy_text(backend), NULL};
    }
    return index;
}

// A row's name without its part "/backend:...", into `out`, which has room for it.
static size_t strip_backend(results_text name, char *out) {
    static const char mark[] = "/backend:";
    const size_t n = sizeof mark - 1;
    for (size_t i = name.length >= n ? name.length - n + 1 : 0; i-- > 0;) {
        if (memcmp(name.at + i, mark, n) == 0) {
            const char *rest = memchr(name.at + i + 1, '/', name.length - i - 1);
            size_t left = rest ? (size_t)(name.at + name.length - rest) : 0;
            memcpy(out, name.at, i);
            memcpy(out + i, rest ? rest : "", left);
            return i + left;
        }
    }
    memcpy(out, name.at, name.length);
    return name.length;
}

static void start_case(fleet_case *c, char *name, const results_row *row) {
    *c = (fleet_case){.name = name};
    memcpy(c->wholes, row->wholes, sizeof c->wholes);
    for (int i = 0; i < RESULTS_TEXTS; i++) {
        c->texts[i] = text_shown[i] & ROW_IS_CASE ? copy_text(row->texts[i]) : NULL;
    }
}

static uint32_t find_case(fleet *f, const results_row *row) {
    char small[512];
    int64_t whole = (int64_t)row->texts[RESULTS_NAME].length;
    char *name = whole <= (int64_t)sizeof small ? small : cli_alloc(whole, 1);
    size_t length = strip_backend(row->texts[RESULTS_NAME], name);
    bool added;
    uint32_t index = fleet_intern(&f->case_table, name, length, &added);
    if (name != small) {
        free(name);
    }
    if (added) {
        f->cases = room(f->cases, index, sizeof *f->cases);
        start_case(&f->cases[index], f->case_table.keys[index].at, row);
    }
    return index;
}

static fleet_cell *find_cell(fleet *f, uint32_t series, uint32_t which) {
    uint32_t key[2] = {series, which};
    bool added;
    uint32_t index = fleet_intern(&f->cell_table, key, sizeof key, &added);
    if (added) {
        f->cells = room(f->cells, index, sizeof *f->cells);
        f->cells[index] = (fleet_cell){.first = FLEET_END};
    }
    return &f->cells[index];
}

static void add_record(fleet *f, fleet_cell *cell, const results_row *row) {
    size_t block = f->record_count / FLEET_BLOCK, at = f->record_count % FLEET_BLOCK;
    if (at == 0) {
        f->records = room(f->records, block, sizeof *f->records);
        f->records[block] = cli_resize(NULL, FLEET_BLOCK, sizeof **f->records);
    }
    fleet_record *record = &f->records[block][at];
    memcpy(record->figures, row->figures, sizeof record->figures);
    record->next = cell->first;
    cell->first = (int32_t)f->record_count++;
}

// Does a text of this file differ from that of the first?
static bool differs(const char *kept, results_text text) {
    bool same = kept && text.at
                    ? strlen(kept) == text.length && memcmp(kept, text.at, text.length) == 0
                    : !kept && !text.at;
    return !same;
}

static void keep_texts(fleet_cell *cell, const results_row *row) {
    for (int i = 0; i < RESULTS_TEXTS; i++) {
        bool own = !(text_shown[i] & (ROW_IS_CASE | ROW_IS_NAME));
        if (own && cell->n == 0) {
            cell->texts[i] = copy_text(row->texts[i]);
        } else if (text_shown[i] & ROW_IS_SHARED) {
            cell->differs[i] = cell->differs[i] || differs(cell->texts[i], row->texts[i]);
        }
    }
}

static bool text_is(results_text text, const char *word) {
    return text.at && text.length == strlen(word) && memcmp(text.at, word, text.length) == 0;
}

static void count_row(fleet *f, fleet_cell *cell, const results_row *row) {
    const results_text *texts = row->texts;
    bool disturbed = texts[RESULTS_DISTURBED].at, refused = texts[RESULTS_PIN_ERROR].at;
    bool wrong = row->wholes[RESULTS_CORRECT] == 0;
    cell->right += row->wholes[RESULTS_CORRECT] == 1;
    cell->wrong += wrong;
    cell->disturbed += disturbed;
    cell->invalid += texts[RESULTS_INVALID].at != NULL;
    cell->refused += refused;
    cell->compute += text_is(texts[RESULTS_ROOF], "compute");
    cell->memory += text_is(texts[RESULTS_ROOF], "memory");
    f->rows++;
    f->wrong += wrong;
    f->disturbed += disturbed;
    f->refused += refused;
}

static void fill_cell(fleet *f, fleet_cell *cell, const results_row *row) {
    if (cell->n == 0) {
        memcpy(cell->own, row->figures + RESULTS_MANY, sizeof cell->own);
    }
    keep_texts(cell, row);
    count_row(f, cell, row);
    cell->n++;
    cell->last_file = f->files;
    add_record(f, cell, row);
}

bool fleet_add(fleet *f, const results_file *file, const char *path, const char *shown,
               const char *folder, int argument, char *words, size_t size) {
    uint32_t group = find_group(f, file, path, shown, folder, argument);
    f->files++;
    f->failed += (int64_t)file->failed;
    for (size_t i = 0; i < file->count; i++) {
        const results_row *row = &file->rows[i];
        if (f->filter && !filter_takes_row(f->filter, row)) {
            continue;
        }
        uint32_t series = find_series(f, group, row->texts[RESULTS_BACKEND]);
        fleet_cell *cell = find_cell(f, series, find_case(f, row));
        if (f->record_count == INT32_MAX) {
            snprintf(words, size, "this is row 2147483648, one more than can be counted");
            return false;
        }
        if (cell->n > 0 && cell->last_file == f->files) {
            results_text name = row->texts[RESULTS_NAME];
            snprintf(words, size, "benchmarks[%zu].name appears twice for one backend: %.*s", i,
                     (int)(name.length < 200 ? name.length : 200), name.at);
            return false;
        }
        fill_cell(f, cell, row);
    }
    return true;
}

const fleet_record *fleet_record_at(const fleet *f, int32_t index) {
    return &f->records[index / FLEET_BLOCK][index % FLEET_BLOCK];
}

const fleet_cell *fleet_find(const fleet *f, uint32_t series, uint32_t which) {
    uint32_t key[2] = {series, which};
    uint32_t index = fleet_lookup(&f->cell_table, key, sizeof key);
    return index == (uint32_t)-1 ? NULL : &f->cells[index];
}
