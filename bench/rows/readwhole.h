// SPDX-License-Identifier: BSD-2-Clause
// Reads whole result files, up to a size.
#ifndef BENCH_READWHOLE_H
#define BENCH_READWHOLE_H

#include <stddef.h>

// A result file of a million rows has a gigabyte; one of a day of measuring has some MB.
enum { READWHOLE_MIB = 256, READWHOLE_PADDING = 64 };

typedef enum readwhole_status {
    READWHOLE_OK,
    READWHOLE_WRONG, // it cannot be read, or is too large; message has the reason
    READWHOLE_MEMORY
} readwhole_status;

// Reads the file, or standard input for "-", to its end, at most READWHOLE_MIB of it: a device may
// have no end. A byte-order mark of UTF-8 is left out, one of UTF-16 is an error. *text has
// READWHOLE_PADDING zero bytes behind it; free() it.
readwhole_status readwhole(const char *path, char **text, size_t *length, char *message,
                           size_t size);
// The two halves of it: every byte of the file, and then what is not text left out; that frees
// *text if it cannot be text.
readwhole_status readwhole_bytes(const char *path, char **text, size_t *length, char *message,
                                 size_t size);
readwhole_status readwhole_text(char **text, size_t *length, char *message, size_t size);
// True when the text is only blanks.
int readwhole_is_empty(const char *text, size_t length);

#endif
