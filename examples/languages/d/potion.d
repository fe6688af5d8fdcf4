// SPDX-License-Identifier: BSD-2-Clause
// No declarations: the D compiler reads the C header itself (ImportC, since 2022) after a plain run of
// the preprocessor. See `test` for the two commands. A slice's .ptr is an array of C without a copy.
import decoct; // decoct.c
import std.algorithm, std.array, std.conv, std.range, std.stdio, std.string;

decoct_context* ctx;

void need(int status)
{
    if (status)
        throw new Exception(decoct_last_error(ctx).fromStringz.idup);
}

float[] numbers(long count, ref long state)
{
    auto x = new float[count];
    foreach (ref number; x)
    {
        state = state * 48271 % 2147483647;
        number = float(state % 65536) / 32768 - 1;
    }
    return x;
}

ulong attention(long heads, long kvHeads, long seq, long dim, long seed)
{
    auto q = numbers(heads * seq * dim, seed);
    auto k = numbers(kvHeads * seq * dim, seed);
    auto v = numbers(kvHeads * seq * dim, seed);
    auto result = new float[q.length];
    need(decoct_attention_dense(ctx, 1, heads, kvHeads, seq, seq, dim, 1, q.ptr, k.ptr, v.ptr, result.ptr));
    ulong hash = 0xcbf29ce484222325;
    foreach (b; cast(const ubyte[]) result)
        hash = (hash ^ b) * 0x100000001b3;
    return hash;
}

string nextWord(string text)
{
    char[4096] folder;
    char[64] word;
    long count;
    ulong length;
    decoct_model* model;
    decoct_session* session;
    need(decoct_default_model(ctx, folder.ptr, folder.length, null));
    need(decoct_model_open(ctx, folder.ptr, &model));
    scope (exit)
        decoct_model_close(model);
    auto ids = new int[text.length];
    need(decoct_encode(ctx, model, text.ptr, text.length, ids.ptr, ids.length, &count));
    need(decoct_session_create(ctx, model, 0, &session));
    scope (exit)
        decoct_session_destroy(session);
    auto logits = new float[decoct_model_vocabulary(model)];
    need(decoct_session_eval(ctx, session, ids.ptr, count, 0, logits.ptr));
    int best = cast(int) logits.maxIndex;
    need(decoct_decode(ctx, model, &best, 1, word.ptr, word.length, &length));
    return word[0 .. length].idup;
}

int main(string[] argument)
{
    try
    {
        auto n = argument[1 .. 6].map!(to!long).array;
        immutable text = "Sarah lies still on the bed, feeling";
        need(decoct_context_open(null, &ctx));
        scope (exit)
            decoct_context_close(ctx);
        writefln("%016x", attention(n[0], n[1], n[2], n[3], n[4]));
        writeln(text, nextWord(text));
        return 0;
    }
    catch (Exception error)
    {
        stderr.writeln(error.msg);
        return 1;
    }
}
