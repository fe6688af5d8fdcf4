# SPDX-License-Identifier: BSD-2-Clause
"""Finds libdecoct, loads it, and gives its functions their types."""
from __future__ import annotations

import ctypes
import os

from . import _abi

NATIVE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_native")


def _load() -> ctypes.CDLL:
    """$DECOCT_LIBRARY, else the library inside this package, else the system's."""
    named = os.environ.get("DECOCT_LIBRARY")
    if named:
        return ctypes.CDLL(named)
    order = os.path.join(NATIVE, "load.txt")
    if not os.path.exists(order):
        return ctypes.CDLL("libdecoct.so.0")
    # One path a line, each after those that it needs: what is loaded already is not searched for on
    # the system. The last one is libdecoct.
    with open(order, encoding="utf-8") as file:
        libraries = [ctypes.CDLL(os.path.join(NATIVE, line)) for line in file.read().splitlines()]
    return libraries[-1]


def _open() -> ctypes.CDLL:
    try:
        library = _load()
    except OSError as error:
        raise ImportError(
            "decoct cannot load its library: %s. Install Decoct (meson install), or set DECOCT_LIBRARY "
            "to the path of libdecoct.so.0, or LD_LIBRARY_PATH to its folder" % error) from error
    for name, (result, arguments) in _abi.FUNCTIONS.items():
        function = getattr(library, name, None)  # an older library may lack it
        if function is not None:
            function.restype, function.argtypes = result, arguments
    return library


lib = _open()
