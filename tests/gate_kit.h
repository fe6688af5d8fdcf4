// SPDX-License-Identifier: BSD-2-Clause
// A gate whose verdicts are made up, for tests of its decision and of its reports.
#ifndef TESTS_GATE_KIT_H
#define TESTS_GATE_KIT_H

#include "bench/ab/abi.h"
#include "bench/ab/gate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CASES = 9 };

static trial trials[CASES], equal[GATE_CHECKS], slowed[GATE_CHECKS]; // large

static inline void set_change(trial *t, verdict v, double change) {
    t->verdict = t->quickest = v;
    t->found = (interval){log1p(change), log1p(change - 0.003), log1p(change + 0.003)};
}

static inline void make_case(trial *t, const char *name) {
    *t = (trial){.name = name, .count = 12, .seconds = 1.5};
    set_change(t, VERDICT_NO_CHANGE, 0.001);
    for (int i = 0; i < t->count; i++) {
        t->launches[i] = (launch){
            .run = {52e3, 52e3}, .arithmetic = {2, 2}, .has_hash = true, .same_bits = true};
    }
}

// A gate of nine equal cases whose self-check passed.
static inline gate equal_gate(void) {
    static const char *const names[CASES] = {"a/1", "a/2", "a/3", "b/1", "b/2",
                                             "b/3", "c/1", "c/2", "c/3"};
    trial_rules rules = trial_rules_make(&VERDICT_STANDARD, CASES);
    gate g = {.session = {.trials = trials, .count = CASES, .rules = rules},
              .check = {.equal = {.trials = equal, .count = GATE_CHECKS, .rules = rules},
                        .slowed = {.trials = slowed, .count = GATE_CHECKS, .rules = rules},
                        .inject = 0.05,
                        .computes = true,
                        .control = {.verdict = VERDICT_NO_CHANGE, .rounds = 12}},
              .seconds = 200.0,
              .machine = "a machine",
              .builds = {"old, lib/a.so", "new, lib/b.so"}};
    for (int i = 0; i < CASES; i++) {
        make_case(&trials[i], names[i]);
    }
    for (int i = 0; i < GATE_CHECKS; i++) {
        make_case(&equal[i], names[3 * i]);
        make_case(&slowed[i], names[3 * i]);
        set_change(&slowed[i], VERDICT_REGRESSION, 0.05);
    }
    return g;
}

// A letter for each of the first cases; the others stay equal.
static inline void set_cases(const char *letters) {
    for (int i = 0; letters[i]; i++) {
        trial *t = &trials[i];
        switch (letters[i]) {
        case 's': // slower
            set_change(t, VERDICT_REGRESSION, 0.05);
            break;
        case 'f': // faster
            set_change(t, VERDICT_IMPROVEMENT, -0.05);
            break;
        case '?': // no verdict
            set_change(t, VERDICT_CANNOT_TELL, 0.02);
            break;
        case '-': // never launched
            *t = (trial){.name = t->name, .verdict = VERDICT_CANNOT_TELL, .why = "budget"};
            break;
        case 'x': // failed
            snprintf(t->error, sizeof t->error, "broken");
            t->verdict = VERDICT_OPEN;
            break;
        case 'a': // a function of the C ABI is missing
            abi_explain("libdecoct.so.0", t->error);
            t->verdict = VERDICT_OPEN;
            break;
        case 'b': // other bits
            t->different_bits = true;
            break;
        case 'd': // other bits, which follow from other arithmetic
            t->different_bits = true;
            t->launches[0].arithmetic[1] = 3;
            break;
        default:
            assert_int_equal(letters[i], '=');
        }
    }
}

static inline char *report(const gate *g, void (*put)(FILE *, const gate *)) {
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    put(to, g);
    fclose(to);
    return text;
}

#endif
