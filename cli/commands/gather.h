// SPDX-License-Identifier: BSD-2-Clause
// Reads files and folders of result files into a fleet, several at a time, in the order given; and
// comparisons of builds beside it.
#ifndef CLI_GATHER_H
#define CLI_GATHER_H

#include "filter.h"
#include "fleet.h"
#include "output.h"
#include "report_ab.h"

// Files that go into the page as they are.
enum { GATHER_RAW_FILES = 8, GATHER_RAW_BYTES = 32 << 20 };
// Series times cases of a report.
enum { GATHER_CELLS = 4000000 };
typedef struct gather_raw {
    char *name, *text; // the name: of the file, or its path where two have one name
    size_t length;
} gather_raw;

typedef struct gather_ab {
    char *name;
    report_ab found;
} gather_ab;

typedef struct gather_result {
    fleet fleet;
    gather_ab *ab; // comparisons of builds, in the order of their files
    size_t ab_count;
    gather_raw raw[GATHER_RAW_FILES];
    int raw_count;
} gather_result;

// An exit code; the message was printed. Files and rows that the filter does not take are left out.
// `keep` fills raw. No input may be the file `output`.
// Call gather_free in any case.
int gather(char **arguments, int count, bool keep, const result_filter *filter,
           const cli_output *output, gather_result *result);
void gather_free(gather_result *result);

// A whole file with RESULTS_PADDING zero bytes behind it; free() it. An exit code, and a message if
// it is not 0. digest: SEAL_DIGEST characters for the SHA-256 of the file as it is, or NULL.
int gather_read(const char *path, const cli_output *output, char **text, size_t *length,
                char *digest, char *words, size_t size);
// "PATH: MESSAGE" without control characters; returns code.
int gather_fail(int code, const char *path, const char *words);

#endif
