# SPDX-License-Identifier: BSD-2-Clause
"""Reads a DLPack capsule, so that tensors of PyTorch, JAX and others are used in place."""
from __future__ import annotations

import ctypes
from typing import Any, Optional, Tuple

from ._errors import ArgumentError

CPU_DEVICES = 1, 3  # kDLCPU, kDLCUDAHost
_TYPES = {(2, 32): "f32", (2, 16): "f16", (4, 16): "bf16", (2, 64): "f64", (0, 32): "i32", (0, 64): "i64",
          (1, 16): "u16", (6, 8): "bool"}


class _Tensor(ctypes.Structure):  # DLTensor, the first member of DLManagedTensor
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
                ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_capsule_pointer.restype = ctypes.c_void_p


def is_dlpack(value: Any) -> bool:
    return hasattr(value, "__dlpack__") and hasattr(value, "__dlpack_device__")


def read_dlpack(name: str, value: Any) -> Tuple[Optional[int], Tuple[int, ...], Tuple[int, ...], str, bool, Any]:
    """(address, shape, strides in elements, type, writable, what to keep). The capsule is not
    consumed: it gives the memory back when it is collected."""
    device = int(value.__dlpack_device__()[0])
    if device not in CPU_DEVICES:
        raise ArgumentError("%s is on a device (DLPack type %d): move it to the CPU first" % (name, device))
    capsule = value.__dlpack__()
    address = _capsule_pointer(capsule, b"dltensor")
    assert address is not None  # PyCapsule_GetPointer raises
    tensor = _Tensor.from_address(address)
    shape = tuple(tensor.shape[: tensor.ndim])
    if tensor.strides:
        strides = tuple(tensor.strides[: tensor.ndim])
    else:
        steps = [1]
        for count in reversed(shape[1:]):
            steps.append(steps[-1] * count)
        strides = tuple(reversed(steps)) if shape else ()
    kind = _TYPES.get((tensor.code, tensor.bits)) if tensor.lanes == 1 else None
    kind = kind or "DLPack (%d, %d, %d)" % (tensor.code, tensor.bits, tensor.lanes)
    data = None if tensor.data is None else tensor.data + tensor.byte_offset
    return data, shape, strides, kind, True, capsule
