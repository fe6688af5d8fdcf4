// SPDX-License-Identifier: BSD-2-Clause
// The quick table of `decoct bench --table`.
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "lists.h"

// Attention and prefill over seq x heads x threads (1 and all) on stdout; an exit code.
int table_print(const int_list *seq, const int_list *heads, int64_t head_dim, int all_threads);

#endif
