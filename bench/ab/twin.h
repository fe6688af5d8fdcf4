// SPDX-License-Identifier: BSD-2-Clause
// A copy of a build under another path: a library and its plugins, laid out as an installed tree.
#ifndef BENCH_AB_TWIN_H
#define BENCH_AB_TWIN_H

#include "arm.h"

typedef struct twin {
    char folder[CHANNEL_PATH];
} twin;

// Copies the library `library` and its plugins to a new temporary folder. False: with the reason at
// `error` (CHANNEL_ERROR bytes).
bool twin_make(twin *t, const char *library, char *error);
void twin_remove(twin *t);
// Finds the folder with the plugins of this library; `folder` has CHANNEL_PATH bytes.
bool twin_find_plugins(const char *library, char *folder);

#endif
