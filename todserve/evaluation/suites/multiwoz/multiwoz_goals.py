"""What each MultiWOZ dialogue was to achieve, and what its wizard really did.

The scores of Inform and Success read their goals with it. Both come from ``annotated/val.json``
(dev) and ``test.json``: the goal the user was given, and turn by turn the gold state, the bookings
made so far and the reply. Example goal:
``restaurant: food italian, area centre; requests PHONE, REFERENCE``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.readers.detokenisation import detokenise
from todserve.corpora.readers.multiwoz.multiwoz_names import DOMAINS, act_slot
from todserve.evaluation.suites.multiwoz.multiwoz_values import counted_slot, counted_state
from todserve.runtime.errors import CorpusError
from todserve.runtime.untrusted.json_text import CORPUS_BYTES, parse_json

FILES = {"dev": "annotated/val.json", "test": "annotated/test.json"}
"""Split -> file."""

REQUESTABLE = {
    "phone": "PHONE",
    "address": "ADDRESS",
    "postcode": "POST",
    "reference": "REFERENCE",
    "trainID": "TRAINID",
}
"""What a user may ask for and Success counts, in the goal's spelling; the rest is not counted."""

REFERENCE = "REFERENCE"
_UNSAID = frozenset({"", "not mentioned", "none"})
_INDIFFERENT = frozenset({"dontcare", "dont care", "don't care", "do not care", "do n't care"})

State = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainGoal:
    """What the user wants in one domain.

    Attributes:
        informable: slot -> value a venue must have, as counted.
        requestable: what the system must tell, e.g. ``{"PHONE", "REFERENCE"}``.
    """

    informable: Mapping[str, str]
    requestable: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class WizardTurn:
    """One turn of the corpus.

    Attributes:
        user: what the user said.
        state: gold, as counted; indifference left out.
        booked: the domains with a booking so far, this turn's included.
        reply: delexicalised by its annotated spans, ``[address]``, not yet as counted.
    """

    user: str
    state: State
    booked: frozenset[str]
    reply: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A dialogue to be scored: its goal by domain, in the goal's order, and its turns."""

    goal: Mapping[str, DomainGoal]
    turns: Sequence[WizardTurn]


def dialogue_key(name: str) -> str:
    """Return a dialogue's id as predictions files have it: ``MUL0001.json`` is ``mul0001``."""
    return name.lower().removesuffix(".json")


def read_tasks(source: CorpusSource, split: str) -> dict[str, Task]:
    """Return dialogue id -> task of a whole split, in the file's order.

    Raises:
        CorpusError: no such split, or not ConvLab-2's layout.
    """
    if split not in FILES:
        raise CorpusError(
            f"MultiWOZ has no goals for split {split!r}; expected one of {', '.join(FILES)}"
        )
    path = FILES[split]
    try:
        with source.open(path) as stream:
            dialogues: Mapping[str, Any] = parse_json(stream.read(), most=CORPUS_BYTES)
        return {dialogue_key(name): _task(entry) for name, entry in dialogues.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(
            f"{path}: not ConvLab-2's layout of MultiWOZ 2.1 ({error!r}); expected dialogues with "
            f"a goal and a log of turns; fetch it from {source.publisher.url}"
        ) from error


def _task(entry: Mapping[str, Any]) -> Task:
    goal = {
        domain: _domain_goal(entry["goal"][domain])
        for domain in DOMAINS
        if entry["goal"].get(domain)
    }
    log = entry["log"]
    turns = (_turn(user, system) for user, system in zip(log[::2], log[1::2], strict=False))
    return Task(goal=goal, turns=tuple(turns))


def _domain_goal(wanted: Mapping[str, Any]) -> DomainGoal:
    requestable = {REQUESTABLE[slot] for slot in wanted.get("reqt", ()) if slot in REQUESTABLE}
    if wanted.get("book"):
        requestable.add(REFERENCE)
    informable = {counted_slot(slot): str(value) for slot, value in wanted["info"].items()}
    return DomainGoal(informable=informable, requestable=frozenset(requestable))


def _turn(user: Mapping[str, Any], system: Mapping[str, Any]) -> WizardTurn:
    state: dict[str, dict[str, str]] = {}
    booked = set()
    for domain, parts in system["metadata"].items():
        if parts["book"].get("booked"):
            booked.add(domain)
        for prefix, slots in (("", parts["semi"]), ("book", parts["book"])):
            for slot, value in slots.items():
                said = isinstance(value, str) and value.lower() not in _UNSAID | _INDIFFERENT
                if said and slot != "ticket":
                    state.setdefault(domain, {})[f"{prefix}{slot}"] = value.split("|")[0]
    return WizardTurn(
        user=detokenise(user["text"]),
        state=counted_state(state),
        booked=frozenset(booked),
        reply=_delexicalised(system["text"], system.get("span_info") or ()),
    )


def _delexicalised(text: str, spans: Sequence[Sequence[Any]]) -> str:
    words = text.split()
    pieces: list[str] = []
    position = 0
    for _, slot, value, first, last in sorted(spans, key=lambda span: (span[3], span[4])):
        name = act_slot(str(slot))
        if int(first) < position or value == "dontcare" or name in ("", "none"):
            continue
        pieces += [*words[position : int(first)], f"[{_SPELLED.get(name, name)}]"]
        position = int(last) + 1
    return " ".join([*pieces, *words[position:]])


# The spellings of `multiwoz_replies`, where an annotated act's slot is none of them.
_SPELLED = {"leave": "leaveat", "arrive": "arriveby", "fee": "entrancefee", "ticket": "price"}
