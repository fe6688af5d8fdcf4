// SPDX-License-Identifier: BSD-2-Clause
// A result file while it is made: rows by case, written as a whole each time, so that whatever ends
// the program leaves a file that can be read.
#ifndef BENCH_RECORD_FILE_H
#define BENCH_RECORD_FILE_H

#include <jansson.h>
#include <stdbool.h>

typedef struct record_file {
    const char *path;
    json_t *context; // owned
    json_t **rows;   // owned; NULL: not measured yet
    int count;
} record_file;

// Room for `count` rows. False: no memory.
bool record_file_open(record_file *r, const char *path, int count);
void record_file_close(record_file *r);
// Writes a new file beside the old one and puts it in its place. On failure words on stderr, and
// the old file is what it was.
bool record_file_write(const record_file *r, const char *command);
// Reads a file to go on with; NULL, and words on stderr.
json_t *record_file_read(const char *path, const char *command);

#endif
