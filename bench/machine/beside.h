// SPDX-License-Identifier: BSD-2-Clause
// Files that come with the program, found from its own place: an installed tree can be moved.
#ifndef BENCH_BESIDE_H
#define BENCH_BESIDE_H

#include <stdbool.h>
#include <stddef.h>

// The first of these paths, from the folder of the program, that exists and can be used as `mode`
// (R_OK, X_OK) says. False: there is none, and path is "".
bool beside_program(const char *const *places, int count, int mode, char *path, size_t size);

#endif
