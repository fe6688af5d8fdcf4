# SPDX-License-Identifier: BSD-2-Clause
# python3 potion.py HEADS KV_HEADS SEQ HEAD_DIM SEED, with ctypes, which comes with Python.
# Without argtypes ctypes would pass a number as an int of 32 bits, and cut an address.
# (bindings/python is the package that does this for you.)
import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_float, c_int32, c_int64, c_uint64, c_void_p

decoct = ctypes.CDLL("libdecoct.so.0")
ctx = c_void_p()


def declare(result, name, *arguments):
    function = getattr(decoct, "decoct_" + name)
    function.restype, function.argtypes = result, arguments
    return function


floats, ids = POINTER(c_float), POINTER(c_int32)
context_open = declare(c_int32, "context_open", c_void_p, POINTER(c_void_p))
context_close = declare(None, "context_close", c_void_p)
last_error = declare(c_char_p, "last_error", c_void_p)
attention_dense = declare(c_int32, "attention_dense", c_void_p, *[c_int64] * 6, c_int32, *[floats] * 4)
default_model = declare(c_int32, "default_model", c_void_p, c_char_p, c_uint64, POINTER(c_uint64))
model_open = declare(c_int32, "model_open", c_void_p, c_char_p, POINTER(c_void_p))
model_close = declare(None, "model_close", c_void_p)
model_vocabulary = declare(c_int64, "model_vocabulary", c_void_p)
encode = declare(c_int32, "encode", c_void_p, c_void_p, c_char_p, c_uint64, ids, c_int64, POINTER(c_int64))
decode = declare(c_int32, "decode", c_void_p, c_void_p, ids, c_int64, c_char_p, c_uint64, POINTER(c_uint64))
session_create = declare(c_int32, "session_create", c_void_p, c_void_p, c_int64, POINTER(c_void_p))
session_destroy = declare(None, "session_destroy", c_void_p)
session_eval = declare(c_int32, "session_eval", c_void_p, c_void_p, ids, c_int64, c_int32, floats)


def need(status):
    if status:
        sys.exit(last_error(ctx).decode())


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
    need(attention_dense(ctx, 1, heads, kv_heads, seq, seq, dim, 1, q, k, v, out))
    result = 0xcbf29ce484222325
    for byte in bytes(out):
        result = (result ^ byte) * 0x100000001b3 % 2**64
    return result


def next_word(text):
    folder, word = ctypes.create_string_buffer(4096), ctypes.create_string_buffer(64)
    model, session, length, count = c_void_p(), c_void_p(), c_uint64(), c_int64()
    tokens = (c_int32 * len(text))()
    need(default_model(ctx, folder, len(folder), byref(length)))
    need(model_open(ctx, folder, byref(model)))
    need(encode(ctx, model, text, len(text), tokens, len(tokens), byref(count)))
    need(session_create(ctx, model, 0, byref(session)))
    logits = (c_float * model_vocabulary(model))()
    need(session_eval(ctx, session, tokens, count, 0, logits))
    best = max(range(len(logits)), key=logits.__getitem__)  # of two equal ones the first
    need(decode(ctx, model, (c_int32 * 1)(best), 1, word, len(word), byref(length)))
    session_destroy(session)
    model_close(model)
    return word.raw[:length.value]


need(context_open(None, byref(ctx)))
sentence = b"Sarah lies still on the bed, feeling"
print("%016x" % attention(*map(int, sys.argv[1:6])))
print((sentence + next_word(sentence)).decode())
context_close(ctx)
