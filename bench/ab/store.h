// SPDX-License-Identifier: BSD-2-Clause
// The file of a comparison while it is made: written again and again as a whole, so that it can be
// read however the program ends, and continued by another run.
#ifndef BENCH_AB_STORE_H
#define BENCH_AB_STORE_H

#include "session.h"

#include "rows/record_file.h"

typedef struct ab_store {
    ab_session *session;
    record_file file; // its path and claim
    json_t *context;
    double next; // when it is to be written again
} ab_store;

// Claims the file, and takes over what it has if this is to be continued. The session then calls
// the store after each launch. 0, or an exit code after a message.
int ab_store_open(ab_store *s, ab_session *a, const char *path, bool resume, char **argv);
// Writes the file for the last time. False: after a message.
bool ab_store_end(ab_store *s);
void ab_store_close(ab_store *s);

// Adds the launches of a file to a session that compares the same builds in the same way. False,
// with a message: it is of something else, or damaged.
bool ab_resume(ab_session *a, const char *path, const json_t *old, const json_t *context);

#endif
