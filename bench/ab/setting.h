// SPDX-License-Identifier: BSD-2-Clause
// How the arms are run: threads, pin policy and backend. Two builds are compared with the same
// setting; one build with itself, with one of the three different.
#ifndef BENCH_AB_SETTING_H
#define BENCH_AB_SETTING_H

#include "arm.h"

#include "cases/choices.h"

enum { SETTING_NAME = 3 * (2 * CHANNEL_WORD + 16) };

// A message about options that cannot be compared, or NULL. `builds` is 1 or 2.
const char *setting_fault(const choices *c, int builds);
// Moves the setting from the options to the arms; one value of each is left for the plan. 0, or an
// exit code after a message: not that many CPUs.
int setting_take(choices *c, const char *command, arm arms[2]);
// The end of a case's name, "/threads:2/pin:compact,spread"; "" for one thread that is not pinned.
// A backend is named only if the arms have two.
void setting_name(const arm arms[2], char text[SETTING_NAME]);
// What belongs behind the library's name: ", backend avx2, 2 threads, pin compact".
void setting_words(const arm *a, char text[SETTING_NAME]);

#endif
