# SPDX-License-Identifier: BSD-2-Clause
# python3 potion.py HEADS KV_HEADS SEQ HEAD_DIM SEED, with declared.py, which ctypesgen makes of the header:
#   ctypesgen $(pkg-config --cflags decoct) --library=libdecoct.so.0 .../decoct/*.h --output=declared.py
# It has every function with its types, every struct and every constant.
import ctypes
import sys
from ctypes import byref, c_float, c_int32, c_int64, c_uint64

import declared as d

ctx = ctypes.POINTER(d.decoct_context)()


def need(status):
    if status != d.DECOCT_OK:
        sys.exit(str(d.decoct_last_error(ctx)))


def numbers(count, state):
    array = (c_float * count)()
    for i in range(count):
        state[0] = state[0] * 48271 % 2147483647
        array[i] = state[0] % 65536 / 32768 - 1
    return array


def attention(heads, kv_heads, seq, dim, seed):
    state = [seed]
    q, k, v = (numbers(n * seq * dim, state) for n in (heads, kv_heads, kv_heads))
    out = (c_float * len(q))()
    args = d.decoct_attention_args(struct_size=ctypes.sizeof(d.decoct_attention_args), causal=1, batch=1,
                                   heads=heads, kv_heads=kv_heads, q_len=seq, kv_len=seq, head_dim=dim,
                                   q=q, k=k, v=v, out=out)
    need(d.decoct_attention(ctx, byref(args)))
    result = 0xcbf29ce484222325
    for byte in bytes(out):
        result = (result ^ byte) * 0x100000001b3 % 2**64
    return result


def next_word(text):
    folder, word = ctypes.create_string_buffer(4096), ctypes.create_string_buffer(64)
    model, session = ctypes.POINTER(d.decoct_model)(), ctypes.POINTER(d.decoct_session)()
    length, count, tokens = c_uint64(), c_int64(), (c_int32 * len(text))()
    need(d.decoct_default_model(ctx, folder, len(folder), byref(length)))
    need(d.decoct_model_open(ctx, folder, byref(model)))
    need(d.decoct_encode(ctx, model, text, len(text), tokens, len(tokens), byref(count)))
    need(d.decoct_session_create(ctx, model, 0, byref(session)))
    logits = (c_float * d.decoct_model_vocabulary(model))()
    need(d.decoct_session_eval(ctx, session, tokens, count, 0, logits))
    best = max(range(len(logits)), key=logits.__getitem__)  # of two equal ones the first
    need(d.decoct_decode(ctx, model, (c_int32 * 1)(best), 1, word, len(word), byref(length)))
    d.decoct_session_destroy(session)
    d.decoct_model_close(model)
    return word.raw[:length.value]


need(d.decoct_context_open(None, byref(ctx)))
sentence = b"Sarah lies still on the bed, feeling"
print("%016x" % attention(*map(int, sys.argv[1:6])))
print((sentence + next_word(sentence)).decode())
d.decoct_context_close(ctx)
