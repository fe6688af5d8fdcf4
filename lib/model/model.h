// SPDX-License-Identifier: BSD-2-Clause
// A model in memory: its stages and its tokenizer. Never changed after opening.
#ifndef DCT_MODEL_H
#define DCT_MODEL_H

#include "block.h"
#include "config.h"
#include "model/families/family.h"
#include "tokenizer.h"

struct decoct_model {
    _Atomic int32_t references; // the handle that decoct_model_open gave, and every session
    dct_config config;
    dct_tokenizer *tokenizer;
    int64_t parameters;
    dct_stage entry, exit; // from tokens to the first block, and from the last one to logits
    decoct_block **blocks; // (layers)
    char *notes;           // lines; NULL: none
};

// Reads all files of the model.
decoct_status dct_model_open(decoct_context *ctx, const dct_folder *folder, decoct_model **out);
// Keeps the model; decoct_model_close lets it go. The count is all that changes in it.
decoct_model *dct_model_share(const decoct_model *model);
// Fills the stages from the files of the folder; the configuration is there already.
decoct_status dct_model_read_weights(decoct_context *ctx, const dct_folder *folder,
                                     decoct_model *model);
// Adds a line to the notes.
__attribute__((format(printf, 3, 4))) decoct_status
dct_model_note(decoct_context *ctx, decoct_model *model, const char *format, ...);

#endif
