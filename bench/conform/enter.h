// SPDX-License-Identifier: BSD-2-Clause
// The layout that enter.S knows.
#ifndef BENCH_CONFORM_ENTER_H
#define BENCH_CONFORM_ENTER_H

#include "conform.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

typedef struct conform_registers {
    uint64_t own_sp, sp_before, sp_after;
    uint64_t changed; // of the 32 numbers above sp_before
    uint64_t flags;   // x86-64
    uint64_t mode;    // MXCSR, FPCR
    uint32_t x87[8];  // what fnstenv stores: control word, status, tags
    uint64_t want[12], got[12];
    uint64_t want_vectors[8], got_vectors[8];
    uint64_t above; // what these 32 numbers are
} conform_registers;

static_assert(offsetof(conform_registers, x87) == 48, "enter.S");
static_assert(offsetof(conform_registers, want) == 80, "enter.S");
static_assert(offsetof(conform_registers, got) == 176, "enter.S");
static_assert(offsetof(conform_registers, want_vectors) == 272, "enter.S");
static_assert(offsetof(conform_registers, got_vectors) == 336, "enter.S");
static_assert(offsetof(conform_registers, above) == 400, "enter.S");

void conform_enter(conform_kernel *run, const void *piece, conform_registers *registers);
// A system call that the filter lets through: what the kernel returns.
long conform_system(long number, long a, long b, long c, long d, long e, long f);
extern const char conform_system_end[];

#endif
