"""Comparison of models: a remembered dialogue is asked again of another one; nothing is stored.

The dialogue routes call it, and so do the shadow traffic and the correction review. Example:
``compare(turns, models, "tod/2.0", newest=20, ...)``.

Each turn is asked with the history and the state that stood when it was said (or as people have
corrected them since), so a difference is one of that turn alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from todserve.gateway.conversations.model_clients import Models, bounded
from todserve.gateway.gateway_errors import RefusedError
from todserve.gateway.store.records import TurnRecord

Answer = Mapping[str, Any]


def compare(
    turns: Sequence[TurnRecord], models: Models, model: str, *, newest: int, request_id: str
) -> list[dict[str, Any]]:
    """Return each turn with the remembered answer, the other one, and where they differ.

    Args:
        turns: of one dialogue, in order, as they stand.
        models: are asked.
        model: the other model.
        newest: exchanges that it is shown.
        request_id: passed on.

    Raises:
        TooLongError: there are too many turns for one request.
        MissingError: there is no such model.
        ModelAwayError: the other model gave no answer.
    """
    bounded(len(turns))
    compared = []
    for place, turn in enumerate(turns):
        before = turns[max(0, place - newest) : place]
        answer: Answer | None = None
        try:
            answer = models.answer(model, turn.user, before, request_id=request_id)
            found = differences(turn.standing, answer)
        except RefusedError as error:
            # Another model may not know a domain of the dialogue; that is a difference, too.
            found = [{"aspect": "refused", "a": [], "b": [str(error)]}]
        compared.append(
            {
                "index": turn.index,
                "user": turn.user,
                "answer_a": turn.standing,
                "answer_b": answer,
                "differences": found,
            }
        )
    return compared


def differences(first: Answer, second: Answer) -> list[dict[str, Any]]:
    """Return the aspects in which two answers differ, each with what only one of them says."""
    found = []
    for aspect, texts in _aspects(first).items():
        here, there = Counter(texts), Counter(_aspects(second)[aspect])
        if here != there:
            only = {"a": [*(here - there).elements()], "b": [*(there - here).elements()]}
            found.append({"aspect": aspect, **only})
    return found


def _aspects(answer: Answer) -> dict[str, list[str]]:
    intent = answer.get("intent") or {}
    domain = answer.get("domain") or {}
    response = answer.get("response") or {}
    return {
        "intent": [intent["name"]] if intent else [],
        "belief_state": [
            f"{name} {slot} {value['value']}"
            for name, slots in (answer.get("belief_state") or {}).items()
            for slot, value in slots.items()
        ],
        "domain": [domain["active"]] if domain.get("active") else [],
        "dialogue_act": [
            f"{one['domain']}-{one['act']}" + (f"({one['slot']})" if one.get("slot") else "")
            for one in answer.get("dialogue_act") or ()
        ],
        "response": [response["delexicalised"]] if response else [],
    }
