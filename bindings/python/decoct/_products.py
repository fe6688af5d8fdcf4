# SPDX-License-Identifier: BSD-2-Clause
"""Matrix products, and weights that are packed once."""
from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Optional, Tuple, Union

from . import _abi
from ._arrays import (DTYPES, Array, Operand, _not_readable, address_of, axis_stride, collapse, contiguous_last,
                      operand, output, vector)
from ._context import Context, handle_of
from ._errors import ArgumentError, check
from ._handles import Closable, Handle
from ._library import lib
from ._rows import factor, stored

if TYPE_CHECKING:
    from ._arrays import Floats


def matrix_layout(x: Operand) -> Tuple[int, bool]:
    """(stride, transposed) of the last two axes: rows, or the columns of a transposed view."""
    rows, cols = x.shape[-2:]
    if cols <= 1 or x.strides[-1] == 1 or 0 in x.shape:
        return axis_stride(x, -2), False
    if rows <= 1 or x.strides[-2] == 1:
        return axis_stride(x, -1), True
    raise _not_readable(x, "one of the last two axes must be contiguous")


class Weights(Closable):
    """A matrix that is packed once for many products.

    w: (k, n) of f32, f16 or bf16, or (n, k) with transposed=True, the layout of a "Linear" layer. A
        transposed view, such as w.T, is read in place, too. The numbers keep their type.
    dtype: "bf16" if w is an array of uint16 with the upper halves of f32 numbers.
    """

    def __init__(self, w: Array, *, transposed: bool = False, dtype: Optional[str] = None,
                 context: Optional[Context] = None) -> None:
        found = stored("w", w, dtype)
        if len(found.shape) != 2:
            raise ArgumentError("w has the shape %s: it needs two axes" % (found.shape,))
        stride, turned = matrix_layout(found)
        #: rows and columns of the matrix, k and n, and its type
        self.k, self.n = found.shape[::-1] if transposed else found.shape
        self.dtype = found.dtype
        args = _abi.decoct_weights_args(
            struct_size=ctypes.sizeof(_abi.decoct_weights_args), dtype=DTYPES[found.dtype], k=self.k, n=self.n,
            w=found.address, stride=stride, transposed=turned != transposed)
        pointer, handle = ctypes.c_void_p(), handle_of(context)
        check(lib.decoct_weights_create_from(handle, ctypes.byref(args), ctypes.byref(pointer)), handle)
        self._handle = Handle(pointer, lib.decoct_weights_destroy)


class _Right:
    """The right matrix of a product: its shape and the fields that describe it."""

    def __init__(self, b: Union[Array, Weights]) -> None:
        self.batch: Optional[int] = None  # None: one matrix for all products
        self.keep: Any
        if isinstance(b, Weights):
            self.keep, (self.k, self.n) = b._opened(), (b.k, b.n)
            self.fields = {"weights": self.keep.address}
            return
        self.keep = found = operand("b", b)
        if len(found.shape) not in (2, 3):
            raise ArgumentError("b has the shape %s: it needs two axes, or three for a batch" % (found.shape,))
        stride, turned = matrix_layout(found)
        self.k, self.n = found.shape[-2:]
        self.fields = {"b": found.address, "b_stride": stride, "b_transposed": turned}
        if len(found.shape) == 3:
            self.batch = found.shape[0]
            self.fields["b_batch_stride"] = axis_stride(found, 0)


def _batched(x: Operand) -> Tuple[int, int, int, int]:
    """(batch, m, stride, stride from one matrix to the next) of (..., m, cols)."""
    contiguous_last(x)
    if len(x.shape) == 1:
        return 1, 1, 0, 0
    batch, batch_stride = collapse(x, len(x.shape) - 2)
    return batch, x.shape[-2], axis_stride(x, -2), batch_stride


def matmul(x: Array, b: Union[Array, Weights], *, bias: Optional[Array] = None, alpha: float = 1.0,
           beta: float = 0.0, out: Optional[Array] = None, context: Optional[Context] = None) -> "Floats":
    """alpha * x b + beta * out + bias. x (..., m, k), b (k, n) -> (..., m, n).

    b: one matrix (k, n) for all, packed Weights, or (batch, k, n) for x (batch, m, k). A transposed view,
        such as w.T, is read in place. x of one axis (k) gives (n).
    bias: (n), added to each row. beta: needs out, which is then read, too."""
    left, right = operand("x", x), _Right(b)
    batch, m, x_stride, x_batch_stride = _batched(left)
    if left.shape[-1] != right.k:
        raise ArgumentError("x has the shape %s: its last axis must be k of b (%d, %d)"
                            % (left.shape, right.k, right.n))
    if right.batch is not None and (len(left.shape) != 3 or right.batch != batch):
        raise ArgumentError("b has %d matrices: x must have the shape (%d, m, k), not %s"
                            % (right.batch, right.batch, left.shape))
    if beta != 0 and out is None:
        raise ArgumentError("beta needs out, the array that it multiplies")
    added = None if bias is None else vector("bias", bias, right.n)
    result, y = output(out, (*left.shape[:-1], right.n))
    if batch == 0:
        return result
    _, _, y_stride, y_batch_stride = _batched(y)
    args = _abi.decoct_matmul_args(
        struct_size=ctypes.sizeof(_abi.decoct_matmul_args), m=m, n=right.n, k=right.k, x=left.address,
        x_stride=x_stride, bias=address_of(added), y=y.address, y_stride=y_stride, batch=batch,
        x_batch_stride=x_batch_stride, y_batch_stride=y_batch_stride,
        b_shared=right.batch is None and "b" in right.fields, alpha=factor("alpha", alpha), beta=beta,
        **right.fields)
    handle = handle_of(context)
    check(lib.decoct_matmul(handle, ctypes.byref(args)), handle)
    return result
