"""Clauses: cuts a reply into pieces each of which claims one thing, or asks.

The rules, the repairs and lexicalisation look at a reply clause by clause: whether a value must be
one entity's or everybody's depends on what its clause speaks of. Example: "i have [value_choice]
cheap places. one of them is [value_name] , would you like it?" is a clause of ALL, one of ONE and
one that asks.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from todserve.runtime.language.formats import placeholders
from todserve.runtime.reply.reply_style import ReplyStyle

_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_COUNT = "[value_choice]"


class Subject(StrEnum):
    """Which entities a clause speaks of: the one at hand, all that were found, some, or none."""

    ONE = "one"
    """The entity at hand, or the booking."""
    ALL = "all"
    """Everything that the look-up found."""
    SOME = "some"
    """A part of it, counted or not."""
    NOTHING = "nothing"
    """It claims that there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """A piece of a reply that claims one thing, or asks.

    Attributes:
        text: with placeholders, lower case.
        asks: whether it asks, offers or sets a condition, and so claims nothing.
        subject: what it speaks of.
        first: place of its first placeholder among the reply's.
        slots: its placeholders' slots, in order.
        counted: a number of matches it says in words of its own; None without one.
    """

    text: str
    asks: bool
    subject: Subject
    first: int
    slots: tuple[str, ...]
    counted: str | None = None


def clauses_of(delexicalised: str, style: ReplyStyle) -> tuple[Clause, ...]:
    """Return the clauses of a reply, in order."""
    found: list[Clause] = []
    first, counts = 0, 0
    for text, asks in _pieces(delexicalised, style):
        slots = placeholders(text)
        counted = style.patterns["counted"].search(text)
        found.append(
            Clause(
                text=text.lower(),
                asks=asks,
                subject=_subject(text.lower(), asks, counts, style),
                first=first,
                slots=slots,
                counted=counted[1] if counted and not asks else None,
            )
        )
        first += len(slots)
        counts += slots.count("choice")
    return tuple(found)


def _subject(text: str, asks: bool, counts: int, style: ReplyStyle) -> Subject:
    patterns = style.patterns
    if not asks and (patterns["none"].search(text) or patterns["refused"].search(text)):
        return Subject.NOTHING
    if _COUNT in text:
        return Subject.SOME if counts else Subject.ALL
    if patterns["counted"].search(text) or patterns["all"].search(text):
        return Subject.ALL
    if patterns["some"].search(text) and not style.names_one(text):
        return Subject.SOME
    return Subject.ONE


def _pieces(text: str, style: ReplyStyle) -> list[tuple[str, bool]]:
    pieces: list[tuple[str, bool]] = []
    for sentence in _SENTENCE.split(text):
        starts = style.patterns["asks"].search(sentence.lower())
        if starts is None:
            asks = sentence.rstrip().endswith(("?", "？"))
            pieces += [(piece, asks) for piece in _claims(sentence, style)]
            continue
        at = starts.start()
        pieces += [(piece, False) for piece in _claims(sentence[:at], style)]
        pieces.append((sentence[at:], True))
    return [piece for piece in pieces if piece[0].strip(" ,.")]


def _claims(sentence: str, style: ReplyStyle) -> list[str]:
    """Split a sentence where it begins to speak of something else."""
    found: list[str] = []
    for piece in style.patterns["but"].split(sentence):
        begin, counted = 0, False
        for match in re.finditer(r"\[value_(\w+)\]", piece):
            is_count, is_key = match[1] == "choice", match[1] in style.slots.keys
            # "[value_choice] in the north and [value_choice] in the south", "..., the [value_name]"
            if counted and (is_count or is_key):
                found.append(piece[begin : match.start()])
                begin = match.start()
            counted = is_count or (counted and not is_key)
        found.append(piece[begin:])
    return found
