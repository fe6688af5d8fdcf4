// SPDX-License-Identifier: BSD-2-Clause
#include "block_shape.h"

#include "sizes.h"
#include "stored.h"

#include <stdio.h>
#include <string.h>

static const block_shape models[] = {
#define BLOCK(name, repository, kind, layers, d_model, heads, kv_heads, head_dim, d_ffn,           \
              vocabulary, theta)                                                                   \
    {name, kind, layers, d_model, heads, kv_heads, head_dim, d_ffn, vocabulary, theta},
#include "blocks.def"
};
enum { MODELS = sizeof models / sizeof *models };

bool block_shape_find(const char *name, block_shape *out) {
    for (int i = 0; name && i < MODELS; i++) {
        if (strcmp(models[i].name, name) == 0) {
            *out = models[i];
            return true;
        }
    }
    return false;
}

void block_shape_names(char *text, size_t size) {
    size_t used = 0;
    *text = '\0';
    for (int i = 0; i < MODELS && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", models[i].name);
    }
}

double block_shape_layer(const block_shape *b) {
    double d = (double)b->d_model, q = (double)(b->heads * b->head_dim);
    double kv = (double)(b->kv_heads * b->head_dim), wide = b->kind & BLOCK_LLAMA ? 3.0 : 2.0;
    return d * (2.0 * q + 2.0 * kv) + wide * d * (double)b->d_ffn;
}

int64_t block_shape_head(const block_shape *b, int64_t layers) {
    return layers < b->layers ? ceil_div(b->vocabulary * layers, b->layers) : b->vocabulary;
}

double block_shape_weights(const block_shape *b, int64_t layers) {
    return (double)layers * block_shape_layer(b) +
           (double)block_shape_head(b, layers) * (double)b->d_model;
}

int64_t block_shape_fit(const block_shape *b, decoct_dtype dtype, int64_t room, int64_t least) {
    int64_t layers = 1;
    if (stored_bytes(dtype, block_shape_weights(b, b->layers)) <= (double)room) {
        return b->layers;
    }
    while (layers < b->layers &&
           stored_bytes(dtype, (double)layers * block_shape_layer(b)) <= (double)least) {
        layers++;
    }
    return layers;
}
