// SPDX-License-Identifier: BSD-2-Clause
// One short text on a tiny model: what tests of looking inside have in common.
#ifndef TINY_TEXT_H
#define TINY_TEXT_H

#include "tiny_model.h"

enum {
    TEXT_TOKENS = 12,
    TEXT_LAYERS = 2,
    TEXT_HEADS = 2,
    TEXT_DIM = TINY_WIDTH / TEXT_HEADS,
    TEXT_LOGITS = TEXT_TOKENS * TINY_VOCABULARY
};

typedef struct tiny_text {
    tiny_model files;
    decoct_context *ctx;
    decoct_model *model;
    decoct_session *session; // keeps its queries
    int32_t ids[TEXT_TOKENS];
} tiny_text;

// Skips the test if this machine cannot run the backend.
tiny_text *text_begin(const char *backend, bool gpt1);
void text_end(tiny_text *t);
// Feeds the text from `first` on again, in pieces; logits of every position from there.
void text_feed(const tiny_text *t, int64_t first, int64_t piece, float *logits);
// The call must give DECOCT_E_ARGUMENT with this message.
void text_expect(const tiny_text *t, decoct_status status, const char *message);

#endif
