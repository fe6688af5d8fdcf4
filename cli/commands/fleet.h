// SPDX-License-Identifier: BSD-2-Clause
// Many result files side by side: groups (machines), series (a group on a backend), cases (shapes),
// and cells, where a series meets a case. Of each row only its figures stay, as floats: a fleet of
// 500 files of 2000 rows is a gigabyte of text and some 50 MB here.
#ifndef CLI_FLEET_H
#define CLI_FLEET_H

#include "filter.h"
#include "results.h"

#include <stdbool.h>
#include <stdint.h>

// Strings are of UTF-8 without 0 bytes, allocated; NULL for null.
typedef struct fleet_group {
    char *cpu, *label, *date, *host, *commit, *context; // the context as JSON
    char *file, *path;                                  // of the first file: as shown, and as given
    char *folder;                                       // NULL for a single file
    uint32_t files;
    int64_t complete; // 0 when one is not, -1 when nothing is known
    uint64_t disclosed[RESULTS_DISCLOSED];
    bool mixed[RESULTS_DISCLOSED];
} fleet_group;

typedef struct fleet_series {
    uint32_t group;
    char *backend, *label;
} fleet_series;

typedef struct fleet_case { // of texts and wholes those that say which case it is
    char *name;
    char *texts[RESULTS_TEXTS];
    int64_t wholes[RESULTS_WHOLES];
} fleet_case;

// The row of one file: what is kept of it. The last one of a cell has next == FLEET_END.
enum { FLEET_END = -1 };
enum { FLEET_BLOCK = 4096 };
typedef struct fleet_record {
    float figures[RESULTS_MANY];
    int32_t next;
} fleet_record;

// The median over the files and the interval that holds the true median with at least 95 % (sign
// test; fewer than 6 files: all of them; a single one: its own).
typedef struct fleet_value {
    float median, low, high;
} fleet_value;

typedef struct fleet_cell {
    int32_t first;      // record
    uint32_t n;         // files
    uint32_t last_file; // which one gave the last row
    uint32_t right, wrong, disturbed, invalid, refused, compute, memory; // of n
    float own[RESULTS_FIGURES - RESULTS_MANY]; // of the first file: its own intervals
    char *texts[RESULTS_TEXTS];  // of the first file; NULL: what says which case or series it is
    bool differs[RESULTS_TEXTS]; // of shared ones: files disagree
    fleet_value *judged;         // RESULTS_MANY; NULL for a single file
} fleet_cell;

typedef struct fleet_table { // from bytes to 0, 1, 2, ... in the order they came
    uint32_t *slots, *hashes;
    size_t size, count;
    struct fleet_key {
        char *at;
        size_t length;
    } * keys;
} fleet_table;

typedef struct fleet {
    const result_filter *filter; // of rows; NULL: all
    fleet_group *groups;
    fleet_series *series;
    fleet_case *cases;
    fleet_cell *cells;
    fleet_record **records; // in blocks, so that growing copies nothing
    size_t record_count;
    fleet_table group_table, series_table, case_table, cell_table;
    uint32_t files;
    int64_t rows, wrong, disturbed, refused, failed;
} fleet;

// Adds a file; `shown` is its name in the report. folder: the directory argument that it belongs
// to, whose files of one CPU are one group, or NULL: the file is a group of its own. `argument`
// distinguishes folders and files given twice. False, with a message: two rows are of one backend
// and case.
bool fleet_add(fleet *f, const results_file *file, const char *path, const char *shown,
               const char *folder, int argument, char *words, size_t size);
// Makes the labels, once all files are added.
void fleet_label(fleet *f);
// NULL when that series has no such case.
const fleet_cell *fleet_find(const fleet *f, uint32_t series, uint32_t which);
const fleet_record *fleet_record_at(const fleet *f, int32_t index);
void fleet_free(fleet *f);
// The text after the last slash.
const char *fleet_base_name(const char *path);

void fleet_table_free(fleet_table *t);
// The index of these bytes; *added: they are new. (uint32_t)-1 from fleet_lookup: not
// there.
uint32_t fleet_intern(fleet_table *t, const void *key, size_t length, bool *added);
uint32_t fleet_lookup(const fleet_table *t, const void *key, size_t length);

// Computes the figures of each cell, once all files are added.
void fleet_judge(fleet *f);
// After that: about one figure. NAN: nothing.
fleet_value fleet_value_of(const fleet *f, const fleet_cell *cell, int figure);

#endif
