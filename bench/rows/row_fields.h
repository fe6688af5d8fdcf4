// SPDX-License-Identifier: BSD-2-Clause
// The constants in the columns of rows.def.
#ifndef BENCH_ROW_FIELDS_H
#define BENCH_ROW_FIELDS_H

// The type of a key's value, unless it is null.
typedef enum row_kind {
    ROW_KIND_TEXT,
    ROW_KIND_WHOLE, // a whole number
    ROW_KIND_FLAG,  // true or false
    ROW_KIND_FIGURE,
    ROW_KIND_CPUS,  // a list: a CPU or null for each worker
    ROW_KIND_TEXTS, // a list
    ROW_KIND_OBJECT // of texts or lists of figures
} row_kind;

// How a report shows a field, or-ed.
enum {
    ROW_IS_NAME = 1,      // it names the row or its series
    ROW_IS_CASE = 2,      // it says which case a row is of: what differs in it is never compared
    ROW_IS_SHARED = 4,    // of several files: what all have, or "differs"
    ROW_IS_RATE = 8,      // work in a time: the larger, the better; all share a column in Markdown
    ROW_IN_TABLE = 16,    // a column of the page's table
    ROW_IN_TIP = 32,      // in the tooltip of a row
    ROW_IN_CHART = 64,    // can be drawn over a dimension of the shape
    ROW_IN_MARKDOWN = 128 // a column of the table in Markdown
};

// The type of a row of an older file, which has no dtype.
#define ROW_DTYPE_OLD "f32"

#endif
