# SPDX-License-Identifier: BSD-2-Clause
"""Operations on rows. The last axis of an array is a row; all other axes count rows."""
from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Optional, Tuple

from . import _abi
from ._arrays import (DTYPES, Array, Operand, address_of, contiguous_last, copy_rows, new, operand, output,
                      rows_of, vector)
from ._context import Context, handle_of
from ._errors import ArgumentError, check
from ._library import lib

if TYPE_CHECKING:
    from ._arrays import Floats

_GELU = {"tanh": _abi.DECOCT_GELU_TANH, "erf": _abi.DECOCT_GELU_ERF}
_ROTARY = {"halves": _abi.DECOCT_ROTARY_HALVES, "pairs": _abi.DECOCT_ROTARY_PAIRS}


def form_of(name: str, given: str, forms: "dict[str, int]") -> int:
    """The number of a variant that is given by its name."""
    if given not in forms:
        raise ArgumentError("%s is %r, not one of %s" % (name, given, ", ".join(map(repr, forms))))
    return forms[given]


def factor(name: str, value: float) -> float:
    """A factor of the library, where 0 would mean 1."""
    if value == 0:
        raise ArgumentError("%s is 0: the library has no such factor" % name)
    return value


def _call(op: int, x: Operand, y: Operand, context: Optional[Context], **fields: Any) -> None:
    rows, cols, y_stride = rows_of(y)
    x_rows, x_cols, x_stride = rows_of(x)
    if x_cols != cols:
        raise ArgumentError("%s has rows of %d elements instead of %d" % (x.name, x_cols, cols))
    args = _abi.decoct_rows_args(
        struct_size=ctypes.sizeof(_abi.decoct_rows_args), op=op, rows=rows, cols=cols, x=x.address,
        x_stride=x_stride, x_dtype=DTYPES[x.dtype], y=y.address, y_stride=y_stride, **fields)
    handle = handle_of(context)
    check(lib.decoct_rows(handle, ctypes.byref(args)), handle)


def _same_shape(op: int, x: Array, out: Optional[Array], context: Optional[Context], **fields: Any) -> "Floats":
    source = operand("x", x)
    contiguous_last(source)
    result, target = output(out, source.shape)
    _call(op, source, target, context, **fields)
    return result


def _row(name: str, value: Optional[Array], x: Array) -> Tuple[Optional[int], Optional[Operand]]:
    """(address, what to keep) of one row that goes with each row of x; None: none."""
    if value is None:
        return None, None
    shape = operand("x", x).shape
    found = vector(name, value, shape[-1] if shape else 0)
    return found.address, found


def softmax(x: Array, *, scale: float = 1.0, out: Optional[Array] = None,
            context: Optional[Context] = None) -> "Floats":
    """softmax(scale * x) of each row. x (..., cols) -> (..., cols); out may be x.

    A row of -inf only gives zeros; a NaN or +inf makes its row NaN."""
    return _same_shape(_abi.DECOCT_OP_SOFTMAX, x, out, context, scale=factor("scale", scale))


def log_softmax(x: Array, *, scale: float = 1.0, out: Optional[Array] = None,
                context: Optional[Context] = None) -> "Floats":
    """The logarithm of softmax(scale * x) of each row. x (..., cols) -> (..., cols); out may be x."""
    return _same_shape(_abi.DECOCT_OP_LOG_SOFTMAX, x, out, context, scale=factor("scale", scale))


def layer_norm(x: Array, gain: Optional[Array] = None, bias: Optional[Array] = None, *, eps: float = 1e-5,
               out: Optional[Array] = None, context: Optional[Context] = None) -> "Floats":
    """(x - mean) / sqrt(variance + eps) * gain + bias of each row (Ba, Kiros, Hinton 2016).

    x (..., cols), gain and bias (cols) or None -> (..., cols); out may be x."""
    gain_address, _gain = _row("gain", gain, x)
    bias_address, _bias = _row("bias", bias, x)
    return _same_shape(_abi.DECOCT_OP_LAYER_NORM, x, out, context, eps=eps, gain=gain_address, bias=bias_address)


def rms_norm(x: Array, gain: Optional[Array] = None, *, eps: float = 1e-5, out: Optional[Array] = None,
             context: Optional[Context] = None) -> "Floats":
    """x / sqrt(mean of x^2 + eps) * gain of each row (Zhang and Sennrich 2019).

    x (..., cols), gain (cols) or None -> (..., cols); out may be x."""
    gain_address, _gain = _row("gain", gain, x)
    return _same_shape(_abi.DECOCT_OP_RMS_NORM, x, out, context, eps=eps, gain=gain_address)


def gelu(x: Array, *, form: str = "tanh", out: Optional[Array] = None,
         context: Optional[Context] = None) -> "Floats":
    """GELU of each element, in the form "tanh" (GPT-1 and GPT-2) or "erf". x (..., cols) -> the same shape;
    out may be x."""
    return _same_shape(_abi.DECOCT_OP_GELU, x, out, context, form=form_of("form", form, _GELU))


def silu(x: Array, up: Optional[Array] = None, *, out: Optional[Array] = None,
         context: Optional[Context] = None) -> "Floats":
    """x / (1 + exp(-x)) * up of each element: SiLU, or a gated one with up (Shazeer 2020).

    x (..., cols), up the same shape or None -> the same shape; out may be x."""
    if up is None:
        return _same_shape(_abi.DECOCT_OP_SILU, x, out, context)
    gate, source = operand("up", up), operand("x", x)
    if gate.shape != source.shape:
        raise ArgumentError("up has the shape %s instead of %s" % (gate.shape, source.shape))
    _, _, stride = rows_of(gate)
    return _same_shape(_abi.DECOCT_OP_SILU, x, out, context, up=gate.address, up_stride=stride)


def bias(x: Array, bias: Array, *, out: Optional[Array] = None, context: Optional[Context] = None) -> "Floats":
    """x + bias on each row. x (..., cols), bias (cols) -> (..., cols); out may be x."""
    address, _keep = _row("bias", bias, x)
    return _same_shape(_abi.DECOCT_OP_BIAS, x, out, context, bias=address)


def _sum_target(y: Array, shape: "tuple[int, ...]", out: Optional[Array]) -> "Tuple[Floats, Operand]":
    """An array that holds y and takes the sum: y itself, or a copy."""
    held = operand("y", y, writable=out is y)
    if held.shape != shape:
        raise ArgumentError("y has the shape %s instead of %s, that of x" % (held.shape, shape))
    if out is y:
        return y, held
    rows_of(held)
    result, target = output(out, shape)
    copy_rows(held, target)
    return result, target


def add(x: Array, y: Array, *, out: Optional[Array] = None, context: Optional[Context] = None) -> "Floats":
    """y + x, the residual connection. x and y (..., cols) -> the same shape; out may be y."""
    source = operand("x", x)
    contiguous_last(source)
    result, target = _sum_target(y, source.shape, out)
    _call(_abi.DECOCT_OP_ADD, source, target, context)
    return result


def axpby(x: Array, y: Optional[Array] = None, *, scale: float = 1.0, beta: float = 0.0,
          bias: Optional[Array] = None, out: Optional[Array] = None, context: Optional[Context] = None) -> "Floats":
    """fma(scale, x, beta * y) + bias of each element. x and y (..., cols), bias (cols) or None -> the same
    shape; out may be y. Without y: scale * x + bias, and out may be x."""
    if (y is None) != (beta == 0):
        raise ArgumentError("y and a beta other than 0 need each other")
    address, _keep = _row("bias", bias, x)
    fields = {"scale": factor("scale", scale), "beta": beta, "bias": address}
    if y is None:
        return _same_shape(_abi.DECOCT_OP_AXPBY, x, out, context, **fields)
    source = operand("x", x)
    contiguous_last(source)
    result, target = _sum_target(y, source.shape, out)
    _call(_abi.DECOCT_OP_AXPBY, source, target, context, **fields)
    return result


def embedding(ids: Array, table: Array, *, dtype: Optional[str] = None, out: Optional[Array] = None,
              context: Optional[Context] = None) -> "Floats":
    """Rows of a table. ids (...) int32, table (table_rows, cols) of f32, f16 or bf16 -> (..., cols).

    dtype "bf16": table is an array of uint16 with the upper halves of f32 numbers."""
    which, rows = operand("ids", ids, ("i32",)), stored("table", table, dtype)
    contiguous_last(which)
    if len(rows.shape) != 2:
        raise ArgumentError("table has the shape %s: it needs two axes" % (rows.shape,))
    if which.shape[-1] and rows_of(which)[2] not in (0, which.shape[-1]):
        raise ArgumentError("ids have gaps: copy them with numpy.ascontiguousarray(ids)")
    result, target = output(out, (*which.shape, rows.shape[1]))
    _call(_abi.DECOCT_OP_EMBEDDING, rows, target, context, ids=which.address, table_rows=rows.shape[0])
    return result


def rotary(x: Array, cosine: Array, sine: Array, *, head_dim: int = 0, rotary_dim: int = 0,
           form: str = "halves", out: Optional[Array] = None, context: Optional[Context] = None) -> "Floats":
    """Rotary position embedding (Su et al. 2021): turns pairs of columns in each head of a row.

    x (rows, cols), cosine and sine (rows, rotary_dim / 2) from rotary_angles -> (rows, cols); out may be
    x. head_dim: columns of a head, 0: cols; rotary_dim: columns of a head that are turned, 0: all.
    form: which columns make a pair, "halves" (i and rotary_dim / 2 + i) or "pairs" (2 i and 2 i + 1)."""
    angles = operand("cosine", cosine), operand("sine", sine)
    (rows, half, stride), other = rows_of(angles[0]), rows_of(angles[1])
    count, cols, _ = rows_of(operand("x", x))
    width = (rotary_dim or (head_dim or cols) // 2 * 2) // 2
    if angles[0].shape != angles[1].shape or stride != other[2] or (rows, half) != (count, width):
        raise ArgumentError("cosine has the shape %s and sine %s: both must be (%d, %d), with the same strides"
                            % (angles[0].shape, angles[1].shape, count, width))
    return _same_shape(_abi.DECOCT_OP_ROTARY, x, out, context, form=form_of("form", form, _ROTARY),
                       cosine=angles[0].address, sine=angles[1].address, angle_stride=stride,
                       head_dim=head_dim, rotary_dim=rotary_dim)


def rotary_angles(positions: Any, rotary_dim: int, *, theta: float = 10000.0, first_position: int = 0,
                  frequencies: Optional[Array] = None, scale: float = 1.0,
                  context: Optional[Context] = None) -> "Tuple[Floats, Floats]":
    """The cosines and sines for rotary(), each (positions, rotary_dim / 2).

    positions: how many, counted from first_position, or an int32 array (positions).
    frequencies: (rotary_dim / 2) instead of theta^(-2 i / rotary_dim). scale: a factor for both results."""
    chosen = None if isinstance(positions, int) else operand("positions", positions, ("i32",))
    if chosen is not None:
        chosen = vector("positions", positions, chosen.shape[0] if chosen.shape else 0, "i32")
    rows = positions if chosen is None else chosen.shape[0]
    turns = None if frequencies is None else vector("frequencies", frequencies, rotary_dim // 2)
    if rows < 0 or rotary_dim < 0:
        raise ArgumentError("positions and rotary_dim must be at least 0")
    (cosine, cosines), (sine, sines) = new((rows, rotary_dim // 2)), new((rows, rotary_dim // 2))
    args = _abi.decoct_rotary_args(
        struct_size=ctypes.sizeof(_abi.decoct_rotary_args), rows=rows, rotary_dim=rotary_dim,
        first_position=first_position, positions=address_of(chosen), frequencies=address_of(turns),
        theta=0.0 if turns else factor("theta", theta), scale=factor("scale", scale),
        cosine=cosines.address, sine=sines.address, stride=0)
    handle = handle_of(context)
    check(lib.decoct_rotary_angles(handle, ctypes.byref(args)), handle)
    return cosine, sine


def stored(name: str, value: Array, dtype: Optional[str]) -> Operand:
    """Numbers of any stored type; bf16 comes by DLPack or as uint16 with dtype "bf16"."""
    if dtype not in (None, "bf16"):
        raise ArgumentError("dtype is %r: only \"bf16\" must be named, for an array of uint16" % dtype)
    found = operand(name, value, ("u16", "bf16") if dtype else ("f32", "f16", "bf16"))
    return found._replace(dtype="bf16") if dtype else found
