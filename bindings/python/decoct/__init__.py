# SPDX-License-Identifier: BSD-2-Clause
"""GPT decoder blocks on the CPU, the same bits on every backend.

    import decoct
    out = decoct.attention(q, k, v, causal=True)    # q (heads, q_len, head_dim), k and v alike
    decoct.Model().next("Sarah lies still on the bed, feeling")

Arrays are float32 of NumPy, of anything with the buffer protocol or DLPack, or lists; results are NumPy
arrays (memoryviews where NumPy is missing). Calls release the GIL. Failures are exceptions: decoct.Error.
"""
from __future__ import annotations

from ._arrays import empty
from ._attention import attention
from ._block import Block, Cache
from ._context import Backend, Context, Memory, default_context
from ._errors import (ArgumentError, BusyError, CancelledError, Error, FileError, FormatError, FullError, OutOfMemoryError,
                      RefusedError, UnsupportedError)
from ._library import lib as _lib
from ._model import Candidate, Model, ModelInfo, default_model, find_model, sample
from ._products import Weights, matmul
from ._rows import (add, axpby, bias, embedding, gelu, layer_norm, log_softmax, rms_norm, rotary, rotary_angles,
                    silu, softmax)
from ._session import Session, Step, TraceStep
from ._why import Reason


def _version_text(number: int) -> str:
    return "%d.%d.%d" % (number >> 16, number >> 8 & 255, number & 255)


#: The version of the library that was loaded.
__version__ = _version_text(_lib.decoct_version())

#: The version of the arithmetic: libraries with the same number give the same bits.
arithmetic_version: int = _lib.decoct_arithmetic_version()

__all__ = [
    "ArgumentError", "Backend", "Block", "BusyError", "Cache", "CancelledError", "Candidate", "Context", "Error", "FileError",
    "FormatError", "FullError", "Memory", "Model", "ModelInfo", "OutOfMemoryError", "Reason", "RefusedError", "Session", "Step",
    "TraceStep", "UnsupportedError", "Weights", "add", "arithmetic_version", "attention", "axpby", "bias",
    "default_context", "default_model", "embedding", "empty", "find_model", "gelu", "layer_norm", "log_softmax", "matmul", "rms_norm",
    "rotary", "rotary_angles", "sample", "silu", "softmax",
]
