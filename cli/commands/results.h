// SPDX-License-Identifier: BSD-2-Clause
// Reads result files (docs/results.md) fast: simdjson for C, which only result_keys.hh and what
// includes it see. A fleet of 500 files of 2000 rows, 1.1 GB, takes jansson 25 s of a CPU, this 2.
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

// Figures of a row; NAN for null.
enum {
    RESULTS_TIME, // µs, like its interval
    RESULTS_GFLOPS,
    RESULTS_GBS,
    RESULTS_TOKENS,
    RESULTS_PCT,
    RESULTS_ROOF_RATE,
    RESULTS_INTENSITY,
    RESULTS_CLOCK,
    RESULTS_MANY, // those above are kept of every file, those below of a single one
    RESULTS_TIME_LOW = RESULTS_MANY,
    RESULTS_TIME_HIGH,
    RESULTS_PCT_LOW,
    RESULTS_PCT_HIGH,
    RESULTS_FIGURES
};

typedef struct results_row {
    results_text name, backend, op, model, pin, level, roof, pin_error;
    results_text bound, seen;        // "0,1"; "-" for a worker without
    results_text disturbed, invalid; // joined by "; "; NULL for an empty list
    results_text served;             // kernels that another backend than the one asked for served
    int64_t seq, heads, head_dim, layers, workers; // -1 for null
    int64_t correct;                               // -1 for null
    float figures[RESULTS_FIGURES];
} results_row;

// What a reader of a figure must know about the machine and the program: keys of the context in
// which the files of one CPU model should agree. Their names, "machine.kernel" and so on.
enum { RESULTS_DISCLOSED = 26 };
extern const char *const results_disclosed[RESULTS_DISCLOSED];

typedef struct results_file {
    results_text cpu, date, commit;
    results_text context;                  // the whole of it, as JSON without blanks
    int64_t complete;                      // -1 for null
    uint64_t disclosed[RESULTS_DISCLOSED]; // a hash of each value
    const results_row *rows;
    size_t count;
    size_t failed; // cases that could not run, which have no row
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
    RESULTS_WRONG, // the text is no result file; words name the place
    RESULTS_OTHER, // the same, and plainly so: it is empty, or JSON of another kind
    RESULTS_MEMORY
} results_status;

// Everything in *file stays valid until the next call or results_close; the text may go at once.
results_status results_parse(results_reader *reader, const char *text, size_t length,
                             results_file *file, char *words, size_t size);

// The shortest decimal number that reads back as this float (finite); how many characters.
enum { RESULTS_FLOAT = 32 };
size_t results_float(char out[RESULTS_FLOAT], float value);

#ifdef __cplusplus
}
#endif
#endif
