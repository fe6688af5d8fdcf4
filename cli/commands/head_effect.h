// SPDX-License-Identifier: BSD-2-Clause
// Which head the answer depends on most: the last token is kept from looking back in one head after
// the other.
#ifndef CLI_HEAD_EFFECT_H
#define CLI_HEAD_EFFECT_H

#include "map.h"

// How it is computed, for readers.
#define CLI_HEAD_EFFECT_METHOD                                                                     \
    "In each head in turn the last token sees only itself, and the model runs again: the effect "  \
    "is half the sum of the differences between the old and the new probability of every token "   \
    "(total variation distance)."

typedef struct cli_head_effects {
    float *effect;      // (layers, heads), 0 .. 1: total variation distance to the uncut answer
    cli_choice largest; // ties: the earlier layer, then the earlier head; a text of one token: 0, 0
} cli_head_effects;

// Runs the last token once for each head. The `cuts` between `words` (both NULL: none) hold in all
// runs. 0, or an exit code; free also what it left then.
int cli_head_effects_make(const cli_desk *desk, const cli_prompt *prompt, const cli_words *words,
                          const cli_cuts *cuts, cli_head_effects *out);
void cli_head_effects_free(cli_head_effects *effects);

#endif
