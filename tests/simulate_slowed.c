// SPDX-License-Identifier: BSD-2-Clause
// Builds that are slower: how often that is found, and after how long.
#include "simulate_tests.h"

#include "simulate_kinds.h"
#include "simulate_rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// Runs of each kind of case on each machine; three times as many from memory, where not all is
// found.
enum { RUNS = 100, FEW_RUNS = 50 };

typedef struct slowed {
    tally cache, memory;
} slowed;

static const struct {
    const char *name;
    const verdict_rule *rule;
} rules[] = {{"standard", &VERDICT_STANDARD}, {"quick", &VERDICT_QUICK}};
enum { RULES = sizeof rules / sizeof *rules };

// A case of a suite in which nothing else changed, `runs` times for each kind.
static void play(slowed *s, const simulated_noise *noise, const simulated_change *change,
                 const verdict_rule *rule, int runs, int seed) {
    memset(s, 0, sizeof *s);
    for (int k = 0; k < KINDS; k++) {
        for (int i = 0; i < rate_runs(k == MEMORY ? 3 * runs : runs); i++) {
            simulated_machine m = simulated_machine_make(
                noise, simulated_seed((uint64_t)((seed * KINDS + k) * 3 * RUNS + i)));
            simulated_outcome o = simulated_case(&m, &simulated_kinds[k], change, rule);
            tally_add(k == MEMORY ? &s->memory : &s->cache, &o);
        }
    }
}

static int found(const tally *t) {
    return t->verdicts[VERDICT_REGRESSION];
}

static int missed(const slowed *s) {
    return s->cache.verdicts[VERDICT_NO_CHANGE] + s->memory.verdicts[VERDICT_NO_CHANGE] +
           s->cache.verdicts[VERDICT_IMPROVEMENT] + s->memory.verdicts[VERDICT_IMPROVEMENT];
}

static double part(int count, int runs) {
    return 100.0 * count / runs;
}

static void print_found(const char *rule, const char *noise, double by, slowed *s) {
    print_message(
        "| %s | %s | %.0f %% | %.1f; %.1f | %d of %d | %.1f (%.1f); %.1f (%.1f) |", rule, noise,
        100.0 * by, part(found(&s->cache), s->cache.runs), part(found(&s->memory), s->memory.runs),
        missed(s), s->cache.runs + s->memory.runs, mean_of(s->cache.seconds, s->cache.runs),
        most_of(s->cache.seconds, s->cache.runs), mean_of(s->memory.seconds, s->memory.runs),
        most_of(s->memory.seconds, s->memory.runs));
    for (int c = 0; c < COMMON_RULES; c++) {
        print_message(" %.0f |", part(s->cache.slower[c] + s->memory.slower[c],
                                      s->cache.runs + s->memory.runs));
    }
    print_message("\n");
}

static void check_slower(int r, double by, int seed) {
    const simulated_change change = {.slowed = by};
    int in_cache = 0, from_memory = 0, called_equal = 0, cache_runs = 0, memory_runs = 0;
    for (int n = 0; n < NOISES; n++) {
        static slowed s;
        play(&s, &simulated_noises[n], &change, rules[r].rule, RUNS, seed + n);
        print_found(rules[r].name, simulated_noises[n].name, by, &s);
        rate_check_not_below("found, from a cache", found(&s.cache), s.cache.runs,
                             by > 0.04 ? 0.99 : 0.9);
        in_cache += found(&s.cache);
        from_memory += found(&s.memory);
        called_equal += missed(&s);
        cache_runs += s.cache.runs;
        memory_runs += s.memory.runs;
    }
    rate_check_at_least("found on all machines, from a cache", in_cache, cache_runs,
                        by > 0.04 ? 0.99 : 0.9);
    rate_check_at_least("found on all machines, from memory", from_memory, memory_runs,
                        by > 0.04 ? 0.95 : 0.5);
    rate_check_at_most("called \"no change\"", called_equal, cache_runs + memory_runs, 0.005);
}

// +5 % is found, and so is +3 % with operands in a cache; from memory +3 % is found or "cannot
// tell". None of it is called equal.
void test_slower_calls(void **state) {
    (void)state;
    print_message(
        "| rule | machine | slowed by | found %%, from a cache; from memory | called \"no "
        "change\" | s a case, mean (95 %%) | %s: found %% | %s | %s |\n",
        common_names[0], common_names[1], common_names[2]);
    for (int r = 0; r < RULES; r++) {
        check_slower(r, 0.03, 5000 + 100 * r);
        check_slower(r, 0.05, 5500 + 100 * r);
    }
}

// One call in four 40 % longer, which the guard finds, and calls that wait, which shows in the wall
// time only: where nothing else uses the CPU, and after the 12 launches that it needs, more than
// the quick rule has.
void test_some_calls(void **state) {
    (void)state;
    static const simulated_change some = {.some = 0.4}, waiting = {.waiting = 0.1};
    print_message("| rule | machine | one call in four 40 %% longer: found %%, from a cache; from "
                  "memory | 10 %% more wall time: found |\n");
    for (int r = 0; r < RULES; r++) {
        for (int n = 0; n < NOISES; n++) {
            static slowed guarded, waits;
            play(&guarded, &simulated_noises[n], &some, rules[r].rule, FEW_RUNS,
                 6000 + 100 * r + n);
            play(&waits, &simulated_noises[n], &waiting, rules[r].rule, FEW_RUNS,
                 6500 + 100 * r + n);
            print_message("| %s | %s | %.1f; %.1f | %.1f; %.1f |\n", rules[r].name,
                          simulated_noises[n].name, part(found(&guarded.cache), guarded.cache.runs),
                          part(found(&guarded.memory), guarded.memory.runs),
                          part(found(&waits.cache), waits.cache.runs),
                          part(found(&waits.memory), waits.memory.runs));
            if (r == 0 || !simulated_noises[n].neighbours) {
                rate_check_at_least("one call in four longer", found(&guarded.cache),
                                    guarded.cache.runs, 0.8);
            }
            if (!simulated_noises[n].neighbours && r == 0) {
                rate_check_at_least("waiting", found(&waits.cache), waits.cache.runs, 0.9);
            }
        }
    }
}
