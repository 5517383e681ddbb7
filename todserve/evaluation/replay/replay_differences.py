"""Replay differences: where a model's answer departs from what a remembered turn expects.

A replay calls it for every turn, and ``tod replay`` prints the result. Names and values are
compared without case and spacing, acts without their order, and a reply with placeholders if one is
remembered, otherwise in plain text. What is not remembered (None) is not compared. Example:
``compare(turn, answer)`` is ``{Aspect.STATE: None, Aspect.ACTS:
Difference(missing=("train-inform(leave)",), added=())}``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from todserve.runtime.errors import RequestError
from todserve.runtime.language.dialogue import BeliefState, DialogueAct, Turn
from todserve.runtime.wire.response import TurnResponse


class Aspect(StrEnum):
    """What of a turn may be held against what is remembered."""

    INTENT = "intent"
    STATE = "state"
    ACTS = "acts"
    REPLY = "reply"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """An aspect of a turn in which the answer is not as remembered.

    Attributes:
        missing: what is remembered and was not answered.
        added: what was answered and is not remembered.
    """

    missing: tuple[str, ...]
    added: tuple[str, ...]


def compare(turn: Turn, answer: TurnResponse | RequestError) -> dict[Aspect, Difference | None]:
    """Return, for each aspect that the turn remembers, how the answer differs; None if it does not.

    A refused request has none of what is remembered; the reason stands where its answer would.
    """
    expected = _remembered(turn)
    if isinstance(answer, RequestError):
        return {
            aspect: Difference(missing=texts, added=(f"refused: {answer}",))
            for aspect, texts in expected.items()
        }
    answered = _answered(answer, turn)
    return {aspect: _difference(texts, answered[aspect]) for aspect, texts in expected.items()}


def compare_turns(expected: Turn, answered: Turn) -> dict[Aspect, Difference | None]:
    """Return the same of an answer that is remembered itself."""
    found = _remembered(answered)
    return {
        aspect: _difference(texts, found.get(aspect, ()))
        for aspect, texts in _remembered(expected).items()
    }


def _remembered(turn: Turn) -> dict[Aspect, tuple[str, ...]]:
    expected: dict[Aspect, tuple[str, ...]] = {}
    if turn.intent is not None:
        expected[Aspect.INTENT] = (turn.intent,)
    if turn.belief_state is not None:
        expected[Aspect.STATE] = _slots(turn.belief_state)
    if turn.dialogue_acts is not None:
        expected[Aspect.ACTS] = _acts(turn.dialogue_acts)
    reply = turn.system if turn.delexicalised_response is None else turn.delexicalised_response
    if reply is not None:
        expected[Aspect.REPLY] = (reply,)
    return expected


def _answered(answer: TurnResponse, turn: Turn) -> Mapping[Aspect, tuple[str, ...]]:
    state = {
        domain: {slot: one.value for slot, one in slots.items()}
        for domain, slots in (answer.belief_state or {}).items()
    }
    acts = [
        DialogueAct(domain=act.domain, act=act.act, slot=act.slot)
        for act in answer.dialogue_act or ()
    ]
    return {
        Aspect.INTENT: () if answer.intent is None else (answer.intent.name,),
        Aspect.STATE: _slots(state),
        Aspect.ACTS: _acts(acts),
        Aspect.REPLY: (_reply(answer, plain=turn.delexicalised_response is None),),
    }


def _reply(answer: TurnResponse, *, plain: bool) -> str:
    if answer.response is None:
        return ""
    return answer.response.text if plain else answer.response.delexicalised


def _slots(state: BeliefState) -> tuple[str, ...]:
    return tuple(
        f"{domain} {slot} {value}"
        for domain, slots in state.items()
        for slot, value in slots.items()
    )


def _acts(acts: Iterable[DialogueAct]) -> tuple[str, ...]:
    return tuple(f"{act.domain}-{act.act}" + (f"({act.slot})" if act.slot else "") for act in acts)


def _difference(expected: tuple[str, ...], answered: tuple[str, ...]) -> Difference | None:
    wanted, got = Counter(map(_spelled, expected)), Counter(map(_spelled, answered))
    if wanted == got:
        return None
    return Difference(missing=_only(expected, got), added=_only(answered, wanted))


def _only(texts: tuple[str, ...], others: Counter[str]) -> tuple[str, ...]:
    left = others.copy()
    kept = []
    for text in texts:
        if left[_spelled(text)] > 0:
            left[_spelled(text)] -= 1
        else:
            kept.append(text)
    return tuple(kept)


def _spelled(text: str) -> str:
    return " ".join(text.casefold().split())
