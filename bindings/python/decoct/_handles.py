# SPDX-License-Identifier: BSD-2-Clause
"""Lifetimes: a handle of the library is freed when no reference to it is left."""
from __future__ import annotations

import ctypes
from types import TracebackType
from typing import Any, Callable, List, Optional, Type, TypeVar

Self = TypeVar("Self", bound="Closable")


class Handle:
    """One handle of the library. ctypes passes it on as an address and holds a reference during
    the call, so close() in another thread never frees what a call uses."""

    __slots__ = ("_as_parameter_", "_free", "keep", "raised")

    def __init__(self, pointer: ctypes.c_void_p, free: Callable[[ctypes.c_void_p], None],
                 keep: Any = None, raised: Optional[List[BaseException]] = None) -> None:
        self._as_parameter_ = pointer
        self._free = free
        self.keep = keep  # must live as long, such as a callback
        self.raised = [] if raised is None else raised  # by callbacks, during a call

    @property
    def address(self) -> Optional[int]:
        return self._as_parameter_.value

    def __del__(self) -> None:
        self._free(self._as_parameter_)


class Closable:
    """What has a handle: close() or the end of a with block lets go of it; so does the garbage
    collector. A call that runs in another thread finishes first."""

    _handle: Optional[Handle] = None

    def _opened(self) -> Handle:
        handle = self._handle
        if handle is None:
            raise ValueError("this %s is closed" % type(self).__name__)
        return handle

    @property
    def closed(self) -> bool:
        """True after close()."""
        return self._handle is None

    def close(self) -> None:
        """Lets go of the library's object. Closing twice is fine; using it later is a ValueError."""
        self._handle = None

    def __enter__(self: Self) -> Self:
        self._opened()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()
