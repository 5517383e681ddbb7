"""Entities inside an example's text, as Rasa marks them.

The readers of NLU examples and stories take their texts apart with it. Example: ``to [Ely](city)``
is the text ``to Ely`` with a ``city``; another value, a role or a group stands in braces:
``to [Ely]{"entity": "city", "value": "ely", "role": "to"}``.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from todserve.corpora.readers.rasa.rasa_types import RasaEntity
from todserve.runtime.untrusted.json_text import parse_json

_JOINER = "\u2060"
"""A word joiner, which nobody sees: between the two brackets of what is no mark."""
_WRITTEN_PLAIN = re.compile(r"\](\u2060*)(?=[({\[])")
_READ_PLAIN = re.compile(r"\](\u2060*)\u2060(?=[({\[])")
_SIMPLE = re.compile(r"[^:()\[\]{}]+")
_KEYS = frozenset({"entity", "value", "role", "group"})

Complaint = Callable[[str, str], None]
"""Told what a mark is and what was expected of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mark:
    """A mark as it stands in a text; ``more`` are its braces, None where it has parentheses."""

    start: int
    end: int
    surface: str
    entity: str = ""
    value: str = ""
    more: str | None = None


class _Next:
    """The next place of a character, found once for all that stands before it."""

    def __init__(self, text: str, character: str) -> None:
        self._text = text
        self._character = character
        self._found = -1
        self._ended = False

    def at(self, start: int) -> int:
        """Return its first place from ``start`` on; -1 where there is none."""
        if not self._ended and self._found < start:
            self._found = self._text.find(self._character, start)
            self._ended = self._found < 0
        return -1 if self._ended else self._found


def _marks(text: str) -> Iterator[_Mark]:
    """Yield the marks as Rasa's own expression finds them, in one walk over the text."""
    closing, round_end, brace_end, colon = (_Next(text, one) for one in "])}:")
    at = text.find("[")
    while at >= 0:
        end = closing.at(at + 1)
        if end < 0:
            return
        mark: _Mark | None = None
        if end > at + 1:
            surface, begun = text[at + 1 : end] if text[end + 1 : end + 2] in "({" else "", end + 2
            if text[end + 1 : end + 2] == "(":
                mark = _in_parentheses(text, at, begun, surface, round_end.at(begun), colon)
            elif text[end + 1 : end + 2] == "{" and brace_end.at(begun) > begun:
                stop = brace_end.at(begun) + 1
                more = text[end + 1 : stop]
                mark = _Mark(start=at, end=stop, surface=surface, more=more)
        if mark is not None:
            yield mark
        at = text.find("[", at + 1 if mark is None else mark.end)


def _in_parentheses(
    text: str, start: int, begun: int, surface: str, end: int, colon: _Next
) -> _Mark | None:
    """Return the mark ``(entity)`` or ``(entity:value)``; None where a part of it is empty."""
    middle = colon.at(begun)
    if end <= begun or middle == begun:
        return None
    if middle < 0 or middle > end:
        return _Mark(start=start, end=end + 1, surface=surface, entity=text[begun:end])
    if middle + 1 == end:
        return None
    entity, value = text[begun:middle], text[middle + 1 : end]
    return _Mark(start=start, end=end + 1, surface=surface, entity=entity, value=value)


def _is_open(text: str) -> bool:
    """Say whether, behind all marks, a mark begins that has no end or no name."""
    last_round, last_brace = text.rfind(")"), text.rfind("}")
    before = 0
    while (end := text.find("]", before)) >= 0:
        after = text[end + 1 : end + 3]
        if "[" in text[before:end] and (
            after in ("()", "{}")
            or (after[:1] == "(" and last_round < end)
            or (after[:1] == "{" and last_brace < end)
        ):
            return True
        before = end + 1
    return False


def read_marked(text: str, complain: Complaint) -> tuple[str, tuple[RasaEntity, ...]]:
    """Return the plain text and the entities of a marked one.

    Args:
        text: as it stands in the file.
        complain: told of every mark that cannot be read; its text stays plain.
    """
    pieces: list[str] = []
    entities: list[RasaEntity] = []
    position = length = 0
    for mark in _marks(text):
        before = _as_said(text[position : mark.start + 1])[:-1]
        surface = _as_said(mark.surface)
        start = length + len(before)
        entity = _entity(mark, surface, start, complain)
        if entity is not None:
            entities.append(entity)
        pieces += [before, surface]
        length = start + len(surface)
        position = mark.end
    rest = text[position:]
    if _is_open(rest):
        complain("an entity mark without an end or a name", "[text](entity)")
    return "".join([*pieces, _as_said(rest)]), tuple(entities)


def _as_said(text: str) -> str:
    """Return a plain text without the joiners that `quoted` put into it."""
    return _READ_PLAIN.sub(r"]\1", text) if _JOINER in text else text


def quoted(text: str) -> str:
    """Return words that Rasa reads as words: a joiner parts brackets that would be a mark.

    One more than there are already, so that `read_marked` gives back what was said.
    """
    return _WRITTEN_PLAIN.sub(rf"]\1{_JOINER}", text) if "]" in text else text


def _entity(mark: _Mark, surface: str, start: int, complain: Complaint) -> RasaEntity | None:
    end = start + len(surface)
    if mark.more is None:
        value = mark.value or surface
        return RasaEntity(entity=mark.entity, value=value, start=start, end=end)
    try:
        keys = parse_json(mark.more)
    except ValueError:
        complain("an entity mark whose braces hold no JSON", '{"entity": "name"}')
        return None
    unknown = sorted(set(keys) - _KEYS)
    if unknown or not isinstance(keys.get("entity"), str):
        complain(
            f"an entity mark with keys {', '.join(sorted(keys))}",
            "entity, and perhaps value, role and group",
        )
        return None
    role, group = keys.get("role"), keys.get("group")
    return RasaEntity(
        entity=keys["entity"],
        value=str(keys.get("value", surface)),
        role=None if role is None else str(role),
        group=None if group is None else str(group),
        start=start,
        end=end,
    )


def write_marked(text: str, entities: Sequence[RasaEntity]) -> str | None:
    """Return ``text`` with its entities marked.

    Returns:
        None when Rasa could not read it back: the text holds line ends or outer spaces or a
        bracket that is open where a mark begins, an entity has no span or overlaps another, or
        what it marks holds a bracket.
    """
    pieces: list[str] = []
    position = 0
    for one in sorted(entities, key=lambda entity: entity.start or 0):
        if one.start is None or one.end is None or not position <= one.start < one.end:
            return None
        # The mark's own bracket counts: Rasa takes `[a][b](c)` for a mark with a list.
        pieces += [
            quoted(f"{text[position : one.start]}[")[:-1],
            _mark(text[one.start : one.end], one),
        ]
        position = one.end
    marked = "".join([*pieces, quoted(text[position:])])
    complaints: list[str] = []
    back = read_marked(marked, lambda got, _: complaints.append(got))
    ordered = tuple(sorted(entities, key=lambda entity: entity.start or 0))
    whole = text.splitlines() == [text] and text.strip() == text
    return marked if whole and back == (text, ordered) and not complaints else None


def _mark(surface: str, entity: RasaEntity) -> str:
    plain = entity.value == surface and entity.role is None and entity.group is None
    if plain and _SIMPLE.fullmatch(entity.entity):
        return f"[{surface}]({entity.entity})"
    keys = {"entity": entity.entity}
    if entity.value != surface:
        keys["value"] = entity.value
    if entity.role is not None:
        keys["role"] = entity.role
    if entity.group is not None:
        keys["group"] = entity.group
    # A mark ends at the first brace, so a brace inside it is written by its number.
    inner = json.dumps(keys, ensure_ascii=False)[1:-1]
    for brace, number in (("{", "\\u007b"), ("}", "\\u007d")):
        inner = inner.replace(brace, number)
    return f"[{surface}]{{{inner}}}"
