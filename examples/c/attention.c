// SPDX-License-Identifier: BSD-2-Clause
#include <decoct/decoct.h>
#include <stdio.h>

int main(void) {
    const float q[] = {4, 0, 0, 4, 4, 4};   /* recipes: (3 words, 2) */
    const float k[] = {1, 0, 0, 1, 1, 1};   /* labels:  (3 words, 2) */
    const float v[] = {10, 0, 0, 20, 5, 5}; /* potions: (3 words, 2) */
    float out[6], weights[9];
    decoct_context *ctx;
    if (decoct_context_open(NULL, &ctx)) {
        fprintf(stderr, "%s\n", decoct_last_error(NULL));
        return 1;
    }
    decoct_attention_args a = {.struct_size = sizeof a,
                               .causal = 1,
                               .batch = 1,
                               .heads = 1,
                               .kv_heads = 1,
                               .q_len = 3,
                               .kv_len = 3,
                               .head_dim = 2,
                               .q = q,
                               .k = k,
                               .v = v,
                               .out = out,
                               .weights = weights};
    decoct_status status = decoct_attention(ctx, &a);
    if (status) {
        fprintf(stderr, "%s\n", decoct_last_error(ctx));
    }
    for (int i = 0; i < 3 && !status; i++) {
        printf("word %d draws %.3f %.3f %.3f and gets %.3f %.3f\n", i + 1, weights[3 * i],
               weights[3 * i + 1], weights[3 * i + 2], out[2 * i], out[2 * i + 1]);
    }
    decoct_context_close(ctx);
    return status != 0;
}
