# SPDX-License-Identifier: BSD-2-Clause
"""Contexts: kernels, worker threads, and what they report about this machine."""
from __future__ import annotations

import concurrent.futures
import ctypes
import json
import threading
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from . import _abi
from ._errors import check, error_of
from ._handles import Closable, Handle
from ._library import lib

_PROGRESS = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
_TASK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
_PARALLEL_FOR = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


class Backend(NamedTuple):
    """One backend of this machine; the fields are those of decoct_backend_info."""

    name: str
    chosen: bool  #: serves at least one kernel of this context
    usable: bool  #: could run here
    forced: bool  #: asked for by name
    priority: int  #: the larger wins
    version: str
    origin: str  #: "built in", or the plugin's file
    reason: str  #: why it was chosen or not
    rejected: str  #: its rejected kernels with the reason, or ""
    rejected_count: int
    other_bits: bool  #: gives other bits than the definition; serves only where asked for by name


class Memory(NamedTuple):
    """Memory of a context, in bytes."""

    used: int  #: now
    most: int  #: the most so far


def _encoded(text: Optional[str]) -> Optional[bytes]:
    return None if text is None else text.encode()


def _run_on(executor: concurrent.futures.Executor, raised: List[BaseException]) -> Any:
    """A parallel_for that gives the pieces to an executor. If it cannot, the exception becomes the cause
    of the call's error: the library notices a piece that was not run."""

    def parallel_for(_host: int, task: int, data: int, count: int) -> None:
        run = _TASK(task)
        futures = []
        try:
            for index in range(count):
                futures.append(executor.submit(run, data, index))
        except BaseException as error:  # not through C
            raised[:] = [error]
        while not all(future.done() for future in futures):  # also after an interrupt
            try:
                concurrent.futures.wait(futures)
            except BaseException as error:
                raised[:] = [error]

    return _PARALLEL_FOR(parallel_for)


def _report_to(progress: Callable[[int, int], Any], raised: List[BaseException]) -> Any:
    def called(_host: int, done: int, total: int) -> int:
        try:
            return int(bool(progress(done, total)))
        except BaseException as error:  # not through C
            raised[:] = [error]
            return 1

    return _PROGRESS(called)


def _address(callback: Any) -> Any:
    return ctypes.cast(callback, ctypes.c_void_p) if callback else None


class Context(Closable):
    """Chosen kernels, worker threads and scratch memory.

    threads: how many threads work; 0: one for each CPU that this process may use.
    backend: force one by name ("scalar", "avx2", ...); None: $DECOCT_BACKEND, else the best.
    pin: None, "compact", "spread", "core", "l3", "numa", "kind:performance", "kind:efficiency", or a
        list of CPUs, "0,2-5".
    executor: work runs in this executor's threads instead of threads of the library. Do not call from
        inside one of its own tasks: all its threads could then wait for each other.
    progress: called as progress(done, total) again and again while a long call works, on its thread; if it
        returns True the call ends with CancelledError, if it raises, with that exception (so Ctrl-C
        ends a long call). progress_work: multiply-adds of a thread between two calls of it, 0: 2^24.
    wait: calls of several threads take turns; False: the second one raises BusyError.
    memory_limit: bytes of the library's memory for this context and all that is made with it; what does not
        fit raises OutOfMemoryError. 0: no limit.
    strict_backend: opening fails if a kernel of the backend that was asked for is rejected.
    hwloc_environment: let hwloc follow HWLOC_ variables of the environment.

    Raises ArgumentError, UnsupportedError, OutOfMemoryError or RefusedError.
    """

    def __init__(self, threads: int = 0, *, backend: Optional[str] = None, pin: Optional[str] = None,
                 executor: Optional[concurrent.futures.Executor] = None, wait: bool = True,
                 progress: Optional[Callable[[int, int], Any]] = None, progress_work: int = 0,
                 memory_limit: int = 0, strict_backend: bool = False, hwloc_environment: bool = False) -> None:
        raised: List[BaseException] = []
        callback = None if executor is None else _run_on(executor, raised)
        report = None if progress is None else _report_to(progress, raised)
        options = _abi.decoct_options(
            struct_size=ctypes.sizeof(_abi.decoct_options), threads=threads, backend=_encoded(backend),
            pin=_encoded(pin), parallel_for=_address(callback), progress=_address(report), progress_work=progress_work,
            wait=wait, strict_backend=strict_backend, hwloc_environment=hwloc_environment, memory_limit=memory_limit)
        pointer = ctypes.c_void_p()
        status = lib.decoct_context_open(ctypes.byref(options), ctypes.byref(pointer))
        if status:
            raise error_of(status, None)
        self._handle = Handle(pointer, lib.decoct_context_close, (callback, report), raised)

    @property
    def threads(self) -> int:
        """How many threads work for this context."""
        return int(lib.decoct_context_threads(self._opened()))

    def set_threads(self, threads: int) -> None:
        """From now on `threads` threads work for this context; 0: one for each CPU that may be used. The
        results have the same bits."""
        handle = self._opened()
        check(lib.decoct_context_set_threads(handle, threads), handle)

    @property
    def backend(self) -> str:
        """The backend that serves matmul, such as "avx2"."""
        name: bytes = lib.decoct_context_backend(self._opened())
        return name.decode()

    def kernel(self, name: str) -> Optional[str]:
        """Which backend serves a kernel: "matmul", "matmul_f16", "matmul_bf16", "attention", or an
        operation on rows by its name; None if there is no such kernel."""
        found: Optional[bytes] = lib.decoct_context_kernel(self._opened(), name.encode())
        return None if found is None else found.decode()

    def backends(self) -> List[Backend]:
        """All backends that were found, and why each was chosen or not."""
        handle = self._opened()
        return [self._describe(handle, index) for index in range(lib.decoct_backend_count(handle))]

    @staticmethod
    def _describe(handle: Handle, index: int) -> Backend:
        info = _abi.decoct_backend_info(struct_size=ctypes.sizeof(_abi.decoct_backend_info))
        check(lib.decoct_backend_describe(handle, index, ctypes.byref(info)), handle)
        texts = {name: getattr(info, name).decode() for name in ("name", "version", "origin", "reason", "rejected")}
        return Backend(chosen=bool(info.chosen), usable=bool(info.usable), forced=bool(info.forced),
                       priority=info.priority, rejected_count=info.rejected_count,
                       other_bits=bool(info.other_bits), **texts)

    def memory(self) -> Memory:
        """Bytes of the library's memory for this context and all that was made with it."""
        most = ctypes.c_int64()
        return Memory(int(lib.decoct_context_memory(self._opened(), ctypes.byref(most))), most.value)

    def machine(self) -> Dict[str, Any]:
        """CPU, features, topology, quota and backends of this machine."""
        handle = self._opened()
        text = read_text(lambda buffer, size, length: lib.decoct_machine_json(handle, buffer, size, length), handle)
        described: Dict[str, Any] = json.loads(text)
        return described

    def worker_cpu(self, index: int) -> int:
        """The CPU on which worker `index` was seen last; -1 if it has not run yet."""
        return int(lib.decoct_worker_cpu(self._opened(), index))

    def worker_bound(self, index: int) -> int:
        """The CPU to which worker `index` is bound; -1 if it is not bound."""
        return int(lib.decoct_worker_bound(self._opened(), index))


def read_text(call: Any, handle: Handle) -> bytes:
    """A text of unknown length: call(buffer, size, length) gives the length first, then the text."""
    length = ctypes.c_uint64()
    check(call(None, 0, ctypes.byref(length)), handle)
    while True:
        buffer = ctypes.create_string_buffer(length.value + 1)
        check(call(buffer, len(buffer), ctypes.byref(length)), handle)
        if length.value < len(buffer):
            return buffer.value


_default: Optional[Context] = None
_lock = threading.Lock()


def default_context() -> Context:
    """The context of all calls that name none: opened at the first one, with the defaults. Several
    threads may use it; their calls take turns, and each call has all threads."""
    global _default
    with _lock:
        if _default is None or _default.closed:
            _default = Context()
        return _default


def handle_of(context: Optional[Context]) -> Handle:
    """The handle of a call's context; None: the default one."""
    return (default_context() if context is None else context)._opened()
