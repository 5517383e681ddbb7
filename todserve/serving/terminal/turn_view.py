"""TurnView: one answered turn as lines of text, what changed marked and coloured.

The demo and the chat print it. Whatever the server wrote is shown with its control characters
escaped. Example line: ``  state       restaurant: + food chinese (0.98)  area centre``.
"""

from collections.abc import Iterator, Mapping

from rich.text import Text

from todserve.runtime.console import one_line
from todserve.runtime.wire.response import SlotPrediction, TurnResponse

_MARKS = {"new": "+", "changed": "~", "same": " ", "withdrawn": "-"}
_STYLES = {"new": "green", "changed": "yellow", "withdrawn": "red"}
_LABEL = "dim"
SPEECH = "bold"

State = Mapping[str, Mapping[str, SlotPrediction]]


def labelled(label: str, text: str | Text, *, style: str = "") -> Text:
    """Return one line of the view: a label in its column, and a text behind it."""
    line = Text("  ").append(f"{one_line(label):<10}", style=_LABEL).append(" ")
    line.append_text(text if isinstance(text, Text) else Text(one_line(text), style=style))
    line.rstrip()
    return line


def turn_lines(answer: TurnResponse, *, before: State, speech: bool = True) -> Iterator[Text]:
    """Yield a turn's lines, top to bottom.

    Args:
        answer: the turn.
        before: the belief state before it.
        speech: whether to show the model's reply; not where a bot says something else.
    """
    if answer.read_as is not None:
        changes = (f"{one.typed} -> {one.read}" for one in answer.read_as.changes)
        yield labelled("read as", ", ".join(changes))
    if answer.intent is not None:
        yield labelled("intent", answer.intent.name + _sure(answer.intent.confidence))
    if answer.belief_state is not None:
        yield from state_lines(answer.belief_state, before=before)
    if answer.domain is not None:
        switched = "switched, " if answer.domain.switched else ""
        yield labelled(
            "domain", f"{answer.domain.active or 'none'} ({switched}{answer.domain.reason})"
        )
    if answer.database is not None:
        yield labelled("database", _matches(answer))
    if answer.dialogue_act is not None:
        yield labelled("acts", _acts(answer) or "none")
    for task, pieces in answer.unparsed.items():
        if pieces:
            yield labelled("unparsed", f"{task}: {' | '.join(pieces)}")
    if answer.consistent is False:
        yield labelled("note", "acts and response disagree")
    if answer.response is not None and speech:
        yield labelled("template", answer.response.delexicalised)
        yield labelled("system", answer.response.text, style=SPEECH)


def state_lines(state: State, *, before: State) -> Iterator[Text]:
    """Yield one line a domain: ``+`` new, ``~`` changed, ``-`` withdrawn."""
    domains = [*state, *(domain for domain in before if domain not in state)]
    if not domains:
        yield labelled("state", "empty")
    for place, domain in enumerate(domains):
        slots, known = state.get(domain, {}), before.get(domain, {})
        shown = [_slot(slot, value, known.get(slot)) for slot, value in slots.items()]
        shown += [
            _marked("withdrawn", f"{slot} {value.value}")
            for slot, value in known.items()
            if slot not in slots
        ]
        text = Text(f"{one_line(domain)}: ").append_text(Text("  ").join(shown))
        yield labelled("" if place else "state", text)


def _slot(slot: str, value: SlotPrediction, known: SlotPrediction | None) -> Text:
    kind = "new"
    if known is not None:
        kind = "same" if known.value == value.value else "changed"
    sure = "" if kind == "same" else _sure(value.confidence)
    means = "" if value.normalised is None else f" = {value.normalised}"
    return _marked(kind, f"{slot} {value.value}{means}{sure}")


def _marked(kind: str, text: str) -> Text:
    return Text(f"{_MARKS[kind]} {one_line(text)}".strip(), style=_STYLES.get(kind, ""))


def _sure(confidence: float | None) -> str:
    return "" if confidence is None else f" ({confidence:.2f})"


def _matches(answer: TurnResponse) -> str:
    database = answer.database
    if database is None or database.matches is None:
        return "no look-up"
    first = database.results[0] if database.results else {}
    name = first.get("name") or first.get("id")
    found = "1 match" if database.matches == 1 else f"{database.matches} matches"
    return f"{found} in {database.domain}" + (f", first: {name}" if name else "")


def _acts(answer: TurnResponse) -> str:
    """Return ``train-inform(id, leave) train-request(people)``."""
    slots: dict[str, list[str]] = {}
    for act in answer.dialogue_act or ():
        slots.setdefault(f"{act.domain}-{act.act}", []).extend([act.slot] if act.slot else [])
    return " ".join(f"{name}({', '.join(of)})" if of else name for name, of in slots.items())
