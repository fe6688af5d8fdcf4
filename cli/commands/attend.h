// SPDX-License-Identifier: BSD-2-Clause
// What `decoct attend` shows, and its three ways to show it.
#ifndef CLI_ATTEND_H
#define CLI_ATTEND_H

#include "map.h"

// Everything that is shown. With cuts, `map` is the one after them.
typedef struct cli_scene {
    const cli_desk *desk;
    const cli_prompt *prompt;
    const cli_words *words;
    const cli_cuts *cuts;
    cli_choice choice;
    const cli_map *map;
    const cli_answer *before; // the answer without the cuts; NULL: there are no cuts
} cli_scene;

// "mean over all layers (12) and all heads (12 in each)", "layer 3, mean over its 12 head(s)",
// "layer 3, head 5".
void cli_scene_name(const cli_scene *scene, char *out, size_t size);
bool cli_scene_is_cut(const cli_scene *scene, int64_t from, int64_t to);

// The map (or not) and the answer, before and after the cuts if there are any, on stdout.
void cli_attend_print(const cli_scene *scene, bool with_map);
// A page and a picture of their own; the caller checks the stream.
int cli_attend_html(const cli_scene *scene, FILE *to);
int cli_attend_svg(const cli_scene *scene, FILE *to);

#endif
