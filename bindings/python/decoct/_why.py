# SPDX-License-Identifier: BSD-2-Clause
"""Which words of a text mattered for the next one, as `decoct why` finds them."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, List, NamedTuple, Tuple

from ._rows import softmax

if TYPE_CHECKING:
    from ._arrays import Floats
    from ._model import Candidate, Model
    from ._session import Session


class Reason(NamedTuple):
    """What the answer is without one word."""

    word: str
    number: int  #: of the word in the text, from 1
    effect: float  #: 0: the same answer; 100: an answer that has nothing in common with it
    answer: "Candidate"  #: the most probable token without the word


def _is_word(byte: int) -> bool:
    return byte >= 128 or byte == ord("'") or bytes((byte,)).isalnum()


def _continues(end: int, begin: int) -> bool:
    """Does a token that begins with one byte continue the word that ended with the other?"""
    spaces = b" \t\n\v\f\r"
    return end not in spaces and begin not in spaces and _is_word(end) == _is_word(begin)


def words_of(model: "Model", ids: List[int]) -> List[Tuple[str, int, int]]:
    """(text, first token, end) of each word of a text."""
    words: List[Tuple[bytes, int, int]] = []
    for place, token in enumerate(ids):
        text = model.decode_bytes([token])
        last = words[-1] if words else None
        joins = last is not None and (not text or not last[0].strip(b" ") or _continues(last[0][-1], text[0]))
        if last is not None and joins:
            words[-1] = (last[0] + text, last[1], place + 1)
        else:
            words.append((text, place, place + 1))
    return [(text.decode(errors="replace").strip(" "), first, end) for text, first, end in words]


def _answer(model: "Model", session: "Session", ids: List[int]) -> "Floats":
    logits = session.eval(ids[len(session):])
    return softmax(logits, out=logits, context=model._context)


def _difference(a: Any, b: Any) -> float:
    return min(100.0, 50.0 * math.fsum(abs(x - y) for x, y in zip(a.tolist(), b.tolist())))


def reasons(model: "Model", ids: List[int]) -> "List[Reason]":
    """From the last word to the first: what the session holds before the hidden word stays the same."""
    found: List[Reason] = []
    with model.session(len(ids)) as session:
        answer = _answer(model, session, ids)
        for number, (word, first, end) in reversed(list(enumerate(words_of(model, ids)[:-1], 1))):
            session.truncate(end)
            session.uncut()
            for key in range(first, end):
                for query in range(end, len(ids)):
                    session.cut(query, key)
            without = _answer(model, session, ids)
            found.append(Reason(word, number, _difference(answer, without), model.top(without, 1)[0]))
    return sorted(found, key=lambda reason: (-reason.effect, reason.number))
