// SPDX-License-Identifier: BSD-2-Clause
// What the files of a gate have besides the comparison.
#ifndef BENCH_AB_GATE_FILES_H
#define BENCH_AB_GATE_FILES_H

#include "gate.h"

#include <jansson.h>

// Sets machine and builds, for readers; `context` is that of a result file.
void gate_describe(gate *g, const json_t *context);
// The object "gate" of verdict.json; NULL: no memory.
json_t *gate_json(const gate *g);
// Adds "outcome", and "until" and "reason" of an entry, to the cases of the comparison.
void gate_mark_cases(const gate *g, json_t *cases);

#endif
