// SPDX-License-Identifier: BSD-2-Clause
// ./bench CALLS PRODUCTS ATTENTIONS: that many empty calls, products 16 x 16, and attentions of 128
// words.
#include <decoct/decoct.h>
#include <stdlib.h>

enum { HEADS = 12, SEQ = 128, DIM = 64, ALL = HEADS * SEQ * DIM };
static float x[ALL], out[ALL];

int main(int count, char **argument) {
    decoct_context *ctx;
    if (count != 4 || decoct_context_open(NULL, &ctx)) {
        return 1;
    }
    for (int i = 0; i < ALL; i++) {
        x[i] = 0.5f;
    }
    int failed = 0;
    for (long i = atol(argument[1]); i > 0; i--) {
        failed |= decoct_version() == 0;
    }
    for (long i = atol(argument[2]); i > 0; i--) {
        failed |= decoct_matmul_dense(ctx, 16, 16, 16, x, x, 0, NULL, out);
    }
    for (long i = atol(argument[3]); i > 0; i--) {
        failed |= decoct_attention_dense(ctx, 1, HEADS, HEADS, SEQ, SEQ, DIM, 1, x, x, x, out);
    }
    decoct_context_close(ctx);
    return failed;
}
