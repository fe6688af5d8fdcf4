// SPDX-License-Identifier: BSD-2-Clause
// A result file while it is made: rows by case, written as a whole each time, so that whatever ends
// the program leaves a file that can be read.
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include <jansson.h>
#include <stdbool.h>

typedef struct results {
    const char *path;
    json_t *context; // owned
    json_t **rows;   // owned; NULL: not measured yet
    int count;
} results;

// Room for `count` rows. False: no memory.
bool results_open(results *r, const char *path, int count);
void results_close(results *r);
// Writes a new file beside the old one and puts it in its place. On failure words on stderr, and
// the old file is what it was.
bool results_write(const results *r, const char *command);
// Reads a file to go on with; NULL, and words on stderr.
json_t *results_read(const char *path, const char *command);

#endif
