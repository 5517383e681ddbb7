"""TurnEvents: the parts in which a server sends an answer to a client that asks for a stream.

First comes what was understood and looked up, while the reply is still being written; then the
reply in pieces, and the whole turn as a plain answer gives it. A reply is held against the look-up
before any of it is told, so its pieces come one right after the other: no word is ever taken back.
Example: ``[one.text for one in pieces("To Ely.")]`` is ``["To ", "Ely."]``.

An endpoint that is asked for ``application/x-ndjson`` answers with two lines: what was understood,
a turn whose ``dialogue_act`` and ``response`` are null, and the whole turn.
"""

import re
from dataclasses import dataclass

from todserve.runtime.wire.response import TurnResponse

IN_LINES = "application/x-ndjson"
"""The content type of an answer in two lines, and what a request's ``Accept`` asks for it with."""

_PIECE = re.compile(r"\s*\S+\s*|\s+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Understood:
    """What is known of a turn before its reply; acts and reply are null."""

    turn: TurnResponse


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A piece of the reply; put together they are its text."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """The turn as a plain answer gives it."""

    turn: TurnResponse


TurnEvent = Understood | Piece | Whole


def understood_of(turn: TurnResponse) -> Understood:
    """Return what was understood of a turn, without what came after."""
    unknown: dict[str, object] = dict.fromkeys(("dialogue_act", "response", "consistent"))
    return Understood(turn=turn.model_copy(update=unknown | {"timing_ms": {}}))


def pieces(text: str) -> tuple[Piece, ...]:
    """Return a reply word by word."""
    return tuple(Piece(text=one) for one in _PIECE.findall(text))
