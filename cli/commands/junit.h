// SPDX-License-Identifier: BSD-2-Clause
// JUnit XML with one suite: the elements and attributes that Jenkins, GitLab and the like read.
#ifndef CLI_JUNIT_H
#define CLI_JUNIT_H

#include "export.h"

typedef enum junit_outcome {
    JUNIT_PASSED,
    JUNIT_FAILURE,
    JUNIT_ERROR,
    JUNIT_SKIPPED,
    JUNIT_OUTCOMES
} junit_outcome;

typedef struct junit_suite {
    const char *name, *verdict; // verdict: of a gate, or NULL
    size_t counts[JUNIT_OUTCOMES];
    double seconds;
} junit_suite;

// name: "matmul/seq:512/...", whose first part becomes the class. message: why it has not passed.
// output: lines of text, or "".
typedef struct junit_test {
    const char *name, *message, *output;
    junit_outcome outcome;
    double seconds;
} junit_test;

// A text in the making.
typedef struct junit_text {
    FILE *to;
    char *made;
    size_t length;
} junit_text;

// Without memory both end the program with a message.
FILE *junit_text_open(junit_text *text);
const char *junit_text_close(junit_text *text); // free() text->made

// The suite's tests follow, as many as it counts; then its end. Texts may hold any character: those
// that XML cannot have are left out.
void junit_begin(const export_input *in, const junit_suite *suite, FILE *to);
void junit_put(const junit_test *test, FILE *to);
void junit_end(FILE *to);

#endif
