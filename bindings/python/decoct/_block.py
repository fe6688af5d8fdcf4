# SPDX-License-Identifier: BSD-2-Clause
"""A decoder block with the caller's weights, and its cache of keys and values."""
from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Optional

from . import _abi
from ._arrays import Array, contiguous_last, operand, output, rows_of
from ._context import Context, handle_of
from ._errors import ArgumentError, check
from ._handles import Closable, Handle
from ._library import lib
from ._rows import _GELU, form_of

if TYPE_CHECKING:
    from ._arrays import Floats

_ORDERS = {"pre": _abi.DECOCT_PRE_NORM, "post": _abi.DECOCT_POST_NORM}


class Block(Closable):
    """The packed weights of one block. All matrices are (in, out), dense; biases may be left out.

    norm_order: "pre" (GPT-2: x += attn(LN1(x)); x += mlp(LN2(x))) or "post" (GPT-1).
    qkv: (d_model, 3 d_model), q, k and v side by side; proj: (d_model, d_model); up: (d_model, d_ffn);
    down: (d_ffn, d_model); norm1_gain, norm1_bias, norm2_gain, norm2_bias, proj_bias, down_bias: (d_model);
    qkv_bias: (3 d_model); up_bias: (d_ffn). heads divides d_model. gelu: "tanh" or "erf"."""

    def __init__(self, *, heads: int, qkv: Array, proj: Array, up: Array, down: Array,
                 norm1_gain: Optional[Array] = None, norm2_gain: Optional[Array] = None,
                 norm1_bias: Optional[Array] = None, norm2_bias: Optional[Array] = None,
                 qkv_bias: Optional[Array] = None, proj_bias: Optional[Array] = None,
                 up_bias: Optional[Array] = None, down_bias: Optional[Array] = None, norm_order: str = "pre",
                 gelu: str = "tanh", eps: float = 1e-5, context: Optional[Context] = None) -> None:
        shape = operand("up", up).shape
        if len(shape) != 2 or eps == 0:
            raise ArgumentError("eps is 0: the library has no such eps" if len(shape) == 2 else
                                "up has the shape %s instead of (d_model, d_ffn)" % (shape,))
        d_model, d_ffn = self.d_model, self.d_ffn = shape
        shapes = {"qkv": (d_model, 3 * d_model), "proj": (d_model, d_model), "up": shape, "down": (d_ffn, d_model),
                  "norm1_gain": (d_model,), "norm1_bias": (d_model,), "norm2_gain": (d_model,),
                  "norm2_bias": (d_model,), "qkv_bias": (3 * d_model,), "proj_bias": (d_model,),
                  "up_bias": (d_ffn,), "down_bias": (d_model,)}
        given = dict(qkv=qkv, proj=proj, up=up, down=down, norm1_gain=norm1_gain, norm1_bias=norm1_bias,
                     norm2_gain=norm2_gain, norm2_bias=norm2_bias, qkv_bias=qkv_bias, proj_bias=proj_bias,
                     up_bias=up_bias, down_bias=down_bias)
        held = {name: _dense(name, value, shapes[name]) for name, value in given.items() if value is not None}
        args = _abi.decoct_block_args(
            struct_size=ctypes.sizeof(_abi.decoct_block_args), norm_order=form_of("norm_order", norm_order, _ORDERS),
            gelu=form_of("gelu", gelu, _GELU), eps=eps, d_model=d_model, heads=heads, d_ffn=d_ffn,
            **{name: found.address for name, found in held.items()})
        pointer, handle = ctypes.c_void_p(), handle_of(context)
        check(lib.decoct_block_create(handle, ctypes.byref(args), ctypes.byref(pointer)), handle)
        self._handle = Handle(pointer, lib.decoct_block_destroy)

    def cache(self, max_len: int, *, context: Optional[Context] = None) -> "Cache":
        """An empty cache for up to max_len positions of this block."""
        return Cache(self, max_len, context=context)

    def forward(self, cache: "Cache", x: Array, *, out: Optional[Array] = None,
                context: Optional[Context] = None) -> "Floats":
        """Runs the block over new positions that follow those in the cache.

        x (rows, d_model) -> (rows, d_model); out may be x. The cache grows by rows. Rows one by one or all
        at once give the same bits. Raises FullError if the cache has no room."""
        source = operand("x", x)
        contiguous_last(source)
        if len(source.shape) != 2 or source.shape[1] != self.d_model:
            raise ArgumentError("x has the shape %s instead of (rows, %d)" % (source.shape, self.d_model))
        result, target = output(out, source.shape)
        (rows, _, x_stride), (_, _, y_stride) = rows_of(source), rows_of(target)
        handle = handle_of(context)
        check(lib.decoct_block_forward(handle, self._opened(), cache._opened(), rows, source.address, x_stride,
                                       target.address, y_stride), handle)
        return result


def _dense(name: str, value: Array, shape: "tuple[int, ...]") -> Any:
    found = operand(name, value)
    contiguous_last(found)
    if found.shape != shape:
        raise ArgumentError("%s has the shape %s instead of %s" % (name, found.shape, shape))
    if rows_of(found)[2] not in (0, shape[-1]):
        raise ArgumentError("%s has gaps between its rows: copy it with numpy.ascontiguousarray(%s)" % (name, name))
    return found


class Cache(Closable):
    """The keys and values of one block; len() is how many positions it holds."""

    def __init__(self, block: Block, max_len: int, *, context: Optional[Context] = None) -> None:
        pointer, handle = ctypes.c_void_p(), handle_of(context)
        check(lib.decoct_cache_create(handle, block._opened(), max_len, ctypes.byref(pointer)), handle)
        self._handle = Handle(pointer, lib.decoct_cache_destroy)

    def __len__(self) -> int:
        return int(lib.decoct_cache_length(self._opened()))

    def truncate(self, length: int, *, context: Optional[Context] = None) -> None:
        """Forgets all positions from length on."""
        handle = handle_of(context)
        check(lib.decoct_cache_truncate(handle, self._opened(), length), handle)
