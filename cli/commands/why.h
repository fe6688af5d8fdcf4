// SPDX-License-Identifier: BSD-2-Clause
// The two ways in which `decoct why` shows what mattered.
#ifndef CLI_WHY_H
#define CLI_WHY_H

#include "influence.h"
#include "notes.h"

// What is shown.
typedef struct cli_reasons {
    const cli_desk *desk;
    const cli_prompt *prompt;
    const cli_words *words;
    const cli_influence *influence;
    const cli_map *map; // for its mean: how much the last word drew from each, over all heads
    bool pairs;         // they were asked for
    const cli_notes *notes;
    int64_t top; // words and pairs that are shown
} cli_reasons;

// The mean attention weight from the last word to this one.
static inline double cli_why_attention(const cli_reasons *why, int64_t word) {
    int64_t n = why->words->count;
    return (double)why->map->mean[(n - 1) * n + word];
}

void cli_why_print(const cli_reasons *why);
int cli_why_json(const cli_reasons *why);

#endif
