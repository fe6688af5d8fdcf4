// SPDX-License-Identifier: BSD-2-Clause
// The recipe of a block with the caller's weights: that of a GPT block, whose steps are kept,
// changed, or replaced by several.
#include "block.h"

#include "model/families/family.h"

static void put(decoct_block *block, dct_step step) {
    block->steps[block->recipe.count++] = step;
}

// Queries, keys and values by one matrix or by three; then their norms, and their rotation.
static void put_projections(decoct_block *block, const decoct_block_from_args *a,
                            const dct_step *whole) {
    const dct_step parts[] = {
        {DCT_LINEAR, "q projection", whole->from, DCT_Q, .part = DCT_PART_Q},
        {DCT_LINEAR, "k projection", whole->from, DCT_K, .part = DCT_PART_K},
        {DCT_LINEAR, "v projection", whole->from, DCT_V, .part = DCT_PART_V},
    };
    for (int i = 0; i < 3 && !a->qkv; i++) {
        put(block, parts[i]);
    }
    if (a->qkv) {
        put(block, *whole);
    }
    if (a->q_norm) {
        put(block,
            (dct_step){DCT_HEAD_NORM, "q norm", DCT_Q, DCT_Q, DCT_PART_Q_NORM, .op = a->norm});
    }
    if (a->k_norm) {
        put(block,
            (dct_step){DCT_HEAD_NORM, "k norm", DCT_K, DCT_K, DCT_PART_K_NORM, .op = a->norm});
    }
    if (a->rotary_dim) {
        put(block, (dct_step){DCT_ROTARY, "rotary", DCT_QK, DCT_QK, .op = DECOCT_OP_ROTARY});
    }
}

// With a gate it is the gate that the activation reads, and `up` is its second input.
static void put_up(decoct_block *block, const decoct_block_from_args *a, const dct_step *up) {
    if (a->gate) {
        put(block, (dct_step){DCT_LINEAR, "gate", up->from, up->to, .part = DCT_PART_GATE});
    }
    put(block,
        (dct_step){DCT_LINEAR, up->name, up->from, a->gate ? DCT_UP : up->to, .part = DCT_PART_UP});
}

static void put_varied(decoct_block *block, const decoct_block_from_args *a, const dct_step *base) {
    dct_step step = *base;
    if (step.kind == DCT_LINEAR && step.part == DCT_PART_QKV) {
        put_projections(block, a, base);
    } else if (step.kind == DCT_LINEAR && step.part == DCT_PART_UP) {
        put_up(block, a, base);
    } else if (step.kind == DCT_NORM) {
        step.op = a->norm;
        put(block, step);
    } else if (step.kind == DCT_ACT) {
        step.op = a->act;
        step.name = a->act == DECOCT_OP_SILU ? "silu" : "gelu";
        step.up = a->gate ? DCT_UP : DCT_NOWHERE;
        put(block, step);
    } else {
        put(block, step);
    }
}

void dct_block_vary(decoct_block *block, const decoct_block_from_args *a) {
    const dct_recipe *base = dct_family_block(a->norm_order);
    block->recipe = (dct_recipe){.steps = block->steps};
    for (int32_t i = 0; i < base->count; i++) {
        put_varied(block, a, &base->steps[i]);
    }
}
