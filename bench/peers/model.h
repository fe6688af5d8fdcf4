// SPDX-License-Identifier: BSD-2-Clause
// Whole-model rows of `decoct peers`: prefill and decode beside llama.cpp, on the same weights.
#ifndef BENCH_MODEL_H
#define BENCH_MODEL_H

#include "report.h"

enum { MODEL_ROWS = 4 };

// What a run counts: rows that were measured, and results that differ.
typedef struct model_count {
    int *rows, *wrong;
} model_count;

const row_shape *model_row(int index);
// `folder`: what bench/peers/make_gpt2 wrote. `packages`: with llama.cpp, if it is there. False and
// a message at `error` if our own side failed. It ends early if the run was asked to end (stop.h).
bool model_rows(const char *folder, bool packages, const row_setting *setting, report *out,
                model_count count, char *error, size_t size);

#endif
