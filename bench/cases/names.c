// SPDX-License-Identifier: BSD-2-Clause
#include "names.h"

#include "block_shape.h"
#include "catalogue.h"
#include "stored.h"

#include <stdio.h>
#include <string.h>

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

// "gpt2/layers:12", "gpt2/layers:5of12".
static void name_block(const work_case *c, char *text, size_t size) {
    block_shape b;
    char whole[32] = "";
    if (block_shape_find(c->block, &b) && c->layers < b.layers) {
        snprintf(whole, sizeof whole, "of%lld", (long long)b.layers);
    }
    snprintf(text, size, "%s/layers:%lld%s", c->block, (long long)c->layers, whole);
}

static void name_dtype(const work_case *c, char *text, size_t size) {
    bool is_default = c->dtype == DECOCT_F32;
    snprintf(text, size, "%s%s",
             is_default ? "" : "/dtype:", is_default ? "" : stored_name(c->dtype));
}

void name_shape(const work_case *c, char *text, size_t size) {
    if (c->level) {
        snprintf(text, size, "%s/level:%s", c->op, c->level);
    } else if (catalogue_is_ceiling(c->op)) {
        snprintf(text, size, "%s", c->op);
    } else if (c->model) {
        snprintf(text, size, "%s/seq:%lld/model:%.64s", c->op, (long long)c->seq,
                 last_part(c->model));
    } else if (c->block) {
        char block[64], dtype[32];
        name_block(c, block, sizeof block);
        name_dtype(c, dtype, sizeof dtype);
        snprintf(text, size, "%s/seq:%lld/block:%s%s", c->op, (long long)c->seq, block, dtype);
    } else {
        char dim[32] = "", layers[32] = "", dtype[32];
        name_dtype(c, dtype, sizeof dtype);
        if (catalogue_has_head_dim(c->op)) {
            snprintf(dim, sizeof dim, "/dim:%lld", (long long)c->head_dim);
        }
        if (catalogue_has_layers(c->op)) {
            snprintf(layers, sizeof layers, "/layers:%lld", (long long)c->layers);
        }
        snprintf(text, size, "%s/seq:%lld/heads:%lld%s%s%s", c->op, (long long)c->seq,
                 (long long)c->heads, dim, layers, dtype);
    }
}

bool name_is_shared(const work_case *a, const work_case *b) {
    bool block = a->block && b->block ? strcmp(a->block, b->block) == 0 : a->block == b->block;
    return block && strcmp(a->op, b->op) == 0 && a->seq == b->seq && a->heads == b->heads &&
           a->head_dim == b->head_dim && a->layers == b->layers && a->dtype == b->dtype;
}

void name_case(const work_case *c, char *text, size_t size) {
    char shape[NAME_SHAPE];
    name_shape(c, shape, sizeof shape);
    snprintf(text, size, "%s/threads:%d/pin:%s/backend:%s", shape, c->threads, c->pin, c->backend);
}
