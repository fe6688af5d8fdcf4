// SPDX-License-Identifier: BSD-2-Clause
// The functions of tests.def. Each file of cases includes this.
#ifndef BENCH_CONFORM_TESTS_H
#define BENCH_CONFORM_TESTS_H

#include "conform.h"

#define CONFORM_TEST(slots, aspect, level, function) void function(conform_probe *p);
#include "tests.def"

#endif
