// SPDX-License-Identifier: BSD-2-Clause
// An A/B comparison as it is in a file: of `decoct ab -o`, or verdict.json of `decoct gate`.
// results_parse reads both it and result files.
#ifndef CLI_RESULTS_AB_H
#define CLI_RESULTS_AB_H

#include "results.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "bench/measure/verdict.h"

// What is read of a file: more is refused.
enum { RESULTS_AB_CASES = 10000, RESULTS_AB_LAUNCHES = 1000, RESULTS_AB_ARMS = 2 };

// Of changes: logarithms of B's time / A's. NAN for null, which also is an end that is infinite.
typedef struct results_launch {
    double quickest, mean, wall; // wall: 0 without undisturbed pairs
    double control_ns, seconds, run_ns[RESULTS_AB_ARMS];
    int64_t undisturbed, woke; // pairs; -1 for null
    results_text cpu;          // "0", or "0,1"
} results_launch;

typedef enum results_bits {
    RESULTS_BITS_UNKNOWN,
    RESULTS_BITS_SAME,
    RESULTS_BITS_DIFFERENT
} results_bits;

typedef struct results_change {
    double estimate, low, high;
} results_change;

// Of each launch.
typedef enum results_decider {
    RESULTS_BY_QUICKEST,
    RESULTS_BY_MEAN,
    RESULTS_BY_WALL
} results_decider;

// What a gate makes of the verdict.
typedef enum results_standing {
    RESULTS_COUNTS,
    RESULTS_ACCEPTED,
    RESULTS_QUARANTINED
} results_standing;

typedef struct results_trial {
    results_text name;
    bool failed;     // it could not be measured; `outcome` is VERDICT_OPEN
    bool looked;     // it has as many launches as the first look needs; else no estimate
    verdict outcome; // of all of it
    verdict quickest, guard, waiting;
    int64_t waiting_looked_at; // -1 for null
    results_text why, error;   // of the verdict, beyond the quickest calls; of a case that failed
    results_change change;     // that the verdict comes from
    results_change calls;      // of the quickest calls, which `change` is of in most cases
    results_decider decider;   // what `change` is of
    double smallest; // a part, not a logarithm: a change above it would probably have been found
    results_bits bits;
    results_standing standing;
    results_text served[RESULTS_AB_ARMS];
    results_text more; // what gates state of this case, as JSON: "accepted" and the like
    const results_launch *launches;
    size_t count;
} results_trial;

typedef struct results_arm {
    results_text library, backend;
} results_arm;

typedef struct results_ab {
    double margin, alpha, inject, guard_margin; // parts; NAN for null
    int64_t first, step, last, pairs;           // launches; -1 for null
    results_arm arms[RESULTS_AB_ARMS];
    results_text rule, arms_json; // the same and further keys, as JSON without blanks
    results_text noise;           // what else happened on the machine, as JSON; NULL: not known
    results_text gate;         // the gate's own part, as JSON without blanks; NULL without a gate
    results_text gate_verdict; // its sentence
    int64_t gate_code;         // its exit code; -1 for null
    int64_t gate_passed;       // its self-check; -1 for null
    const results_trial *trials;
    size_t count;
} results_ab;

#ifdef __cplusplus
}
#endif
#endif
