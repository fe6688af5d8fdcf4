// SPDX-License-Identifier: BSD-2-Clause
#ifndef BENCH_CONFORM_EXAMINE_SPEED_H
#define BENCH_CONFORM_EXAMINE_SPEED_H

#include "examine.h"

// Fills out->speeds of the units that were examined. False: no memory, or no process.
bool examine_speeds(const examine_options *options, examine_report *out);

#endif
