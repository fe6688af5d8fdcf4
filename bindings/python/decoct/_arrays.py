# SPDX-License-Identifier: BSD-2-Clause
"""Arrays in and out: the buffer protocol, DLPack and lists in; NumPy, or memoryview without it, out.

Nothing is copied or converted on the way in, lists excepted: an array that the library cannot read as it
is is refused with a message that says what to do.
"""
from __future__ import annotations

import array
import ctypes
import functools
import math
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Sequence, Tuple

from . import _abi
from ._dlpack import is_dlpack, read_dlpack
from ._errors import ArgumentError

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    #: What a function returns: float32. Without NumPy it is a memoryview with the same shape.
    Floats = numpy.typing.NDArray[numpy.float32]

#: What a function accepts: an object with the buffer protocol (NumPy, array, memoryview, ctypes), with
#: DLPack (PyTorch, JAX, CuPy on the CPU, ...), or lists of numbers.
Array = Any
Shape = Tuple[int, ...]

DTYPES = {"f32": _abi.DECOCT_F32, "f16": _abi.DECOCT_F16, "bf16": _abi.DECOCT_BF16}
# A character of the struct module and its bytes to a name.
_FORMATS = {("f", 4): "f32", ("e", 2): "f16", ("d", 8): "f64", ("i", 4): "i32", ("l", 4): "i32",
            ("l", 8): "i64", ("q", 8): "i64", ("H", 2): "u16", ("?", 1): "bool"}
_FIXES = {"f64": "convert it with .astype(numpy.float32)", "i64": "convert it with .astype(numpy.int32)",
          "bool": "a mask is a float array: 0 shows a key, -inf hides it"}
_NATIVE = "@=<" if sys.byteorder == "little" else "@=>"


class Operand(NamedTuple):
    """An array as the library sees it. `keep` holds the memory."""

    name: str
    address: Optional[int]
    shape: Shape
    strides: Shape  # in elements
    dtype: str
    writable: bool
    keep: Any


class _PyBuffer(ctypes.Structure):  # Py_buffer of CPython's stable ABI
    _fields_ = [("buf", ctypes.c_void_p), ("obj", ctypes.c_void_p), ("len", ctypes.c_ssize_t),
                ("itemsize", ctypes.c_ssize_t), ("readonly", ctypes.c_int), ("ndim", ctypes.c_int),
                ("format", ctypes.c_void_p), ("shape", ctypes.c_void_p), ("strides", ctypes.c_void_p),
                ("suboffsets", ctypes.c_void_p), ("internal", ctypes.c_void_p)]


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = [ctypes.py_object, ctypes.c_void_p, ctypes.c_int]
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes, _release_buffer.restype = [ctypes.c_void_p], None
_PYBUF_STRIDES = 0x18


@functools.lru_cache(maxsize=None)
def numpy_or_none() -> Any:
    """NumPy, imported when the first array is made, which text does not need."""
    try:
        import numpy as found
    except ImportError:
        return None
    return found


@functools.lru_cache(maxsize=1024)  # a program has few layouts and asks for them in each call
def _read_format(form: str, size: int, steps: Shape) -> Tuple[str, Optional[Shape]]:
    """(type, strides in elements), or None for strides that do not count elements."""
    form = form.lstrip(_NATIVE)
    whole = not any(step % size for step in steps)
    return _FORMATS.get((form, size), form), tuple(step // size for step in steps) if whole else None


def _from_view(name: str, view: memoryview) -> Operand:
    steps = view.strides or ()
    dtype, strides = _read_format(view.format, view.itemsize, steps)
    if strides is None:
        raise ArgumentError("%s has strides %s that are not multiples of its %d bytes a number: %s"
                            % (name, steps, view.itemsize, _COPY % name))
    raw = _PyBuffer()
    place = ctypes.byref(raw)
    _get_buffer(view, place, _PYBUF_STRIDES)
    address = raw.buf
    _release_buffer(place)  # the view itself holds the memory
    return Operand(name, address, view.shape or (), strides, dtype, not view.readonly, view)


_COPY = "copy it with numpy.ascontiguousarray(%s)"


def bytes_of(name: str, value: Any) -> Operand:
    """Any contiguous bytes."""
    view = memoryview(value)
    if not view.c_contiguous:
        raise ArgumentError("the bytes of %s have gaps" % name)
    return _from_view(name, view.cast("B"))


def _flatten(name: str, value: Any, shape: Shape, into: "array.array[Any]") -> None:
    if not shape:
        into.append(value)
        return
    if not isinstance(value, (list, tuple)) or len(value) != shape[0]:
        raise ArgumentError("%s is a list whose rows differ in length" % name)
    if len(shape) == 1:
        into.extend(value)
    else:
        for row in value:
            _flatten(name, row, shape[1:], into)


def _from_list(name: str, value: Any, code: str) -> Operand:
    shape, inner = [], value
    while isinstance(inner, (list, tuple)):
        shape.append(len(inner))
        inner = inner[0] if inner else None
    flat = array.array(code)
    _flatten(name, value, tuple(shape), flat)
    return _from_view(name, memoryview(flat))._replace(shape=tuple(shape), strides=dense(tuple(shape)))


def operand(name: str, value: Array, dtypes: Sequence[str] = ("f32",), writable: bool = False) -> Operand:
    """The array `value`, called `name` in messages; its type must be one of `dtypes`."""
    if isinstance(value, (list, tuple)) and not writable:
        found = _from_list(name, value, "i" if dtypes[0] == "i32" else "f")
    else:
        try:
            view = memoryview(value)
        except (TypeError, ValueError, BufferError) as error:
            if not is_dlpack(value):
                raise TypeError("%s is not an array: %s has neither the buffer protocol nor DLPack (%s)"
                                % (name, type(value).__name__, error)) from None
            found = Operand(name, *read_dlpack(name, value))
        else:
            found = _from_view(name, view)
    if found.dtype not in dtypes:
        fix = _FIXES.get(found.dtype)
        raise TypeError("%s has the type %s instead of %s%s" % (name, found.dtype, " or ".join(dtypes),
                                                                ": " + fix if fix else ""))
    if writable and not found.writable:
        raise ArgumentError("%s is read-only" % name)
    return found


def dense(shape: Shape) -> Shape:
    """The strides of an array without gaps."""
    strides, step = [], 1
    for count in reversed(shape):
        strides.append(step)
        step *= count
    return tuple(reversed(strides))


def _not_readable(x: Operand, why: str) -> ArgumentError:
    return ArgumentError("%s of shape %s has the strides %s: %s; %s" % (x.name, x.shape, x.strides, why,
                                                                       _COPY % x.name))


def contiguous_last(x: Operand) -> None:
    """Refuses an array whose last axis has gaps."""
    if not x.shape:
        raise ArgumentError("%s has no axis: it needs at least one" % x.name)
    if x.shape[-1] > 1 and x.strides[-1] != 1:
        raise _not_readable(x, "the last axis must be contiguous")


def axis_stride(x: Operand, axis: int) -> int:
    """The stride of an axis; 0 where it does not matter. A broadcast axis is refused."""
    if x.shape[axis] <= 1 or 0 in x.shape:
        return 0
    if x.strides[axis] <= 0:
        raise _not_readable(x, "axis %d is broadcast or runs backwards" % axis)
    return x.strides[axis]


def collapse(x: Operand, axes: int) -> Tuple[int, int]:
    """The first `axes` axes as one: (count, stride); the stride is 0 where it does not matter."""
    count = math.prod(x.shape[:axes])
    if count <= 1 or 0 in x.shape:
        return count, 0
    inner, step = 0, 0
    for axis in reversed(range(axes)):
        if x.shape[axis] > 1:
            if step and x.strides[axis] != step:
                raise _not_readable(x, "its first %d axes cannot be read as one" % axes)
            stride = axis_stride(x, axis)
            inner = inner or stride
            step = stride * x.shape[axis]
    return count, inner


def rows_of(x: Operand) -> Tuple[int, int, int]:
    """(rows, cols, stride): the last axis is a row, all others count rows."""
    contiguous_last(x)
    rows, stride = collapse(x, len(x.shape) - 1)
    return rows, x.shape[-1], stride


def vector(name: str, value: Array, count: int, dtype: str = "f32") -> Operand:
    """A contiguous array (count)."""
    found = operand(name, value, (dtype,))
    contiguous_last(found)
    if found.shape != (count,):
        raise ArgumentError("%s has the shape %s instead of (%d,)" % (name, found.shape, count))
    return found


def address_of(found: Optional[Operand]) -> Optional[int]:
    return None if found is None else found.address


def new(shape: Shape) -> "Tuple[Floats, Operand]":
    """A float32 array and the same as an operand."""
    library = numpy_or_none()
    made: Any
    if library is not None:
        made = library.empty(shape, library.float32)
    elif 0 in shape or not shape:
        made = memoryview(bytearray(0 if shape else 4)).cast("f")
    else:
        made = memoryview(bytearray(4 * math.prod(shape))).cast("f", list(shape))
    found = _from_view("out", memoryview(made))
    return made, found._replace(shape=shape, strides=dense(shape))


def empty(shape: Shape) -> "Floats":
    """A float32 array of this shape for results, not filled: NumPy's, or a memoryview without NumPy."""
    return new(tuple(shape))[0]


def output(out: Optional[Array], shape: Shape) -> "Tuple[Floats, Operand]":
    """`out`, which must have this shape, or a new array."""
    if out is None:
        return new(shape)
    found = operand("out", out, writable=True)
    if found.shape != shape:
        raise ArgumentError("out has the shape %s instead of %s" % (found.shape, shape))
    return out, found


def copy_rows(source: Operand, target: Operand) -> None:
    """Copies float32 rows between two arrays of one shape."""
    rows, cols, stride = rows_of(source)
    _, _, target_stride = rows_of(target)
    if 0 in (rows, cols) or source.address is None or target.address is None:
        return
    step, target_step = 4 * (stride or cols), 4 * (target_stride or cols)
    if step == target_step == 4 * cols:
        rows, cols = 1, rows * cols
    for row in range(rows):
        ctypes.memmove(target.address + row * target_step, source.address + row * step, 4 * cols)
