// SPDX-License-Identifier: BSD-2-Clause
// Whole-model rows of `decoct peers`: prefill and decode beside llama.cpp, on the same weights.
#ifndef BENCH_MODEL_H
#define BENCH_MODEL_H

#include "report.h"

enum { MODEL_ROWS = 4 };

// `folder`: what bench/peers/make_gpt2 wrote. `packages`: with llama.cpp, if it is there. Returns
// how many rows were run, -1 and a message at `error` if our own side failed; *wrong counts results
// that differ.
int model_rows(const char *folder, bool packages, const row_setting *setting, report *out,
               int *wrong, char *error, size_t size);

#endif
