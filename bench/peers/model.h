// SPDX-License-Identifier: BSD-2-Clause
// Whole-model rows of `decoct peers`: prefill and decode beside llama.cpp, on the same weights.
#ifndef BENCH_MODEL_H
#define BENCH_MODEL_H

#include "report.h"

enum { MODEL_ROWS = 4 };

// `folder`: what bench/peers/make_gpt2 wrote. `packages`: where npm's packages are, for llama.cpp;
// NULL: without it. Returns how many rows were run, -1 and a message at `error` if our own side
// failed; *wrong counts results that differ.
int model_rows(const char *folder, const char *packages, int32_t threads, ours *us, report *out,
               const contest_options *options, int *wrong, char *error, size_t size);

#endif
