// SPDX-License-Identifier: BSD-2-Clause
// Model folders of a few kilobytes, made at test time, that a test can break in one place.
#ifndef TINY_MODEL_H
#define TINY_MODEL_H

#include "check.h"

enum { TINY_TENSORS = 80, TINY_VOCABULARY = 262, TINY_WIDTH = 8, TINY_CONTEXT = 300 };

typedef struct tiny_tensor {
    char name[96], type[12];
    int64_t rows, cols; // rows 0: one dimension
    uint32_t seed;      // of its values: a tensor that is renamed keeps them
} tiny_tensor;

typedef struct tiny_model {
    char folder[64];
    tiny_tensor tensors[TINY_TENSORS];
    int count;
} tiny_model;

// A gpt2 or openai-gpt with two blocks in a new folder under /tmp, not yet written.
void tiny_begin(tiny_model *m, bool gpt1);
void tiny_end(tiny_model *m); // removes the folder
tiny_tensor *tiny_find(tiny_model *m, const char *name);
tiny_tensor *tiny_add(tiny_model *m, const char *name, const char *type, int64_t rows,
                      int64_t cols);
void tiny_remove(tiny_model *m, const char *name);
void tiny_values(const tiny_tensor *t, double *to);  // of F32, F16 and BF16
void tiny_prefix(tiny_model *m, const char *prefix); // before every name

void tiny_write(const tiny_model *m, const char *file, const char *text);
void tiny_unlink(const tiny_model *m, const char *file);
// config.json; `more` is text behind its usual keys: ", \"n_layer\": 3".
void tiny_config(const tiny_model *m, const char *more);
// Tensors [first, last) as a safetensors file.
void tiny_weights(const tiny_model *m, const char *file, int first, int last);
// config.json, model.safetensors, vocab.json and merges.txt, all of them right.
void tiny_all(const tiny_model *m, bool gpt1);

// The logits after a few tokens: TINY_VOCABULARY values.
decoct_status tiny_logits(decoct_context *ctx, const tiny_model *m, float *logits);
// Opening must give this status, with this text in its error; notes of a model that opens hold it.
void tiny_expect(decoct_context *ctx, const tiny_model *m, decoct_status wanted, const char *words);

#endif
