// SPDX-License-Identifier: BSD-2-Clause
// config.json of a model folder: model_type gpt2 or openai-gpt.
#ifndef DCT_CONFIG_H
#define DCT_CONFIG_H

#include "status.h"

#include <stdbool.h>

typedef struct dct_config {
    bool gpt1;    // model_type openai-gpt: post-norm, no final norm
    int32_t gelu; // DECOCT_GELU_*
    int64_t layers, heads, d_model, d_ffn, context, vocabulary;
    float eps;
    bool tied; // tie_word_embeddings; default true
} dct_config;

// Reads <folder>/config.json. Every size is checked to be in range (layers <= 1024, heads divides
// d_model, ...). An activation, scaling option or model type that this library does not run is
// DECOCT_E_UNSUPPORTED with the words of the file; what the file lacks has the defaults of the
// format.
decoct_status dct_config_read(const char *folder, dct_config *out, dct_error *error);

#endif
