# SPDX-License-Identifier: BSD-2-Clause
"""A model from a folder: text to tokens, tokens to words."""
from __future__ import annotations

import codecs
import ctypes
import heapq
import os
from typing import TYPE_CHECKING, Any, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from . import _abi
from ._arrays import Array, Operand, bytes_of, operand, output, rows_of, vector
from ._context import Context, handle_of, read_text
from ._errors import ArgumentError, FullError, check
from ._handles import Closable, Handle
from ._library import lib
from ._rows import softmax
from ._session import Ids, Session, ids_of

if TYPE_CHECKING:
    from ._arrays import Floats
    from ._why import Reason

_TYPES = {_abi.DECOCT_F32: "f32", _abi.DECOCT_F16: "f16", _abi.DECOCT_BF16: "bf16"}


class ModelInfo(NamedTuple):
    """What a model is; the fields are those of decoct_model_info."""

    type: str  #: "gpt2" or "openai-gpt"
    norm_order: str  #: "pre" or "post"
    layers: int
    heads: int
    d_model: int
    d_ffn: int
    context: int  #: how many tokens a text may have
    vocabulary: int  #: how many ids, and scores, there are
    parameters: int
    notes: str  #: what a user should know about the files, one per line, or ""
    space_after_words: bool  #: a token's text ends with the space behind its word
    dtype: str  #: in which the table of the tokens is stored


class Candidate(NamedTuple):
    """A token that could come next."""

    text: str  #: its text without the spaces around it
    id: int
    p: float  #: its probability


def default_model(context: Optional[Context] = None) -> str:
    """The folder of the model that comes with the library, potion."""
    handle = handle_of(context)
    return read_text(lambda *to: lib.decoct_default_model(handle, *to), handle).decode()


def find_model(name: str, context: Optional[Context] = None) -> str:
    """The folder of a model by its name: in the folders of $DECOCT_MODEL_PATH, then among the models that
    come with the library. Model(name) looks there, too. Raises FileError."""
    handle = handle_of(context)
    return read_text(lambda *to: lib.decoct_model_find(handle, os.fsencode(name), *to), handle).decode()


def sample(logits: Array, *, temperature: float = 0.8, top_k: int = 40, top_p: float = 0.0, seed: int = 1,
           position: int = 0, context: Optional[Context] = None) -> int:
    """Draws one id from logits (n). The same seed and position give the same draw on every machine.

    temperature 0: always the most probable. top_k: of the k most probable only, 0: all. top_p: of the
    smallest set that has at least this probability, 0: all."""
    shape = operand("logits", logits).shape
    found = vector("logits", logits, shape[0] if shape else 0)
    args = _abi.decoct_sample_args(struct_size=ctypes.sizeof(_abi.decoct_sample_args), top_k=top_k,
                                   temperature=temperature, top_p=top_p, seed=seed, position=position)
    drawn, handle = ctypes.c_int32(), handle_of(context)
    check(lib.decoct_sample(handle, ctypes.byref(args), found.address, found.shape[0], ctypes.byref(drawn)), handle)
    return drawn.value


_BLANK = "_ \t\n\v\f\r"  # left out at the end of a prompt: a token begins with its space


def _source(files: Mapping[str, Any]) -> Tuple[Any, Any]:
    """decoct_model_source, and what it points to."""
    held: List[Union[int, Operand]] = [value if isinstance(value, int) else bytes_of(name, value)
                                       for name, value in files.items()]
    count = len(files)
    names = (ctypes.c_char_p * count)(*[name.encode() for name in files])
    data = (ctypes.c_void_p * count)(*[None if isinstance(one, int) else one.address for one in held])
    sizes = (ctypes.c_uint64 * count)(*[0 if isinstance(one, int) else one.shape[0] for one in held])
    descriptors = (ctypes.c_int32 * count)(*[one if isinstance(one, int) else -1 for one in held])
    return _abi.decoct_model_source(
        struct_size=ctypes.sizeof(_abi.decoct_model_source), data_stays=0, name=None, count=count,
        names=ctypes.addressof(names), data=ctypes.addressof(data), sizes=ctypes.addressof(sizes),
        descriptors=ctypes.addressof(descriptors)), (held, names, data, sizes, descriptors)


class Model(Closable):
    """A GPT-2 or GPT-1 folder as it is published (docs/models.md); None: potion, which comes along.

    files: instead of a folder, the files by their names there: their bytes, or open file descriptors.
    Raises FileError, FormatError, UnsupportedError. Several threads may use one model; give each thread a
    context of its own if their calls should not take turns."""

    def __init__(self, folder: Union[str, "os.PathLike[str]", None] = None, *,
                 files: Optional[Mapping[str, Any]] = None, context: Optional[Context] = None) -> None:
        self._context = context
        pointer, handle = ctypes.c_void_p(), handle_of(context)
        if files is not None:
            if folder is not None:
                raise ArgumentError("a model has a folder or files, not both")
            self.folder = ""
            source, _keep = _source(files)
            check(lib.decoct_model_open_from(handle, ctypes.byref(source), ctypes.byref(pointer)), handle)
        else:
            self.folder = default_model(context) if folder is None else os.fspath(folder)
            check(lib.decoct_model_open(handle, os.fsencode(self.folder), ctypes.byref(pointer)), handle)
        self._handle = Handle(pointer, lib.decoct_model_close)
        self.info = self._describe()

    def _describe(self) -> ModelInfo:
        info = _abi.decoct_model_info(struct_size=ctypes.sizeof(_abi.decoct_model_info))
        handle = handle_of(self._context)
        check(lib.decoct_model_describe(handle, self._opened(), ctypes.byref(info)), handle)
        return ModelInfo(
            type=info.type.decode(), norm_order="post" if info.norm_order == _abi.DECOCT_POST_NORM else "pre",
            layers=info.layers, heads=info.heads, d_model=info.d_model, d_ffn=info.d_ffn, context=info.context,
            vocabulary=info.vocabulary, parameters=info.parameters, notes=info.notes.decode(),
            space_after_words=bool(info.space_after_words), dtype=_TYPES.get(info.dtype, str(info.dtype)))

    def encode(self, text: Union[str, bytes]) -> List[int]:
        """Text to token ids."""
        given = text.encode() if isinstance(text, str) else bytes(text)
        handle, model, count = handle_of(self._context), self._opened(), ctypes.c_int64()
        room = len(given) + 1  # a token has at least one byte, but <unk> may come for none
        while True:
            ids = (ctypes.c_int32 * room)()
            status = lib.decoct_encode(handle, model, given, len(given), ids, room, ctypes.byref(count))
            if status != _abi.DECOCT_E_FULL or count.value <= room:
                check(status, handle)
                return list(ids[: count.value])
            room = count.value

    def decode_bytes(self, ids: Ids) -> bytes:
        """Token ids to the bytes of their text; one token may be a part of a UTF-8 character."""
        found = ids_of(ids)
        handle, model, length = handle_of(self._context), self._opened(), ctypes.c_uint64()
        room = 16 * found.shape[0]
        while True:
            text = ctypes.create_string_buffer(room)
            status = lib.decoct_decode(handle, model, found.address, found.shape[0], text, room, ctypes.byref(length))
            if status != _abi.DECOCT_E_FULL or length.value <= room:
                check(status, handle)
                return text.raw[: length.value]
            room = length.value

    def decode(self, ids: Ids) -> str:
        """Token ids to text; bytes that are not UTF-8 become U+FFFD."""
        return self.decode_bytes(ids).decode(errors="replace")

    def is_end(self, token: int) -> bool:
        """Does this token end a text?"""
        return bool(lib.decoct_model_is_end(self._opened(), token))

    def session(self, max_tokens: int = 0) -> Session:
        """A running text of at most max_tokens tokens; 0: the model's context."""
        return Session(self, max_tokens, context=self._context)

    def _prompt(self, text: str) -> List[int]:
        ids = self.encode(text.rstrip(_BLANK))
        if not ids:
            raise ArgumentError("the text is empty")
        if len(ids) > self.info.context:
            raise FullError("the text has %d tokens, and this model can look at %d at once"
                            % (len(ids), self.info.context))
        return ids

    def probabilities(self, text: str) -> "Floats":
        """The probability of each token to come next, (vocabulary)."""
        ids = self._prompt(text)
        with self.session(len(ids)) as session:
            logits = session.eval(ids)
        return softmax(logits, out=logits, context=self._context)

    def predict(self, text: str, top: int = 10) -> List[Candidate]:
        """The most probable tokens after a text, the most probable first. Spaces and a blank ____ at the
        end of the text are left out, as `decoct next` does."""
        return self.top(self.probabilities(text), top)

    def top(self, probabilities: "Floats", count: int) -> List[Candidate]:
        """The most probable tokens of (vocabulary) probabilities; ties go to the smaller id."""
        values = probabilities.tolist()
        order = heapq.nsmallest(count, range(len(values)), key=lambda token: -float(values[token]))
        return [Candidate(self.decode([i]).strip(" "), i, values[i]) for i in order]

    def next(self, text: str) -> str:
        """The most probable next word, or its first token if it has several."""
        return self.predict(text, 1)[0].text

    def stream(self, text: str, max_tokens: int = 40, *, temperature: float = 0.8, top_k: int = 40,
               top_p: float = 0.0, seed: int = 1) -> Iterator[str]:
        """Continues a text and yields each piece as it is drawn, in whole characters.

        It ends after max_tokens tokens, where the model ends the text, or where its context is full. The
        same seed gives the same text on every machine, and that of `decoct generate`; the other arguments
        are those of sample()."""
        ids = self._prompt(text)
        count = min(max_tokens, self.info.context - len(ids) + 1)  # the last one drawn is not fed
        characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
        with self.session(max(len(ids), len(ids) + count - 1)) as session:
            for position in range(count):
                token = sample(session.eval(ids), temperature=temperature, top_k=top_k, top_p=top_p, seed=seed,
                               position=position, context=self._context)
                if self.is_end(token):
                    break
                ids = [token]
                piece = characters.decode(self.decode_bytes(ids))
                if piece:
                    yield piece
        rest = characters.decode(b"", final=True)
        if rest:
            yield rest

    def generate(self, text: str, max_tokens: int = 40, *, temperature: float = 0.8, top_k: int = 40,
                 top_p: float = 0.0, seed: int = 1) -> str:
        """How the text continues, without the text itself: all pieces of stream()."""
        return "".join(self.stream(text, max_tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed))

    def why(self, text: str) -> "List[Reason]":
        """Which words mattered for the next word: each word but the last is hidden from all words after
        it, and the answers are compared. The largest effect comes first; `decoct why` does the same."""
        from ._why import reasons

        return reasons(self, self._prompt(text))

    def logits(self, x: Array, *, out: Optional[Array] = None) -> "Floats":
        """The scores that the last steps of the model give for the residual stream of any layer (logit
        lens). x (rows, d_model) -> (rows, vocabulary)."""
        source = operand("x", x)
        rows, cols, stride = rows_of(source)
        if len(source.shape) != 2 or cols != self.info.d_model:
            raise ArgumentError("x has the shape %s instead of (rows, %d)" % (source.shape, self.info.d_model))
        result, target = output(out, (rows, self.info.vocabulary))
        handle = handle_of(self._context)
        check(lib.decoct_model_logits(handle, self._opened(), rows, source.address, stride, target.address,
                                      rows_of(target)[2]), handle)
        return result
