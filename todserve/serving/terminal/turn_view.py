"""TurnView: one answered turn as lines of text, what changed marked.

Stands behind the client; the demo and the chat print it.
Example line: ``  state       restaurant: + food chinese (0.98)  area centre``.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from todserve.runtime.console import one_line
from todserve.runtime.wire.response import SlotPrediction, TurnResponse

_MARKS = {"new": "+", "changed": "~", "same": " ", "withdrawn": "-"}
_COLOURS = {"new": "32", "changed": "33", "withdrawn": "31", "label": "2", "speech": "1"}

State = Mapping[str, Mapping[str, SlotPrediction]]


def wants_colour(stream: TextIO) -> bool:
    """Return whether ``stream`` is a terminal whose user has not refused colours."""
    return stream.isatty() and "NO_COLOR" not in os.environ


@dataclass(frozen=True, kw_only=True)
class TurnView:
    """How a turn is shown.

    Attributes:
        colour: whether to use ANSI colours.
    """

    colour: bool = False

    def lines(self, answer: TurnResponse, *, before: State) -> Iterator[str]:
        """Yield a turn's lines, top to bottom; ``before`` is the belief state before it."""
        if answer.read_as is not None:
            changes = (f"{one.typed} -> {one.read}" for one in answer.read_as.changes)
            yield self.plain("read as", ", ".join(changes))
        if answer.intent is not None:
            yield self.plain("intent", answer.intent.name + _sure(answer.intent.confidence))
        if answer.belief_state is not None:
            yield from self.state_lines(answer.belief_state, before=before)
        if answer.domain is not None:
            switched = "switched, " if answer.domain.switched else ""
            yield self.plain(
                "domain", f"{answer.domain.active or 'none'} ({switched}{answer.domain.reason})"
            )
        if answer.database is not None:
            yield self.plain("database", _matches(answer))
        if answer.dialogue_act is not None:
            yield self.plain("acts", _acts(answer) or "none")
        for task, pieces in answer.unparsed.items():
            if pieces:
                yield self.plain("unparsed", f"{task}: {' | '.join(pieces)}")
        if answer.consistent is False:
            yield self.plain("note", "acts and response disagree")
        if answer.response is not None:
            yield self.plain("template", answer.response.delexicalised)
            yield self.line("system", self.paint("speech", answer.response.text))

    def state_lines(self, state: State, *, before: State) -> Iterator[str]:
        """Yield one line a domain: ``+`` new, ``~`` changed, ``-`` withdrawn."""
        domains = [*state, *(domain for domain in before if domain not in state)]
        if not domains:
            yield self.line("state", "empty")
        for place, domain in enumerate(domains):
            slots, known = state.get(domain, {}), before.get(domain, {})
            shown = [self._slot(slot, value, known.get(slot)) for slot, value in slots.items()]
            shown += [
                self._mark("withdrawn", f"{slot} {value.value}")
                for slot, value in known.items()
                if slot not in slots
            ]
            yield self.line("" if place else "state", f"{one_line(domain)}: {'  '.join(shown)}")

    def plain(self, label: str, text: str) -> str:
        """Return one labelled line of somebody else's text."""
        return self.line(label, one_line(text))

    def line(self, label: str, text: str) -> str:
        """Return one labelled line of a text that was painted or escaped."""
        return f"  {self.paint('label', f'{label:<10}')} {text}".rstrip()

    def paint(self, kind: str, text: str) -> str:
        """Return ``text``, escaped, in the colour of its kind, if colours are wanted."""
        shown = one_line(text)
        if not self.colour or kind not in _COLOURS:
            return shown
        return f"\033[{_COLOURS[kind]}m{shown}\033[0m"

    def _slot(self, slot: str, value: SlotPrediction, known: SlotPrediction | None) -> str:
        kind = "new"
        if known is not None:
            kind = "same" if known.value == value.value else "changed"
        sure = "" if kind == "same" else _sure(value.confidence)
        return self._mark(kind, f"{slot} {value.value}{sure}")

    def _mark(self, kind: str, text: str) -> str:
        return self.paint(kind, f"{_MARKS[kind]} {text}".strip())


def _sure(confidence: float | None) -> str:
    return "" if confidence is None else f" ({confidence:.2f})"


def _matches(answer: TurnResponse) -> str:
    database = answer.database
    if database is None or database.matches is None:
        return "no look-up"
    first = database.results[0] if database.results else {}
    name = first.get("name") or first.get("id")
    return f"{database.matches} matches in {database.domain}" + (f", first: {name}" if name else "")


def _acts(answer: TurnResponse) -> str:
    """Return ``train-inform(id, leave) train-request(people)``."""
    slots: dict[str, list[str]] = {}
    for act in answer.dialogue_act or ():
        slots.setdefault(f"{act.domain}-{act.act}", []).extend([act.slot] if act.slot else [])
    return " ".join(f"{name}({', '.join(of)})" if of else name for name, of in slots.items())
