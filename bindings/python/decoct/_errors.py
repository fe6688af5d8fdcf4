# SPDX-License-Identifier: BSD-2-Clause
"""A status of the library becomes an exception with the library's message."""
from __future__ import annotations

from typing import Any

from . import _abi
from ._library import lib


class Error(Exception):
    """A call of the library failed. The text is the library's message."""

    status: int = 0  #: the library's number, negative

    @property
    def name(self) -> str:
        """The status as decoct.h names it, "DECOCT_E_ARGUMENT"."""
        name: bytes = lib.decoct_status_name(self.status)
        return name.decode()


class ArgumentError(Error, ValueError):
    """An argument is out of range, or shapes do not fit together."""

    status = _abi.DECOCT_E_ARGUMENT


class OutOfMemoryError(Error, MemoryError):
    """Out of memory."""

    status = _abi.DECOCT_E_MEMORY


class UnsupportedError(Error, NotImplementedError):
    """This CPU, this build, or this library does not support it."""

    status = _abi.DECOCT_E_UNSUPPORTED


class FileError(Error, OSError):
    """A file cannot be read."""

    status = _abi.DECOCT_E_IO


class FormatError(Error, ValueError):
    """A file has an invalid format."""

    status = _abi.DECOCT_E_FORMAT


class FullError(Error):
    """A session or a cache has no room for more tokens."""

    status = _abi.DECOCT_E_FULL


class BusyError(Error):
    """The context is in use by another call."""

    status = _abi.DECOCT_E_BUSY


class RefusedError(Error, OSError):
    """The operating system refused, such as a new thread."""

    status = _abi.DECOCT_E_SYSTEM


class CancelledError(Error):
    """The progress function of the context cancelled the call."""

    status = _abi.DECOCT_E_CANCELLED


_CLASSES = {kind.status: kind for kind in Error.__subclasses__()}


def error_of(status: int, context: Any) -> Error:
    """The exception for a status. context: a handle, or None."""
    message = lib.decoct_last_error(context).decode(errors="replace")
    error = _CLASSES.get(status, Error)(message or lib.decoct_status_string(status).decode())
    error.status = status
    return error


def check(status: int, context: Any) -> None:
    """Raises if a call failed. context: the handle of the call's context."""
    if status or context.raised:
        cause = context.raised.pop() if context.raised else None
        own = status in (_abi.DECOCT_OK, _abi.DECOCT_E_CANCELLED) or not isinstance(cause, Exception)
        if cause is not None and own:
            raise cause  # of the progress function, or such as KeyboardInterrupt
        raise error_of(status, context) from cause
