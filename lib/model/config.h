// SPDX-License-Identifier: BSD-2-Clause
// config.json of a model folder, as its family reads it.
#ifndef DCT_CONFIG_H
#define DCT_CONFIG_H

#include "files.h"
#include "recipe.h"

#include <stddef.h>

enum { DCT_ENDS_MOST = 64 };

// Tokens that end a text: eos_token_id of config.json and generation_config.json.
typedef struct dct_ends {
    int64_t ids[DCT_ENDS_MOST];
    int32_t count;
} dct_ends;

typedef struct dct_config {
    const struct dct_family *family;
    dct_sizes size;
    int64_t layers;
    bool tied; // tie_word_embeddings
    dct_ends ends;
} dct_config;

// Reads <folder>/config.json. Every size is checked to be in range; what the file lacks has the
// defaults of the family. A key that changes the answer is used, or it is DECOCT_E_UNSUPPORTED or
// DECOCT_E_FORMAT with its name. Other keys are skipped.
decoct_status dct_config_read(const dct_folder *folder, dct_config *out, dct_error *error);
// How config.json calls a size, by its offset in dct_config: "n_layer".
const char *dct_config_key(const dct_config *config, size_t field);

#endif
