// SPDX-License-Identifier: BSD-2-Clause
// The score of a CPU: how fast it is beside a reference CPU, by the classes of score.def. Computed
// here and nowhere else: the page, the terminal and other commands show what this gives.
#ifndef CLI_SCORE_H
#define CLI_SCORE_H

#include "fleet.h"

#include <stdbool.h>
#include <stdint.h>

enum { SCORE_BASE = 100 }; // the score of the reference CPU
enum {
#define SCORE_CLASS(id, name, meaning) SCORE_##id,
#include "score.def"
    SCORE_CLASSES
};
extern const char *const score_names[SCORE_CLASSES], *const score_meanings[SCORE_CLASSES];

// With one thread, with all that a machine can run at a time, and both together.
typedef enum score_threads { SCORE_ONE, SCORE_ALL, SCORE_BOTH } score_threads;
enum { SCORE_KINDS = SCORE_BOTH + 1 };

// A row of the reference: what it is is the same on all CPUs, the number of threads apart.
typedef struct score_row {
    const char *name; // as in the file, without threads, backend and the layers that were timed
    int which;        // class
    score_threads threads;
    double speed; // work in a time, the larger, the better
} score_row;

typedef struct score_reference {
    fleet_table keys; // of names
    int32_t (*at)[2]; // for each name the row with one thread and with all; -1: there is none
    score_row *rows;
    uint32_t count, of[SCORE_CLASSES];
    uint32_t series; // which one of the file it is
} score_reference;

// What a series has of a row of the reference.
typedef struct score_found {
    double ratio;    // 2: twice as fast as the reference; NAN: not used
    const char *why; // then; a constant
} score_found;

enum { SCORE_UNUSED = 32 }; // names of rows without a partner; more are only counted
typedef struct score {
    double whole[SCORE_KINDS], classes[SCORE_CLASSES][SCORE_KINDS]; // NAN: there is none
    uint32_t rows, of_class[SCORE_CLASSES];                         // that were used
    uint32_t disturbed;                                             // of those
    uint32_t wrong;     // of all rows: then there is no score
    score_found *found; // for each row of the reference
    uint32_t unused;
    const char *unused_names[SCORE_UNUSED];
} score;

// -1: in no class. level: NULL for none; seq: -1 for none.
int score_class(const char *op, const char *level, int64_t seq);
// Of a fleet of one file; of several backends the one with the most rows of a class. Names are
// those of the fleet, which must stay.
score_reference score_take_reference(const fleet *f);
void score_free_reference(score_reference *r);
// One for each series, after fleet_judge. Call score_free with their number.
score *score_make(const score_reference *r, const fleet *f);
void score_free(score *list, size_t count);

#endif
