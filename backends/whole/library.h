// SPDX-License-Identifier: BSD-2-Clause
// Opens the shared library that a plugin of whole operations calls, when a context names the
// plugin: it is not linked, since its constructors would run in every process that opens a context.
#ifndef WHOLE_LIBRARY_H
#define WHOLE_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct whole_symbol {
    const char *name;
    void *to; // address of a function pointer
} whole_symbol;

// Unless it was done before: opens the shared library `name`, which stays loaded, finds `count`
// functions, and calls `prepare` (may be NULL). False, and the reason.
bool whole_open(bool *opened, const char *name, const whole_symbol *symbols, int count,
                bool (*prepare)(char *reason, uint64_t size), char *reason, uint64_t size);

#endif
