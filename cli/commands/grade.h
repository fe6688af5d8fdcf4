// SPDX-License-Identifier: BSD-2-Clause
// How fit a result file is for a public comparison: a grade, and what is missing for a better one.
#ifndef CLI_GRADE_H
#define CLI_GRADE_H

#include "export.h"

typedef struct grade {
    char best;      // 'A', 'B' or 'C'; 0: a result is wrong
    json_t *lacks;  // a list of {"grade": "A", "text": "..."}: what is missing for that grade
    const char *at; // where memory ran out; NULL: it did not
} grade;

grade grade_file(const export_input *in);

#endif
