// SPDX-License-Identifier: BSD-2-Clause
// A model in memory: blocks, embeddings, tokenizer. Never changed after opening.
#ifndef DCT_MODEL_H
#define DCT_MODEL_H

#include "config.h"
#include "decoder.h"
#include "ops/matmul.h"
#include "tokenizer.h"

struct decoct_model {
    _Atomic int32_t references; // the handle that decoct_model_open gave, and every session
    dct_config config;
    dct_tokenizer *tokenizer;
    int64_t parameters;
    decoct_block **blocks;        // (layers)
    float *tokens;                // (vocabulary, d_model)
    float *positions;             // (context, d_model)
    float *norm_gain, *norm_bias; // (d_model): the final norm, NULL for GPT-1
    decoct_weights *head;         // (d_model, vocabulary)
    char *notes;                  // lines; NULL: none
};

// Keeps the model; decoct_model_close lets it go. The count is all that changes in it.
decoct_model *dct_model_share(const decoct_model *model);
// Fills blocks, embeddings, final norm and head from the files of the folder; the configuration is
// there already.
decoct_status dct_model_read_weights(decoct_context *ctx, const char *folder, decoct_model *model);
// Adds a line to the notes.
__attribute__((format(printf, 3, 4))) decoct_status
dct_model_note(decoct_model *model, dct_error *error, const char *format, ...);

#endif
