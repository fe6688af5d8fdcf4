// SPDX-License-Identifier: BSD-2-Clause
// `decoct hash` of one shape of attention, on inputs that a program in any language can make again.
#ifndef CLI_COMMANDS_HASH_SHAPE_H
#define CLI_COMMANDS_HASH_SHAPE_H

#include "cli.h"

typedef struct hash_shape {
    bool given; // one of the options was
    int64_t heads, kv_heads, seq, head_dim, seed;
} hash_shape;

enum { HASH_DIGITS = 17, HASH_SHAPE_NAME = 160 };

// --heads, --kv-heads, --seq, --head-dim and --seed; its input is a hash_shape.
extern const struct argp hash_shape_parser;

// "heads:4/kv_heads:2/seq:33/head_dim:16/seed:7"
void hash_shape_name(const hash_shape *s, char name[HASH_SHAPE_NAME]);
// Computes causal attention of this shape and the hash of its result. `distance`, which may be
// NULL: how far the result is from that of scalar, as near.h has it.
int hash_shape_run(decoct_context *ctx, const hash_shape *s, char hash[HASH_DIGITS],
                   double *distance);

#endif
