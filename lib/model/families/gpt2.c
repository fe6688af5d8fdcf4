// SPDX-License-Identifier: BSD-2-Clause
// GPT-2 (Radford et al. 2019): norms before each branch, one more at the end.
#include "gpt.h"

#include <stddef.h>

static const dct_step entry[] = {
    {DCT_EMBED, "embedding", DCT_NOWHERE, DCT_X, DCT_PART_TOKENS, .op = DECOCT_OP_EMBEDDING},
    {DCT_POSITIONS, "positions", DCT_NOWHERE, DCT_X, DCT_PART_POSITIONS, .op = DECOCT_OP_ADD},
};

static const dct_step block[] = {
    {DCT_NORM, "norm 1", DCT_X, DCT_H, DCT_PART_NORM_1, .op = DECOCT_OP_LAYER_NORM},
    {DCT_LINEAR, "q k v projection", DCT_H, DCT_QKV, .part = DCT_PART_QKV},
    {DCT_CACHE, "cache", .from = DCT_QKV},
    {DCT_ATTEND, "attention", DCT_QKV, .to = DCT_MIX},
    {DCT_LINEAR, "output projection", DCT_MIX, DCT_H, .part = DCT_PART_OUTPUT},
    {DCT_ADD, "residual", DCT_H, DCT_X, .op = DECOCT_OP_ADD},
    {DCT_NORM, "norm 2", DCT_X, DCT_H, DCT_PART_NORM_2, .op = DECOCT_OP_LAYER_NORM},
    {DCT_LINEAR, "up", DCT_H, DCT_WIDE, .part = DCT_PART_UP},
    {DCT_ACT, "gelu", DCT_WIDE, DCT_WIDE, .op = DECOCT_OP_GELU},
    {DCT_LINEAR, "down", DCT_WIDE, DCT_H, .part = DCT_PART_DOWN},
    {DCT_ADD, "residual", DCT_H, DCT_X, .op = DECOCT_OP_ADD},
};

static const dct_step exit_steps[] = {
    {DCT_NORM, "final norm", DCT_X, DCT_X, DCT_PART_FINAL_NORM, .op = DECOCT_OP_LAYER_NORM},
    {DCT_LINEAR, "logits", DCT_X, DCT_LOGITS, .part = DCT_PART_HEAD},
};

static const char *const act_keys[] = {"activation_function", "afn", "hidden_act",
                                       "hidden_activation", NULL};

static const dct_act_name acts[] = {
    {"gelu_new", DECOCT_GELU_TANH},         {"gelu_pytorch_tanh", DECOCT_GELU_TANH},
    {"gelu_fast", DECOCT_GELU_TANH},        {"gelu_accurate", DECOCT_GELU_TANH},
    {"gelu_python_tanh", DECOCT_GELU_TANH}, {"gelu", DECOCT_GELU_ERF},
    {"gelu_python", DECOCT_GELU_ERF},       {NULL, 0},
};

const dct_family dct_gpt2 = {
    .type = "gpt2",
    .class_name = "GPT2",
    .defaults = {.layers = 12,
                 .tied = true,
                 .size = {.heads = 12,
                          .d_model = 768,
                          .context = 1024,
                          .vocabulary = 50257,
                          .eps = 1e-5f,
                          .act_form = DECOCT_GELU_TANH}},
    .sizes = dct_gpt_sizes,
    .derived = dct_gpt_derived,
    .switches = dct_gpt_switches,
    .eps_keys = dct_gpt_eps_keys,
    .act_keys = act_keys,
    .acts = acts,
    .layers = "h",
    .buffers = dct_gpt_buffers,
    .transposed = false,
    .names = {[DCT_PART_TOKENS] = {"wte.weight", NULL},
              [DCT_PART_POSITIONS] = {"wpe.weight", NULL},
              [DCT_PART_NORM_1] = {"ln_1.weight", "ln_1.bias"},
              [DCT_PART_QKV] = {"attn.c_attn.weight", "attn.c_attn.bias"},
              [DCT_PART_OUTPUT] = {"attn.c_proj.weight", "attn.c_proj.bias"},
              [DCT_PART_NORM_2] = {"ln_2.weight", "ln_2.bias"},
              [DCT_PART_UP] = {"mlp.c_fc.weight", "mlp.c_fc.bias"},
              [DCT_PART_DOWN] = {"mlp.c_proj.weight", "mlp.c_proj.bias"},
              [DCT_PART_FINAL_NORM] = {"ln_f.weight", "ln_f.bias"},
              [DCT_PART_HEAD] = {"lm_head.weight", NULL}},
    .entry = {entry, sizeof entry / sizeof *entry},
    .block = {block, sizeof block / sizeof *block},
    .exit = {exit_steps, sizeof exit_steps / sizeof *exit_steps},
    .norm_order = DECOCT_PRE_NORM,
    .public_block = true,
    .tokenizer = DCT_TOKENIZER_BYTES,
};
