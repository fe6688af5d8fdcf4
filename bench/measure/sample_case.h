// SPDX-License-Identifier: BSD-2-Clause
// A case that is timed, and what is known of it so far.
#ifndef BENCH_SAMPLE_CASE_H
#define BENCH_SAMPLE_CASE_H

#include "cases/near.h"
#include "counted.h"
#include "watch.h"

#include <jansson.h>

enum { SAMPLE_NAME = 320 };

// What is known of a case; zeroed but for `what`, `name` and `shelf`.
typedef struct sample_case {
    work_case what;
    char name[SAMPLE_NAME];
    struct shelf *shelf; // where it is while it is open
    char error[256];     // "" unless it could not run
    bool always;         // its output is checked, however long that takes
    bool wrong;          // the output of a sample was not what it must be
    uint64_t hash;
    reference reference; // what it must be
    bool has_reference;
    bool has_hash;
    bool other_bits;   // declared by a backend that serves it: the numbers must be near
    near_numbers near; // what they must be near to; right == NULL: not known
    double distance;   // the largest of all samples
    work_cost cost;
    int64_t heads, head_dim, layers; // as opened: of a model they are its own
    bool has_roof, memory_roof;
    json_t *served; // owned: kernel to the backend that serves it
    watch watched;
    counted counted;
    int64_t moves; // of workers from CPU to CPU
    int32_t workers;
    int32_t *bound, *seen; // CPU of each worker, -1: not bound
    char pin_error[256];
    double last_rate, last_pct; // for the line of progress
    int64_t iterations;         // of the last sample
    bool asked_about_pin, given_up;
} sample_case;

#endif
