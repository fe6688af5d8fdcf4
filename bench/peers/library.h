// SPDX-License-Identifier: BSD-2-Clause
// Opening a peer's shared library and finding its functions.
#ifndef BENCH_LIBRARY_H
#define BENCH_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

// The first of `names` (the list ends with NULL) that opens; NULL and a message at `note`
// otherwise.
void *library_open(const char *const names[], char *note, size_t size);
// The same for one file of a folder, "folder/file"; a folder of NULL is "not installed".
void *library_open_in(const char *folder, const char *file, char *note, size_t size);

typedef struct library_symbol {
    const char *name;
    void *to; // address of a function pointer
} library_symbol;

// `taken`: after this setting a library reports that it is limited to AVX2. Returns it; if it is
// false, a message with what it reports instead is at `note`.
bool library_limited(bool taken, const char *setting, const char *reports, char *note, size_t size);

// Looks up `count` functions. False and the missing name at `note`.
bool library_find(void *handle, const library_symbol *symbols, int count, char *note, size_t size);

// A function that the library may lack: `to` remains NULL then.
void library_find_optional(void *handle, const library_symbol *symbol);

#endif
