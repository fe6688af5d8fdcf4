// SPDX-License-Identifier: BSD-2-Clause
// config.json of a model folder: model_type gpt2 or openai-gpt.
#ifndef DCT_CONFIG_H
#define DCT_CONFIG_H

#include "machine/status.h"

#include <stdbool.h>

enum { DCT_ENDS_MOST = 64 };

// Tokens that end a text: eos_token_id of config.json and generation_config.json.
typedef struct dct_ends {
    int64_t ids[DCT_ENDS_MOST];
    int32_t count;
} dct_ends;

typedef struct dct_config {
    bool gpt1;    // model_type openai-gpt: post-norm, no final norm
    int32_t gelu; // DECOCT_GELU_*
    int64_t layers, heads, d_model, d_ffn, context, vocabulary;
    float eps;
    bool tied; // tie_word_embeddings; default true
    dct_ends ends;
} dct_config;

// Reads <folder>/config.json. Every size is checked to be in range (layers <= 1024, heads divides
// d_model, ...); what the file lacks has the defaults of the format. A key that changes the answer
// is used, or it is DECOCT_E_UNSUPPORTED or DECOCT_E_FORMAT with its name. Other keys are skipped.
decoct_status dct_config_read(const char *folder, dct_config *out, dct_error *error);

#endif
