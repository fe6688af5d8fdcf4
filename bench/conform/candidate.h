// SPDX-License-Identifier: BSD-2-Clause
// The backend that is examined, and the definition. Both are loaded in a child only.
#ifndef BENCH_CONFORM_CANDIDATE_H
#define BENCH_CONFORM_CANDIDATE_H

#include "frame.h"

enum { CANDIDATE_UNITS = 96, CANDIDATE_TEXT = 64, UNIT_NAME = 32 };

// A slot that the candidate fills, with one type.
typedef struct conform_unit {
    int32_t slot;
    decoct_dtype dtype;
    bool exact; // the bits of the definition
    char name[UNIT_NAME];
} conform_unit;

// What the table says, copied for the parent.
typedef struct candidate_survey {
    char name[CANDIDATE_TEXT], version[CANDIDATE_TEXT];
    uint32_t priority;
    uint64_t features, lacking; // needed; of those what this CPU has not
    bool loaded, usable;        // usable() did not refuse this machine
    uint64_t kernels_lack;      // what this CPU has not, of kernels that are therefore left out
    char closed[PAGE_TEXT];     // why its whole operations cannot be used; empty: they can
    int32_t count;
    conform_unit units[CANDIDATE_UNITS];
} candidate_survey;

// Is a backend of this name inside the program?
bool candidate_is_inside(const char *name);
// Loads the candidate, a file or (without a path) a backend inside the program; NULL after a
// finding.
const decoct_backend *candidate_load(conform_page *page, const char *path, const char *name);
// Fills the survey: all that does not need to run a kernel. What is wrong with the table is a
// finding; a kernel whose sizes the library could not work with has no unit.
void candidate_survey_fill(const decoct_backend *table, conform_page *page, candidate_survey *out);
// What is wrong with the file, apart from its table.
void candidate_check_file(const char *path, conform_page *page);
// A finding of the table, or a note about it.
void candidate_fail(conform_page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void candidate_note(conform_page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// The kernels that the library would use here, and those of scalar.
void candidate_kernels(conform_page *page, const decoct_backend *table, dct_kernels *given,
                       dct_kernels *right);

#endif
