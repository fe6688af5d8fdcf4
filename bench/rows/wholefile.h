// SPDX-License-Identifier: BSD-2-Clause
// Files that are written as a whole or not at all.
#ifndef BENCH_WHOLEFILE_H
#define BENCH_WHOLEFILE_H

#include <stdbool.h>
#include <stdio.h>

enum { WHOLEFILE_MESSAGE = 512 };

// Writes a new file beside `path` with `put`, flushes it to the disk, and renames it to `path`.
// What is not a regular file (a pipe, /dev/full) and what is open already ("-", /dev/stdout,
// /dev/fd/3) is written to directly. If the system refuses the rename (a file that is a mount
// point), the content is copied into the old file. A file system without permissions or fsync is
// accepted. False: `message` names what failed; then a regular file at `path` is unchanged, or the
// message names the file that has all of the new content. held: NULL, or the claim on `path`
// (claim.h), which passes to the new file.
bool wholefile_write(const char *path, bool (*put)(FILE *to, const void *data), const void *data,
                     int *held, char *message, size_t size);

// Could wholefile_write write here? For the time before a long run, whose results would be lost
// otherwise: a new file is made beside `path` and removed again.
bool wholefile_try(const char *path, char *message, size_t size);

// "-", /dev/stdout and the like.
bool wholefile_is_stdout(const char *path);
// True for what can be written once only, since nothing is replaced: pipes, devices, descriptors. A
// folder counts as one.
bool wholefile_is_stream(const char *path);

#endif
