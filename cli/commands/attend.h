// SPDX-License-Identifier: BSD-2-Clause
// The four ways in which `decoct attend` shows a scene.
#ifndef CLI_ATTEND_H
#define CLI_ATTEND_H

#include "scene.h"

#include <stdio.h>

// The map (or not) and the answer, before and after the cuts if there are any, on stdout.
void cli_attend_print(const cli_scene *scene, bool with_map);
// A page and a picture of their own; the caller checks the stream.
int cli_attend_html(const cli_scene *scene, FILE *to);
int cli_attend_svg(const cli_scene *scene, FILE *to);
// One JSON object on stdout; needs the influence. An exit code.
int cli_attend_json(const cli_scene *scene);

#endif
