// SPDX-License-Identifier: BSD-2-Clause
// The keys of config.json that GPT-1 and GPT-2 have in common, and what must not be in it.
#include "gpt.h"

#include <stddef.h>

#define AT(name) offsetof(dct_config, name)

const dct_size_key dct_gpt_sizes[] = {
    {.names = {"n_layer", "num_hidden_layers"},
     .others = {"num_layers", "n_layers"},
     .field = AT(layers),
     .low = 1,
     .high = 1024},
    {.names = {"n_head", "num_attention_heads"},
     .others = {"num_heads", "n_heads"},
     .field = AT(size.heads),
     .low = 1,
     .high = 1024},
    {.names = {"n_embd", "hidden_size"},
     .others = {"d_model", "n_embed", "embedding_size", "word_embed_proj_dim"},
     .field = AT(size.d_model),
     .low = 1,
     .high = 1 << 17},
    {.names = {"n_inner", "intermediate_size"},
     .others = {"ffn_dim", "d_ff", "d_ffn"},
     .field = AT(size.d_ffn),
     .low = 1,
     .high = 1 << 19,
     .of = AT(size.d_model),
     .times = 4,
     .null_is_default = true},
    // Readers of today do not look at n_ctx beside n_positions, so it may differ.
    {.names = {"n_positions", "max_position_embeddings"},
     .others = {"max_seq_len", "block_size"},
     .older = "n_ctx",
     .field = AT(size.context),
     .low = 1,
     .high = 1 << 24},
    {.names = {"vocab_size"},
     .others = {"n_vocab"},
     .field = AT(size.vocabulary),
     .low = 1,
     .high = 1 << 24},
    {.names = {NULL}},
};

const dct_derived_key dct_gpt_derived[] = {
    {"num_key_value_heads", AT(size.kv_heads)}, {"num_kv_heads", AT(size.kv_heads)},
    {"n_head_kv", AT(size.kv_heads)},           {"head_dim", AT(size.head_dim)},
    {"n_kv_heads", AT(size.kv_heads)},          {NULL, 0},
};

const dct_switch_key dct_gpt_switches[] = {
    {"scale_attn_weights", "true", true},
    {"scale_attn_by_inverse_layer_idx", "false", false},
    {"add_cross_attention", "false", false},
    {"is_encoder_decoder", "false", false},
    {"quantization_config", "null", false},
    {"compression_config", "null", false},
    {"peft_config", "null", false},
    {"pruned_heads", "{}", false},
    {"position_embedding_type", "\"absolute\"", false},
    {"rope_scaling", "null", false},
    {"rope_parameters", "null", false},
    {"rope_theta", "null", false},
    {"rotary_dim", "null", false},
    {"rotary_pct", "null", false},
    {"alibi", "false", false},
    {"use_alibi", "false", false},
    {"sliding_window", "null", false},
    {"attention_window", "null", false},
    {"window_size", "null", false},
    {"multi_query", "false", false},
    {"parallel_attn", "false", false},
    {"use_parallel_residual", "false", false},
    {"rms_norm_eps", "null", false},
    {"qk_norm", "false", false},
    {"use_qk_norm", "false", false},
    {"scale_embedding", "false", false},
    {"attention_scale", "null", false},
    {"attn_logit_softcapping", "null", false},
    {"final_logit_softcapping", "null", false},
    {"logit_scale", "null", false},
    {"logits_scaling", "null", false},
    {"embedding_multiplier", "null", false},
    {"residual_multiplier", "null", false},
    {NULL, NULL, false},
};

const char *const dct_gpt_eps_keys[] = {"layer_norm_epsilon", "layer_norm_eps", "norm_epsilon",
                                        "norm_eps", NULL};
// Masks and position numbers.
const char *const dct_gpt_buffers[] = {".attn.bias", ".attn.masked_bias", "position_ids", NULL};
