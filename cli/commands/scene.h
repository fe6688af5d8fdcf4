// SPDX-License-Identifier: BSD-2-Clause
// What `decoct attend` shows.
#ifndef CLI_SCENE_H
#define CLI_SCENE_H

#include "head_effect.h"
#include "influence.h"
#include "notes.h"

// Everything that is shown. With cuts, `map` is the one after them.
typedef struct cli_scene {
    const cli_desk *desk;
    const cli_prompt *prompt;
    const cli_words *words;
    const cli_cuts *cuts;
    cli_choice choice;
    const cli_map *map;
    const cli_answer *before;       // the answer without the cuts; NULL: there are no cuts
    const cli_influence *influence; // with these cuts; NULL: the map is for the terminal
    const cli_head_effects *heads;  // with these cuts; NULL: the head was chosen by the user
    bool found;                     // the choice is heads->largest
    const cli_notes *notes;         // about the answer without the cuts
} cli_scene;

// "mean over all layers (12) and all heads (12 in each)", "layer 3, mean over its 12 head(s)",
// "layer 3, head 5", and, if it was found, ", on which the answer depends most".
void cli_scene_name(const cli_scene *scene, char *out, size_t size);
bool cli_scene_is_cut(const cli_scene *scene, int64_t from, int64_t to);

#endif
