// SPDX-License-Identifier: BSD-2-Clause
// ./bench CALLS PRODUCTS ATTENTIONS
import decoct;
import std.conv;

int main(string[] argument)
{
    enum heads = 12, seq = 128, dim = 64;
    auto x = new float[heads * seq * dim], y = new float[heads * seq * dim];
    x[] = 0.5;
    decoct_context* ctx;
    int failed = decoct_context_open(null, &ctx);
    foreach (i; 0 .. argument[1].to!long)
        failed |= decoct_version() == 0;
    foreach (i; 0 .. argument[2].to!long)
        failed |= decoct_matmul_dense(ctx, 16, 16, 16, x.ptr, x.ptr, 0, null, y.ptr);
    foreach (i; 0 .. argument[3].to!long)
        failed |= decoct_attention_dense(ctx, 1, heads, heads, seq, seq, dim, 1, x.ptr, x.ptr, x.ptr, y.ptr);
    decoct_context_close(ctx);
    return failed;
}
