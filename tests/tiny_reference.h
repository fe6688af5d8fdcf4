// SPDX-License-Identifier: BSD-2-Clause
// The tiny models computed again, in double, from the papers' formulas.
#ifndef TINY_REFERENCE_H
#define TINY_REFERENCE_H

#include "tiny_text.h"

// What is left out; all 0: nothing.
typedef struct reference_switches {
    bool sees_all, no_positions;
    bool cut; // the edge from query to key, in one layer and head
    int64_t layer, head, query, key;
} reference_switches;

// Logits (TEXT_TOKENS, TINY_VOCABULARY) and weights (layers, heads, queries, keys) of the text.
void reference_run(const tiny_text *t, const reference_switches *switches, double *logits,
                   double *weights);

#endif
