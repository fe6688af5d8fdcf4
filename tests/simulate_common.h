// SPDX-License-Identifier: BSD-2-Clause
// What common rules say about two stored runs of one benchmark.
#ifndef TESTS_SIMULATE_COMMON_H
#define TESTS_SIMULATE_COMMON_H

// The U test of Google Benchmark's compare.py at p < 0.05; the ratio of the means above 5 or 10 %.
typedef enum common_rule { COMMON_U_TEST, COMMON_MEAN_5, COMMON_MEAN_10, COMMON_RULES } common_rule;
typedef enum common_says { COMMON_FASTER = -1, COMMON_EQUAL, COMMON_SLOWER } common_says;

extern const char *const common_names[COMMON_RULES];

// The times of `count` repetitions of A and of B.
void common_rules(const double *a, const double *b, int count, common_says says[COMMON_RULES]);

#endif
