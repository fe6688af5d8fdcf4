// SPDX-License-Identifier: BSD-2-Clause
// Options that a command does not have.
#ifndef BENCH_UNKNOWN_H
#define BENCH_UNKNOWN_H

#include "nearest.h"

#include <argp.h>

enum { UNKNOWN_WORD = 256 };

// The first long option of the command line that is not in the table, as it was given; word is ""
// if there is none, or if the command line asks for help or the version before it. 0, or ENOMEM.
int unknown_find(const struct argp *argp, int argc, char *const *argv, char word[UNKNOWN_WORD]);

// Offers all long options of the table that --help shows.
void unknown_offer(nearest *n, const struct argp *argp);

#endif
