// SPDX-License-Identifier: BSD-2-Clause
// Files that are written as a whole or not at all.
#ifndef BENCH_WHOLEFILE_H
#define BENCH_WHOLEFILE_H

#include <stdbool.h>
#include <stdio.h>

// Writes a new file beside `path` with `put`, brings it to the disk, and renames it to `path`; what
// is no regular file (a pipe, /dev/stdout) is written to directly. NULL when all is well, else why
// not; then a regular file at `path` is what it was. The words live until the next call.
const char *wholefile_write(const char *path, bool (*put)(FILE *to, const void *data),
                            const void *data);

#endif
