# SPDX-License-Identifier: BSD-2-Clause
import ctypes as c

class Attention(c.Structure):  # decoct_attention_args
    _fields_ = [("struct_size", c.c_uint32), ("causal", c.c_int32)]
    _fields_ += [(n, c.c_int64) for n in ("batch", "heads", "kv_heads", "q_len", "kv_len",
                                          "head_dim", "value_dim", "q_offset")]
    _fields_ += [("scale", c.c_float), ("reserved", c.c_float)]
    _fields_ += [(n, c.POINTER(c.c_float)) for n in ("q", "k", "v", "mask", "out", "weights")]
    _fields_ += [(array + axis + "stride", c.c_int64) for array in ("q", "k", "v", "out", "mask")
                 for axis in ("_batch_", "_head_", "_")]

def floats(*values):
    return (c.c_float * len(values))(*values)

lib = c.CDLL("libdecoct.so.0")
lib.decoct_last_error.restype = c.c_char_p
out, weights, ctx = floats(*[0] * 6), floats(*[0] * 9), c.c_void_p()
a = Attention(struct_size=c.sizeof(Attention), causal=1, batch=1, heads=1, kv_heads=1,
              q_len=3, kv_len=3, head_dim=2, q=floats(4, 0, 0, 4, 4, 4),
              k=floats(1, 0, 0, 1, 1, 1), v=floats(10, 0, 0, 20, 5, 5), out=out, weights=weights)
if lib.decoct_context_open(None, c.byref(ctx)):
    raise SystemExit("decoct cannot run here")
if lib.decoct_attention(ctx, c.byref(a)):
    raise SystemExit(lib.decoct_last_error(ctx).decode())
for i in range(3):
    print("word %d draws %.3f %.3f %.3f and gets %.3f %.3f"
          % (i + 1, *weights[3 * i:3 * i + 3], *out[2 * i:2 * i + 2]))
lib.decoct_context_close(ctx)
