// SPDX-License-Identifier: BSD-2-Clause
#include "sound.h"

#include <stddef.h>
#include <stdio.h>

// Sizes beyond these are mistakes: no cache holds such a block.
enum { PANEL_MAX = 1024, TILE_MAX = 1 << 10, BLOCK_MAX = 1 << 20, K_GROUP_MAX = 4 };

typedef struct size_rule {
    const char *field;
    uint64_t size, most;
} size_rule;

// False for the first size that is beyond its bound.
static bool check_sizes(const size_rule *rules, size_t count, char *why) {
    for (size_t i = 0; i < count; i++) {
        if (rules[i].size > rules[i].most) {
            snprintf(why, DCT_WHY_ROOM, "%s %llu is more than %llu", rules[i].field,
                     (unsigned long long)rules[i].size, (unsigned long long)rules[i].most);
            return false;
        }
    }
    return true;
}

bool dct_matmul_is_sound(const decoct_matmul_kernel *m, char *why) {
    const size_rule rules[] = {{"panel_cols", m->panel_cols, PANEL_MAX},
                               {"tile_rows", m->tile_rows, TILE_MAX},
                               {"m_block", m->m_block, BLOCK_MAX},
                               {"n_block", m->n_block, BLOCK_MAX},
                               {"k_block", m->k_block, BLOCK_MAX},
                               {"k_group", m->k_group, K_GROUP_MAX},
                               {"scratch_bytes", m->scratch_bytes, DCT_SCRATCH_MAX}};
    if (!m->pack) {
        snprintf(why, DCT_WHY_ROOM, "pack is NULL");
    } else if (m->panel_cols == 0 || m->panel_cols % DECOCT_LANES) {
        snprintf(why, DCT_WHY_ROOM, "panel_cols %u is not a multiple of %d", m->panel_cols,
                 DECOCT_LANES);
    } else if (K_GROUP_MAX % m->k_group || m->k_block % m->k_group) {
        snprintf(why, DCT_WHY_ROOM, "k_group %u must divide %d and k_block", m->k_group,
                 K_GROUP_MAX);
    } else {
        return check_sizes(rules, sizeof rules / sizeof *rules, why);
    }
    return false;
}

bool dct_attention_is_sound(const decoct_attention_kernel *a, char *why) {
    const size_rule rules[] = {{"tile_rows", a->tile_rows, TILE_MAX},
                               {"packs_keys", a->packs_keys, DECOCT_PACKS_HEADS}};
    return check_sizes(rules, sizeof rules / sizeof *rules, why);
}

bool dct_probe_is_sound(const decoct_probe_kernel *p, char *why) {
    const char *missing = !p->read ? "read" : !p->copy ? "copy" : NULL;
    if (missing) {
        snprintf(why, DCT_WHY_ROOM, "%s is NULL", missing);
    } else if (p->fma_flops == 0) {
        snprintf(why, DCT_WHY_ROOM, "fma_flops is 0");
    }
    return !missing && p->fma_flops > 0;
}
