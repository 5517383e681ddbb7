r"""The texts the network is trained to write, each with a ``serialize_x`` and a ``parse_x``.

The prompt builder and the trainer serialize with them, the pipeline parses what the engine wrote.
``parse(serialize(x)) == x`` always. Example:
``[train] day wednesday departure cambridge leave 12:45``.

Formats of Su et al., ACL 2022 (arXiv 2109.14739). One addition: a value's word that would read
as a slot name or a bracketed token carries a backslash (``name \stay inn``), or it would be lost.
A malformed generation raises nothing; what was not understood is listed in ``unparsed``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from todserve.runtime.language.dialogue import GENERAL, BeliefState, DialogueAct
from todserve.runtime.language.schema import Schema

BOOKING = "booking"
"""Domain of MultiWOZ's booking acts whose venue domain is unknown."""

_WORD = re.compile(r"\S+")
_BRACKETED = re.compile(r"\[(\w[\w.-]*)\]\Z")
_NOT_A_LABEL = ("value_", "db_")
_PLACEHOLDER = re.compile(r"\[value_\w+\]")
_ROUNDS = 4
"""A piece so often in a row, at the end of a reply, is a loop."""
_LONGEST_ROUND = 80
_SHORTEST_LOOP = 40
"""Characters; a row of dots or of ㅋ is none."""
_CONTROL = re.compile(r"<[se]os_\w+>|\[(?!value_)[^\]\s]*\]?|\[value_\w*(?![\w\]])")


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueSpan:
    """Where a slot's value stands in the generated text: characters ``start`` to ``end``."""

    domain: str
    slot: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedBeliefState:
    """``state`` as understood, one span per slot, and the fragments that were not."""

    state: dict[str, dict[str, str]]
    spans: tuple[ValueSpan, ...]
    unparsed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedDialogueActs:
    """Acts in generated order, and the fragments that were none."""

    acts: tuple[DialogueAct, ...]
    unparsed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedIntent:
    """The intent, or None where the text names none the schema knows."""

    intent: str | None
    unparsed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedResponse:
    """The delexicalised response and any control token that strayed into it."""

    text: str
    unparsed: tuple[str, ...]


def _label(word: str) -> str | None:
    match = _BRACKETED.match(word)
    if match is None or match[1].startswith(_NOT_A_LABEL):
        return None
    return match[1]


def _escape(word: str, slots: frozenset[str]) -> str:
    ambiguous = word in slots or word.startswith("\\") or _BRACKETED.match(word)
    return "\\" + word if ambiguous else word


def serialize_belief_state(state: BeliefState, schema: Schema) -> str:
    """Return ``[domain] slot value ...`` in the state's own order.

    Domains without slots are left out; values are single-spaced.
    """
    words: list[str] = []
    for domain, slots in state.items():
        if not slots:
            continue
        names = frozenset(schema.slots(domain))
        words.append(f"[{domain}]")
        for slot, value in slots.items():
            words += [slot, *(_escape(word, names) for word in value.split())]
    return " ".join(words)


def parse_belief_state(text: str, schema: Schema) -> ParsedBeliefState:
    """Understand ``[train] day wednesday leave 12:45``; offsets refer to ``text``."""
    spans: list[ValueSpan] = []
    unparsed: list[str] = []
    domain: str | None = None
    names: frozenset[str] = frozenset()
    slot = ""
    value: list[re.Match[str]] = []

    def finish() -> None:
        if slot and value and domain is not None:
            words = [word[0].removeprefix("\\") for word in value]
            spans.append(
                ValueSpan(
                    domain=domain,
                    slot=slot,
                    value=" ".join(words),
                    start=value[0].start(),
                    end=value[-1].end(),
                )
            )
        elif slot or value:
            unparsed.append(" ".join([slot, *(word[0] for word in value)]).strip())

    for word in _WORD.finditer(text):
        if _BRACKETED.match(word[0]):
            finish()
            slot, value = "", []
            label = _label(word[0])
            domain = label if label in schema.domains else None
            names = frozenset(schema.slots(domain)) if domain else frozenset()
            if domain is None:
                unparsed.append(word[0])
        elif word[0] in names:
            finish()
            slot, value = word[0], []
        else:
            value.append(word)
    finish()
    state: dict[str, dict[str, str]] = {}
    for span in spans:
        state.setdefault(span.domain, {})[span.slot] = span.value
    return ParsedBeliefState(state=state, spans=tuple(spans), unparsed=tuple(unparsed))


def serialize_dialogue_acts(acts: Iterable[DialogueAct]) -> str:
    """Return ``[train] [inform] choice departure [request] leave``, in the given order."""
    words: list[str] = []
    last: DialogueAct | None = None
    for act in acts:
        new_domain = last is None or act.domain != last.domain
        if new_domain:
            words.append(f"[{act.domain}]")
        # An act without a slot keeps a bracket of its own, or a neighbour would swallow it.
        if new_domain or last is None or act.act != last.act or not act.slot or not last.slot:
            words.append(f"[{act.act}]")
        if act.slot:
            words.append(act.slot)
        last = act
    return " ".join(words)


def parse_dialogue_acts(text: str, schema: Schema) -> ParsedDialogueActs:
    """Understand ``[train] [inform] choice [request] leave``.

    A bracketed word directly after a domain is an act; elsewhere it is a domain when the schema
    (or ``general``, ``booking``) says so.
    """
    domains = {*schema.domains, GENERAL, BOOKING}
    acts: list[DialogueAct] = []
    unparsed: list[str] = []
    domain = act = None
    slotted = False

    def finish() -> None:
        if domain and act and not slotted:
            acts.append(DialogueAct(domain=domain, act=act))
        elif domain and not act:
            unparsed.append(f"[{domain}]")

    for word in text.split():
        label = _label(word)
        if label is None:
            if domain and act and re.fullmatch(r"\w+", word):
                acts.append(DialogueAct(domain=domain, act=act, slot=word))
                slotted = True
            else:
                unparsed.append(word)
        elif label in domains and not (domain and not act):
            finish()
            domain, act, slotted = label, None, False
        elif domain is None:
            unparsed.append(word)
        else:
            if act:
                finish()
            act, slotted = label, False
    finish()
    return ParsedDialogueActs(acts=tuple(acts), unparsed=tuple(unparsed))


def serialize_intent(intent: str) -> str:
    """Return ``[book_restaurant]``."""
    return f"[{intent}]"


def parse_intent(text: str, schema: Schema) -> ParsedIntent:
    """Understand ``[book_restaurant]``; the first intent the schema knows counts."""
    intent: str | None = None
    unparsed: list[str] = []
    for word in text.split():
        label = _label(word)
        if intent is None and label in schema.intents:
            intent = label
        else:
            unparsed.append(word)
    return ParsedIntent(intent=intent, unparsed=tuple(unparsed))


def serialize_response(text: str) -> str:
    """Return the delexicalised response, single-spaced."""
    return " ".join(text.split())


def parse_response(text: str, schema: Schema) -> ParsedResponse:
    """Take out control tokens and the rounds of a loop; placeholders ``[value_x]`` stay."""
    del schema  # every parser has one shape; a response needs no schema
    # Each once: a model that is lost may write one over and over until it is stopped.
    unparsed = list(dict.fromkeys(match[0] for match in _CONTROL.finditer(text)))
    said = " ".join(_CONTROL.sub(" ", text).split()) if unparsed else " ".join(text.split())
    once, rounds = _out_of_the_loop(said)
    return ParsedResponse(text=once, unparsed=(*unparsed, rounds) if rounds else tuple(unparsed))


def _out_of_the_loop(text: str) -> tuple[str, str]:
    """Return a reply with the first round of the loop it ends in, and the further rounds.

    A small model may write one piece over and over until it is stopped, mostly in its middle.
    """
    for period in range(1, min(_LONGEST_ROUND, len(text) // _ROUNDS) + 1):
        if text[-(_ROUNDS - 1) * period :] != text[-_ROUNDS * period : -period]:
            continue
        begin = len(text) - _ROUNDS * period
        while begin and text[begin - 1] == text[begin - 1 + period]:
            begin -= 1
        if len(text) - begin >= _SHORTEST_LOOP:
            end = begin + period
            return text[:end].rstrip(" ,"), text[end:].strip()
    return text, ""


def placeholders(text: str) -> tuple[str, ...]:
    """Return the slots of ``[value_slot]`` placeholders in order of appearance."""
    return tuple(match[0][len("[value_") : -1] for match in _PLACEHOLDER.finditer(text))
