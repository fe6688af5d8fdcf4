// SPDX-License-Identifier: BSD-2-Clause
// What the files of the frame share: the page that parent and child see, and the watch over a call.
#ifndef BENCH_CONFORM_FRAME_H
#define BENCH_CONFORM_FRAME_H

#include "conform.h"

#include <stdatomic.h>
#include <stddef.h>

enum { PAGE_FINDINGS = 8, PAGE_TEXT = 320, PAGE_CASE = 160, PAGE_REASON = 24 };

typedef enum conform_kind { KIND_FAILURE, KIND_NOTE, KIND_UNTRIED } conform_kind;

typedef struct conform_finding {
    conform_kind kind;
    char reason[PAGE_REASON]; // "" of KIND_UNTRIED
    char during[PAGE_CASE];   // the case
    char text[PAGE_TEXT];
} conform_finding;

// Survives the end of the child.
typedef struct conform_page {
    atomic_llong calls; // begun so far: the parent sees one that does not come back
    atomic_int in_call; // threads that run the candidate's code
    atomic_int done;    // 1: the test came to its end
    atomic_int count;   // of findings; more than PAGE_FINDINGS are counted, not kept
    atomic_int noted;   // bits of what is noted once in a test
    char during[PAGE_CASE];
    const char *untried[3]; // checks that cannot be done here: constants of the program, which
                            // parent and child have at the same address
    double worst;           // the largest error, in units of its bound
    bool has_worst;
    conform_finding findings[PAGE_FINDINGS];
} conform_page;

// Bits of conform_page.noted.
enum { NOTED_SYSTEM_CALL = 1, NOTED_ALLOCATION = 2, NOTED_UPPER = 4, NOTED_START = 8 };

void conform_record(conform_page *page, conform_kind kind, const char *reason, const char *format,
                    va_list args);

// ---- The watch (watch.c) ----

// Signal handlers, the filter of system calls, breakpoints in the allocator. Once in a child.
void conform_watch(conform_probe *p);
// The signal handlers alone, for a test of several threads.
void conform_watch_signals(conform_probe *p);
// Around a call: from `begin` on system calls and allocations are findings.
void conform_watch_begin(void);
void conform_watch_end(void);
// The operand whose guard page holds the address, or NULL.
const conform_matrix *conform_guarded(const conform_probe *p, const void *address);

// ---- Registers (registers.c, enter.S) ----

bool conform_enter_checked(conform_probe *p, conform_kernel *run, const void *piece);

// ---- Operands (operand.c) ----

// Checks all operands of the case.
bool conform_check_memory(conform_probe *p);
void conform_release(conform_probe *p);

#endif
