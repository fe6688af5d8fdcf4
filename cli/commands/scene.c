// SPDX-License-Identifier: BSD-2-Clause
#include "scene.h"

#include <stdio.h>

void cli_scene_name(const cli_scene *s, char *out, size_t size) {
    long long layers = s->map->layers, heads = s->map->heads;
    if (s->choice.head >= 0) {
        snprintf(out, size, "layer %lld, head %lld%s", (long long)s->choice.layer + 1,
                 (long long)s->choice.head + 1,
                 s->found ? ", on which the answer depends most" : "");
    } else if (s->choice.layer >= 0) {
        snprintf(out, size, "layer %lld, mean over its %lld head(s)",
                 (long long)s->choice.layer + 1, heads);
    } else {
        snprintf(out, size, "mean over all layers (%lld) and all heads (%lld in each)", layers,
                 heads);
    }
}

bool cli_scene_is_cut(const cli_scene *s, int64_t from, int64_t to) {
    for (int64_t i = 0; i < s->cuts->count; i++) {
        if (s->cuts->list[i].from == from && s->cuts->list[i].to == to) {
            return true;
        }
    }
    return false;
}
