# SPDX-License-Identifier: BSD-2-Clause
"""A session: one running text on a model, token by token."""
from __future__ import annotations

import array
import ctypes
from typing import TYPE_CHECKING, Any, Callable, List, NamedTuple, Optional, Sequence, Union

from . import _abi
from ._arrays import Array, Operand, new, operand, vector
from ._context import Context, handle_of
from ._errors import check
from ._handles import Closable, Handle
from ._library import lib

if TYPE_CHECKING:
    from ._arrays import Floats
    from ._model import Model

Ids = Union[Sequence[int], Array]


class Step(NamedTuple):
    """What one step of a model did while profile(True) was on."""

    layer: int  #: -1: before the first block or after the last one
    name: str  #: "q k v projection"
    calls: int
    seconds: float
    flops: float  #: of matrix products and attention; other steps count 0
    bytes: float  #: size of the operands of each call and of its results


class TraceStep(NamedTuple):
    """What one step of a model wrote."""

    step: int  #: its place in steps()
    layer: int  #: -1: before the first block or after the last one
    name: str  #: "attention"
    first: int  #: position of the first row
    values: "Floats"  #: (rows, cols), a copy


_TRACE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(_abi.decoct_trace_step))


def ids_of(ids: Ids) -> Operand:
    """Token ids as contiguous int32."""
    found = ids if not isinstance(ids, (list, tuple)) else array.array("i", ids)
    shape = operand("ids", found, ("i32",)).shape
    return vector("ids", found, shape[0] if shape else 0, "i32")


def _copied(step: Any) -> TraceStep:
    values, target = new((step.rows, step.cols))
    for row in range(step.rows if step.cols else 0):
        ctypes.memmove((target.address or 0) + 4 * step.cols * row, step.values + 4 * step.stride * row, 4 * step.cols)
    return TraceStep(step.index, step.layer, step.name.decode(), step.first, values)


class Session(Closable):
    """One running text; len() is how many tokens it has seen. Made by Model.session()."""

    def __init__(self, model: "Model", max_tokens: int = 0, *, context: Optional[Context] = None) -> None:
        self._context = context
        self._raised: Optional[BaseException] = None
        self._vocabulary = model.info.vocabulary
        pointer, handle = ctypes.c_void_p(), handle_of(context)
        check(lib.decoct_session_create(handle, model._opened(), max_tokens, ctypes.byref(pointer)), handle)
        self._handle = Handle(pointer, lib.decoct_session_destroy)

    def _call(self, function: Callable[..., int], *arguments: Any) -> None:
        handle = handle_of(self._context)
        check(function(handle, self._opened(), *arguments), handle)

    def __len__(self) -> int:
        return int(lib.decoct_session_length(self._opened()))

    def eval(self, ids: Ids, *, all: bool = False) -> "Floats":
        """Feeds tokens. Returns the scores of the token that follows the last one, (vocabulary), or with
        all=True of each position, (count, vocabulary). Raises FullError if there is no room."""
        found = ids_of(ids)
        logits, target = new((found.shape[0], self._vocabulary) if all else (self._vocabulary,))
        self._eval(found, all, target.address)
        return logits

    def feed(self, ids: Ids) -> None:
        """Feeds tokens without asking for scores."""
        self._eval(ids_of(ids), False, None)

    def _eval(self, ids: Operand, all: bool, logits: Optional[int]) -> None:
        try:
            self._call(lib.decoct_session_eval, ids.address, ids.shape[0], all, logits)
        finally:
            raised, self._raised = self._raised, None
        if raised is not None:
            raise raised

    def truncate(self, length: int) -> None:
        """Forgets all tokens from length on."""
        self._call(lib.decoct_session_truncate, length)

    def cut(self, query: int, key: int, *, layer: int = -1, head: int = -1) -> None:
        """Hides position key from position query for tokens fed from now on; -1: in all layers, or heads."""
        self._call(lib.decoct_session_cut_in, layer, head, query, key)

    def uncut(self) -> None:
        """Forgets all cuts, for tokens fed from now on."""
        self._call(lib.decoct_session_uncut)

    def causal(self, on: bool) -> None:
        """Switches the causal mask of a session without tokens off or on."""
        self._call(lib.decoct_session_causal, on)

    def positions(self, on: bool) -> None:
        """Switches the positions of a session without tokens off or on."""
        self._call(lib.decoct_session_positions, on)

    def keep_queries(self) -> None:
        """Makes a session without tokens keep its queries, for attention()."""
        self._call(lib.decoct_session_keep_queries)

    def attention(self, layer: int, head: int) -> "Floats":
        """The attention weights of one layer and head over all tokens seen, (length, length). Only after
        keep_queries()."""
        length = len(self)
        weights, target = new((length, length))
        self._call(lib.decoct_session_attention, layer, head, target.address)
        return weights

    def profile(self, on: bool = True) -> None:
        """Starts, from 0, or stops the timing of steps()."""
        self._call(lib.decoct_session_profile, on)

    def steps(self) -> List[Step]:
        """All steps of the model in the order in which they run, with their times."""
        found, info = [], _abi.decoct_step_info(struct_size=ctypes.sizeof(_abi.decoct_step_info))
        for index in range(lib.decoct_session_step_count(self._opened())):
            self._call(lib.decoct_session_step, index, ctypes.byref(info))
            found.append(Step(info.layer, info.name.decode(), info.calls, info.seconds, info.flops, info.bytes))
        return found

    def idle(self, worker: int) -> float:
        """Seconds of the timed steps in which a thread (0 is the caller's) had nothing to do."""
        seconds = ctypes.c_double()
        self._call(lib.decoct_session_idle, worker, ctypes.byref(seconds))
        return seconds.value

    def trace(self, function: Optional[Callable[[TraceStep], None]]) -> None:
        """Calls function after each step of later eval() and feed() calls, with what it wrote; None ends
        this. It runs inside the call: it cannot use the session or its context. An exception in it is
        raised by eval() after the call."""

        def called(_user: Any, step: Any) -> None:
            try:
                if function is not None and self._raised is None:
                    function(_copied(step.contents))
            except BaseException as error:  # not through C
                self._raised = error

        callback = None if function is None else _TRACE(called)
        self._call(lib.decoct_session_trace, ctypes.cast(callback, ctypes.c_void_p) if callback else None, None)
        self._opened().keep = callback
