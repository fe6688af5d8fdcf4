// SPDX-License-Identifier: BSD-2-Clause
// Changes that are intended: a file of lines "EXPIRY  CASES  reason", or an expression on the
// command line.
#ifndef BENCH_AB_ACCEPT_H
#define BENCH_AB_ACCEPT_H

#include <regex.h>
#include <stdbool.h>

enum { ACCEPT_MAX = 64, ACCEPT_REASON = 160 };

typedef struct accepted {
    char date[11]; // the last day on which it holds, "2027-01-31"; "": for ever
    regex_t cases;
    char reason[ACCEPT_REASON];
    bool expired;
} accepted;

typedef struct accept_list {
    accepted items[ACCEPT_MAX];
    int count;
} accept_list;

// Adds an expression. NULL, or what is wrong with it; the text lives until the next call.
const char *accept_add(accept_list *list, const char *cases);
// Adds the lines of a file; empty lines and those that begin with # are comments. `today` is
// "2026-11-26". NULL, or what is wrong and in which line.
const char *accept_read(accept_list *list, const char *path, const char *today);
// The entry that accepts a change of this case, or NULL. An expired one accepts nothing.
const accepted *accept_find(const accept_list *list, const char *name);
void accept_free(accept_list *list);

#endif
