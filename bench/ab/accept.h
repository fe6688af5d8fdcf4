// SPDX-License-Identifier: BSD-2-Clause
// Verdicts that do not count: changes that are intended, and cases that are too noisy to judge.
// From a file, or from an expression on the command line.
#ifndef BENCH_AB_ACCEPT_H
#define BENCH_AB_ACCEPT_H

#include <regex.h>
#include <stdbool.h>

enum { ACCEPT_MAX = 256, ACCEPT_LINE = 1000 }; // entries; characters of a line

typedef enum accept_kind {
    ACCEPT_CHANGE,    // a regression or an improvement is intended
    ACCEPT_QUARANTINE // whatever the verdict is, it does not count
} accept_kind;

typedef struct accepted {
    accept_kind kind;
    char date[11]; // the last day on which it holds, "2027-01-31"; "": for ever
    char *text;    // the expression
    regex_t cases;
    char *reason;
    int line; // of its file; 0: from the command line
    bool expired;
} accepted;

typedef struct accept_list {
    accepted items[ACCEPT_MAX];
    int count;
} accept_list;

// Adds an expression. NULL, or what is wrong with it; the text lives until the next call.
const char *accept_add(accept_list *list, accept_kind kind, const char *cases);
// Adds the lines of a file, "2027-01-31 CASES REASON" or "2027-01-31 quarantine CASES REASON";
// empty lines and those that begin with # are comments. `today` is "2026-11-26". NULL, or what is
// wrong and in which line.
const char *accept_read(accept_list *list, const char *path, const char *today);
// The entry of this kind for a case, or NULL. An expired one has no effect.
const accepted *accept_find(const accept_list *list, accept_kind kind, const char *name);
// Does the entry, expired or not, name this case?
bool accept_matches(const accepted *entry, const char *name);
void accept_free(accept_list *list);

#endif
