// SPDX-License-Identifier: BSD-2-Clause
// A side of a row: one library in a process of its own, which works while the others sleep. A side
// that dies or hangs loses its own figures only.
#ifndef BENCH_SIDE_H
#define BENCH_SIDE_H

#include "measure/lockstep.h"

enum { SIDE_JOBS = 3, SIDES_MAX = 24, SIDE_WHY = 256, SIDE_NOTE = 256 };

// Something that a side is asked to do in its turns.
typedef struct side_job {
    bool (*run)(void *data); // once; false: it failed
    void *data;
    const double *amount; // what a run did, known after the first one; NULL: not needed
} side_job;

// What the new process works with: it opens its library, and fills this in.
typedef struct side_desk {
    side_job jobs[SIDE_JOBS];
    float *result; // shared: receives the result of a run, `floats` numbers
    char *note;    // SIDE_NOTE bytes: version and kernels
    char *why;     // SIDE_WHY bytes: the reason of a failure; "": it does not offer this
} side_desk;

// What both processes see.
typedef struct side_channel {
    lockstep_gate gate;
    int32_t job;
    int64_t calls;
    bool failed;
    double seconds; // of `calls` calls together
    double amount[SIDE_JOBS];
    char note[SIDE_NOTE], why[SIDE_WHY];
    float result[];
} side_channel;

typedef struct side side;

// The sides of a row; only one of them works at a time.
typedef struct side_group {
    side *list[SIDES_MAX];
    int count;
} side_group;

struct side {
    lockstep worker;
    side_channel *channel;
    side_group *group;
    double limit;  // seconds that it may take to open and for a turn; 0: no limit
    bool spins;    // its threads do not sleep after a turn: they are stopped
    bool stopped;  // now
    double awake;  // its CPU seconds during turns of others
    double others; // and how long these turns were, in seconds
    char note[SIDE_NOTE], why[SIDE_WHY];
};

// One of its jobs as a contestant's turn.
typedef struct side_turn {
    side *side;
    int job;
} side_turn;

// Starts a process that runs open(data, desk), and waits until it has done so and sleeps. False:
// it failed, and s->why has the reason ("": it does not offer this).
bool side_open(side *s, side_group *group, double limit, int64_t floats,
               bool (*open)(void *data, side_desk *desk), void *data);
// A contestant's turn (contest.h): a call that is not timed, then `calls` calls. Below 0: it
// failed, and s->why has the reason, or the run was asked to end (stop.h): then no turn begins.
double side_take_turn(void *turn, int64_t calls);
// The part of the others' turns in which it used a CPU; 0 if there were no such turns.
double side_awake(const side *s);
void side_close(side *s);

#endif
