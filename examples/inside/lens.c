// SPDX-License-Identifier: BSD-2-Clause
#include <decoct/decoct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the last word, after each block: room for 48 layers of 1600 numbers, the largest GPT-2. */
static float stream[48 * 1600], logits[50257];

static void keep(void *user, const decoct_trace_step *step) {
    (void)user;
    if (strcmp(step->name, "residual") == 0) { /* a block's second one replaces its first */
        memcpy(stream + step->layer * step->cols, step->values + (step->rows - 1) * step->stride,
               step->cols * sizeof(float));
    }
}

static void need(decoct_context *ctx, decoct_status status) {
    if (status) {
        fprintf(stderr, "%s\n", decoct_last_error(ctx));
        exit(1);
    }
}

int main(void) {
    const char text[] = "Sarah lies still on the bed, feeling";
    char folder[4096], word[64];
    int32_t ids[64], best;
    int64_t count;
    uint64_t length;
    decoct_context *ctx = NULL;
    decoct_model *model;
    decoct_session *session;
    decoct_model_info info = {.struct_size = sizeof info};
    need(ctx, decoct_context_open(NULL, &ctx));
    need(ctx, decoct_default_model(ctx, folder, sizeof folder, &length));
    need(ctx, decoct_model_open(ctx, folder, &model));
    need(ctx, decoct_model_describe(ctx, model, &info));
    need(ctx, decoct_encode(ctx, model, text, strlen(text), ids, 64, &count));
    need(ctx, decoct_session_create(ctx, model, 0, &session));
    need(ctx, decoct_session_trace(ctx, session, keep, NULL));
    need(ctx, decoct_session_eval(ctx, session, ids, count, 0, NULL));
    for (int64_t layer = 0; layer < info.layers; layer++) {
        const decoct_sample_args most_probable = {.struct_size = sizeof most_probable};
        const float *x = stream + layer * info.d_model;
        need(ctx, decoct_model_logits(ctx, model, 1, x, 0, logits, 0));
        need(ctx, decoct_sample(ctx, &most_probable, logits, info.vocabulary, &best));
        need(ctx, decoct_decode(ctx, model, &best, 1, word, sizeof word, &length));
        printf("after layer %2d:%.*s\n", (int)layer + 1, (int)length, word);
    }
    decoct_session_destroy(session);
    decoct_model_close(model);
    decoct_context_close(ctx);
    return 0;
}
