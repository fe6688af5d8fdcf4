// SPDX-License-Identifier: BSD-2-Clause
// The name that a mistyped one was probably meant to be.
#ifndef BENCH_NEAREST_H
#define BENCH_NEAREST_H

enum { NEAREST_LENGTH = 48 }; // longer names are not compared

typedef struct nearest {
    const char *given;
    char best[NEAREST_LENGTH]; // "": not one of the names is near
    int distance;
    char hint[NEAREST_LENGTH + 40];
} nearest;

nearest nearest_to(const char *given);
// One of the valid names.
void nearest_offer(nearest *n, const char *name);
// The same for all names of a text, with blanks, commas or semicolons between them.
void nearest_offer_all(nearest *n, const char *names);
// "; did you mean 'next'?", with `before` ("--") in front of the name; "" if there is not one.
const char *nearest_hint(nearest *n, const char *before);

// How many letters must be inserted, deleted, replaced, or swapped with their neighbour to get from
// a to b, whatever their case (Damerau-Levenshtein distance, each letter touched once). Longer
// names than NEAREST_LENGTH: NEAREST_LENGTH.
int nearest_distance(const char *a, const char *b);

#endif
