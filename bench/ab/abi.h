// SPDX-License-Identifier: BSD-2-Clause
// Builds that do not share the C ABI of this program.
#ifndef BENCH_AB_ABI_H
#define BENCH_AB_ABI_H

#include "trial.h"

// What the dynamic linker ends a worker with if a function is missing.
enum { ABI_EXIT = 127 };

// The message for such a worker.
void abi_explain(const char *library, char *error);
// Was no case measured, each for that reason? Then the builds cannot be compared at all.
bool abi_is_missing(const trial *trials, int count);
// Has this folder a libdecoct of another major version, which has another C ABI? True: with a
// message.
bool abi_is_other(const char *folder, char *error);

#endif
