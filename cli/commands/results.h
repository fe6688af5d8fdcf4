// SPDX-License-Identifier: BSD-2-Clause
// Reads result files (docs/results.md) and the files of `decoct ab` fast: simdjson for C, which
// only result_keys.hh and what includes it see. A fleet of 500 files of 2000 rows, 1.1 GB, needs 25
// s of CPU time with jansson, 2 with this.
#ifndef CLI_RESULTS_H
#define CLI_RESULTS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// at is NULL for null. Not terminated; may hold any byte of UTF-8, 0 too.
typedef struct results_text {
    const char *at;
    size_t length;
} results_text;

// What reports keep of a row: the lines of bench/rows/rows.def by how they are kept.
enum {
#define ROW_TEXT(id, ...) RESULTS_##id,
#include "bench/rows/rows.def"
    RESULTS_TEXTS
};
enum {
#define ROW_WHOLE(id, ...) RESULTS_##id,
#include "bench/rows/rows.def"
    RESULTS_WHOLES
};
enum {
#define ROW_FIGURE(id, ...) RESULTS_##id,
#include "bench/rows/rows.def"
    RESULTS_MANY, // those above are kept of every file, those below of a single one
    RESULTS_ENDS = RESULTS_MANY - 1,
#define ROW_END(id, ...) RESULTS_##id,
#include "bench/rows/rows.def"
    RESULTS_FIGURES
};

typedef struct results_row {
    // NULL for null. A list of CPUs is "0,1", with "-" for a worker without; a list of texts is
    // joined by "; ", NULL if it is empty; RESULTS_SERVED names the kernels that another backend
    // than the one asked for served.
    results_text texts[RESULTS_TEXTS];
    int64_t wholes[RESULTS_WHOLES]; // -1 for null; flags are 0 and 1
    float figures[RESULTS_FIGURES]; // NAN for null
} results_row;

// What one must know about the machine and the program to read a figure: keys of the context in
// which the files of one CPU model should agree. Their names, "machine.kernel" and so on.
enum { RESULTS_DISCLOSED = 26 };
extern const char *const results_disclosed[RESULTS_DISCLOSED];

typedef struct results_ab results_ab; // results_ab.h

typedef struct results_file {
    results_text cpu, date, host, commit;
    results_text context;                  // the whole of it, as JSON without blanks
    int64_t complete;                      // -1 for null
    uint64_t disclosed[RESULTS_DISCLOSED]; // a hash of each value
    const results_row *rows;
    size_t count;
    size_t failed;        // cases that could not run, which have no row
    const results_ab *ab; // a comparison by `decoct ab`, which has no rows; else NULL
} results_file;

typedef struct results_reader results_reader;

// What is read of a file: how deep it is nested, and how many rows it has.
enum { RESULTS_DEPTH = 64, RESULTS_ROWS = 1000000 };
enum { RESULTS_PADDING = 64 }; // bytes that must be readable behind the text

// NULL: no memory.
results_reader *results_open(void);
void results_close(results_reader *reader);
typedef enum results_status {
    RESULTS_OK,
    RESULTS_WRONG, // the text is not a result file; `words` name the place
    RESULTS_OTHER, // the same, and plainly so: it is empty, or JSON of another kind
    RESULTS_MEMORY
} results_status;

// Everything in *file stays valid until the next call or results_close; the text may be freed at
// once.
results_status results_parse(results_reader *reader, const char *text, size_t length,
                             results_file *file, char *words, size_t size);

// The shortest decimal number that reads back as this float (finite); how many characters.
enum { RESULTS_FLOAT = 32 };
size_t results_float(char out[RESULTS_FLOAT], float value);

#ifdef __cplusplus
}
#endif
#endif
