// SPDX-License-Identifier: BSD-2-Clause
// The kernel kit: operands between forbidden pages, seeded numbers, every backend in turn.
#ifndef CHECK_H
#define CHECK_H

#include <decoct/decoct.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// Unit round-off of f32.
#define CHECK_U 0x1p-24

// Memory with a forbidden page before and behind it; a touch outside ends the test with SIGSEGV.
typedef struct check_arena {
    char *base;
    size_t size; // without the forbidden pages
} check_arena;

// Room for at least `count` floats. Fails the test if there is no memory.
check_arena check_arena_open(int64_t count);
void check_arena_close(check_arena *arena);
// `count` floats that touch the forbidden page behind them (end) or before them; the rest of the
// arena is filled with a pattern that check_padding knows.
float *check_place(const check_arena *arena, int64_t count, bool end);
// True if `count` floats at p still have the pattern.
bool check_padding(const float *p, int64_t count);

// Numbers in [-scale, scale), the same for the same seed.
void check_fill(float *p, int64_t count, uint64_t seed, float scale);
// The largest of the two; NaN wins and stays.
double check_worse(double worst, double error);
bool check_same_bits(const float *a, const float *b, int64_t count);

// A context on this backend; NULL, with a message on stdout, if the CPU or the build lacks it.
decoct_context *check_open(const char *backend, int32_t threads);
// Runs each test once for each backend that there is (its name is *state), scalar included; those
// that this machine cannot run are skipped with a message.
typedef struct check_test {
    const char *name;
    void (*run)(void **state);
} check_test;
int check_all_backends(const char *group, const check_test *tests, size_t count);

#endif
