# SPDX-License-Identifier: BSD-2-Clause
"""Scaled dot-product attention."""
from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from . import _abi
from ._arrays import Array, Operand, Shape, address_of, axis_stride, contiguous_last, dense, operand, output, vector
from ._context import Context, handle_of
from ._errors import ArgumentError, check
from ._library import lib
from ._rows import factor

if TYPE_CHECKING:
    from ._arrays import Floats

_AXES = "batch_", "head_", ""


def _four(x: Operand) -> Operand:
    """The same array with axes of one element in front: (batch, heads, rows, cols)."""
    contiguous_last(x)
    if len(x.shape) not in (2, 3, 4):
        raise ArgumentError("%s has the shape %s: it needs two axes (length, dim), three with heads, or four "
                            "with a batch" % (x.name, x.shape))
    missing = 4 - len(x.shape)
    return x._replace(shape=(1,) * missing + x.shape, strides=(0,) * missing + x.strides)


def _strides(field: str, x: Operand) -> Dict[str, int]:
    return {"%s_%sstride" % (field, axis): axis_stride(x, i) for i, axis in enumerate(_AXES)}


def _mask(mask: Optional[Array], scores: Shape) -> Tuple[Dict[str, Any], Optional[Operand]]:
    """Batch and heads of a mask may be missing, 1, or broadcast: the library reads one for all."""
    if mask is None:
        return {}, None
    found = _four(operand("mask", mask))
    if found.shape[2:] != scores[2:] or any(a not in (1, b) for a, b in zip(found.shape[:2], scores)):
        raise ArgumentError("mask has the shape %s: scores have (batch, heads, q_len, kv_len) = %s, and only batch "
                            "and heads may be 1" % (found.shape, scores))
    strides = [0 if count == 1 else stride for count, stride in zip(found.shape[:2], found.strides)]
    if min(strides) < 0 and 0 not in found.shape:
        axis_stride(found, 0 if strides[0] < 0 else 1)
    return {"mask": found.address, "mask_batch_stride": strides[0], "mask_head_stride": strides[1],
            "mask_stride": axis_stride(found, 2)}, found


def _check_shapes(q: Operand, k: Operand, v: Operand, kv_shared: bool) -> None:
    if k.shape[:3] != v.shape[:3]:
        raise ArgumentError("k has the shape %s and v %s: all axes but the last one must agree" % (k.shape, v.shape))
    if q.shape[3] != k.shape[3]:
        raise ArgumentError("q has head_dim %d and k %d" % (q.shape[3], k.shape[3]))
    if not kv_shared and q.shape[0] != k.shape[0]:
        raise ArgumentError("q has a batch of %d and k of %d" % (q.shape[0], k.shape[0]))


def _weights(weights: Array, shape: Shape) -> Operand:
    _, found = output(weights, shape)
    if 0 not in shape and any(n > 1 and a != b for n, a, b in zip(shape, found.strides, dense(shape))):
        raise ArgumentError("weights of shape %s must be contiguous" % (shape,))
    return found._replace(name="weights")


def attention(q: Array, k: Array, v: Array, *, causal: bool = False, scale: Optional[float] = None,
              mask: Optional[Array] = None, q_offset: Optional[int] = None, kv_lens: Optional[Array] = None,
              window: int = 0, softcap: float = 0.0, slopes: Optional[Array] = None,
              sinks: Optional[Array] = None, weights: Optional[Array] = None, out: Optional[Array] = None,
              context: Optional[Context] = None) -> "Floats":
    """softmax(scale * q k^T + mask) v for each head (Vaswani et al. 2017), without copies.

    q: (batch, heads, q_len, head_dim); batch, or batch and heads, may be left out in all arrays.
    k: (batch, kv_heads, kv_len, head_dim), v: (batch, kv_heads, kv_len, value_dim). Query head h uses key
        head h * kv_heads / heads. Without a batch axis while q has one: all read the same keys.
    Returns (batch, heads, q_len, value_dim), without the axes that q lacks.

    The last axis of each array must be contiguous, the others may have any strides, such as those of
    x.transpose(0, 2, 1, 3).

    causal: query i sees the keys 0 .. q_offset + i. q_offset: kv_len - q_len if not given.
    scale: 1 / sqrt(head_dim) if not given.
    mask: (q_len, kv_len), with heads and batch in front if they differ; added to the scores, -inf hides.
    kv_lens: (batch) int64, element b sees the keys before kv_lens[b] only.
    window: a query at position p sees only the keys j > p - window, and j < p + window; 0: off.
    softcap: scores become softcap * tanh(score / softcap); 0: off.
    slopes: (heads), ALiBi: slopes[h] * (j - p) is added. sinks: (heads), a score without key and value.
    weights: an array (batch, heads, q_len, kv_len) that receives the softmax; decoct.empty makes one."""
    query, key, value = operand("q", q), operand("k", k), operand("v", v)
    kv_shared = len(query.shape) == 4 and len(key.shape) == len(value.shape) == 3
    if not kv_shared and not len(query.shape) == len(key.shape) == len(value.shape):
        raise ArgumentError("q, k and v have %d, %d and %d axes: they must have the same number"
                            % (len(query.shape), len(key.shape), len(value.shape)))
    out_shape = query.shape[:-1]
    query, key, value = _four(query), _four(key), _four(value)
    _check_shapes(query, key, value, kv_shared)
    (batch, heads, q_len, head_dim), (_, kv_heads, kv_len, value_dim) = query.shape, value.shape
    mask_fields, _mask_keep = _mask(mask, (batch, heads, q_len, kv_len))
    lens = None if kv_lens is None else vector("kv_lens", kv_lens, batch, "i64")
    slope = None if slopes is None else vector("slopes", slopes, heads)
    sink = None if sinks is None else vector("sinks", sinks, heads)
    result, target = output(out, (*out_shape, value_dim))
    scores = None if weights is None else _weights(weights, (*out_shape, kv_len))
    args = _abi.decoct_attention_args(
        struct_size=ctypes.sizeof(_abi.decoct_attention_args), causal=causal, batch=batch, heads=heads,
        kv_heads=kv_heads, q_len=q_len, kv_len=kv_len, head_dim=head_dim, value_dim=value_dim,
        q_offset=kv_len - q_len if q_offset is None else q_offset,
        scale=0.0 if scale is None else factor("scale", scale), q=query.address, k=key.address, v=value.address,
        out=target.address, weights=address_of(scores), softcap=softcap, kv_shared=kv_shared,
        kv_lens=address_of(lens), window=window, slopes=address_of(slope), sinks=address_of(sink),
        **_strides("q", query), **_strides("k", key), **_strides("v", value), **_strides("out", _four(target)),
        **mask_fields)
    if batch > 0:  # the library takes 0 as 1
        handle = handle_of(context)
        check(lib.decoct_attention(handle, ctypes.byref(args)), handle)
    return result
