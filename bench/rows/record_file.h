// SPDX-License-Identifier: BSD-2-Clause
// A result file while it is made: rows by case, written as a whole each time, so that the file can
// be read however the program ends.
#ifndef BENCH_RECORD_FILE_H
#define BENCH_RECORD_FILE_H

#include "claim.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct record_file {
    const char *path;
    json_t *context; // owned
    json_t **rows;   // owned; NULL: not measured yet
    int count;
    int held;     // the claim on path; -1: no claim
    bool written; // or the file is empty, and this process made it
    bool stream;  // what path names can be written once only
} record_file;

// Room for `count` rows. False: no memory.
bool record_file_open(record_file *r, const char *path, int count);
void record_file_close(record_file *r);
// Makes sure that path can be written, and by this process alone. CLAIM_EXISTS, CLAIM_HELD and
// CLAIM_FAILED after a message on stderr. old: the file may be there already.
claim_status record_file_claim(record_file *r, const char *command, bool old);
// Writes a new file beside the old one and renames it to the old name. On failure a message on
// stderr, and the old file is unchanged. A stream (see wholefile.h) is written at the end only.
bool record_file_write(record_file *r, const char *command, bool end);
// Reads a file to continue it; an empty one has neither context nor rows (an empty object). NULL,
// an exit code and a message on stderr.
json_t *record_file_read(const char *path, const char *command, int *code);
// The same for a file that has `part` instead of "benchmarks".
json_t *record_file_read_part(const char *path, const char *command, const char *part, int *code);
// Whether two values of files are equal: numbers to the precision of a file.
bool record_file_is_same(const json_t *a, const json_t *b);

#endif
