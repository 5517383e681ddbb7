"""Correction review: what a model makes now of the turns that people corrected or judged right.

The labelling routes and the release gate call it. Example:
``review(remembered, models, "tod/2.0", newest=20, ...)`` gives each such turn with one of
``now right``, ``still wrong``, ``no longer right`` and ``right as before``. Nothing is stored. A
corrected turn is held to what was corrected of it; one that was judged right to its intent, state
and acts: of a reply there are many right ones.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from todserve.bot.user_message import plain
from todserve.gateway.conversations.dialogue_export import Remembered
from todserve.gateway.conversations.model_clients import Models
from todserve.gateway.conversations.model_comparison import differences
from todserve.gateway.gateway_errors import RefusedError
from todserve.gateway.store.records import TurnRecord

MOST_REVIEWED = 200
"""Turns that are asked in one request, the newest dialogues first."""

StoodFor = tuple[str, TurnRecord, tuple[TurnRecord, ...]]
"""Id of a dialogue, a turn of it, and the turns before."""

_JUDGED = ("intent", "belief_state", "dialogue_act")


def review(
    remembered: Iterable[Remembered], models: Models, model: str, *, newest: int, request_id: str
) -> Iterator[dict[str, Any]]:
    """Yield what became of each turn that somebody stands for, until there are enough.

    Args:
        remembered: dialogues with their turns.
        models: are asked.
        model: the one that is reviewed.
        newest: exchanges that it is shown.
        request_id: passed on.

    Raises:
        MissingError: there is no such model.
        ModelAwayError: it gave no answer.
    """
    for dialogue_id, turn, before in islice(stood_for(remembered), MOST_REVIEWED):
        try:
            answer = models.answer(model, turn.user, before[-newest:], request_id=request_id)
            found = _missed(_wanted(turn), answer)
        except RefusedError as error:
            found = [{"aspect": "refused", "a": [], "b": [str(error)]}]
        yield {
            "dialogue_id": dialogue_id,
            "index": turn.index,
            "user": turn.user,
            "change": _change(corrected=turn.is_corrected, right=not found),
            "differences": found,
        }


def stood_for(remembered: Iterable[Remembered]) -> Iterator[StoodFor]:
    """Yield the turns that somebody corrected or found right, with dialogue and turns before.

    What rests on a turn that was only found wrong, and what people judge differently, is left out.
    """
    for record, turns in remembered:
        for place, turn in enumerate(turns):
            verdict = turn.correction.get("verdict")
            if verdict == "wrong" and not turn.is_corrected:
                break
            if (turn.is_corrected or verdict == "right") and not turn.is_disputed:
                yield record.dialogue_id, turn, turns[:place]


def _wanted(turn: TurnRecord) -> Mapping[str, Any]:
    """Return the parts of an answer that somebody stands for, as an answer has them."""
    if turn.is_corrected:
        wanted = {part: turn.correction[part] for part in _JUDGED if part in turn.correction}
        if "intent" in wanted:
            wanted["intent"] = {"name": wanted["intent"]}
    else:
        wanted = {part: turn.standing[part] for part in _JUDGED if turn.standing.get(part)}
    if "belief_state" in wanted:
        wanted["belief_state"] = {
            domain: {slot: {"value": value} for slot, value in slots.items()}
            for domain, slots in plain(wanted["belief_state"]).items()
        }
    return wanted


def _missed(wanted: Mapping[str, Any], answer: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    return differences(wanted, {part: answer.get(part) for part in wanted})


def _change(*, corrected: bool, right: bool) -> str:
    if corrected:
        return "now right" if right else "still wrong"
    return "right as before" if right else "no longer right"
