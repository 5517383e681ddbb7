"""Agreement: did a peer answer what the reference engine answers? Then it did the same work.

The reference is fp32 PyTorch on the checkpoint, in process. Peers that generate texts are held to
its texts, ours over REST to its parsed turn (confidences apart).
Example: ``agreement(answers, reference, AnswerForm.TEXTS).whole`` is ``1.0``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.peers.base import AnswerForm
from todserve.runtime.language.tasks import TaskName

PARTS = tuple(str(task) for task in TaskName)


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """Shares of turns, each from 0 to 1.

    Attributes:
        turns: how many were compared.
        whole: share with all four parts equal.
        parts: task -> share with that part equal.
    """

    turns: int
    whole: float
    parts: Mapping[str, float]


def agreement(
    answers: Mapping[int, Mapping[str, Any]],
    reference: Mapping[int, Mapping[str, Any]],
    form: AnswerForm,
) -> Agreement | None:
    """Compare answers with the reference's of the same turns; None where there is none.

    Args:
        answers: place of a turn -> what the peer answered.
        reference: place -> ``{"turn": ..., "texts": ...}``.
        form: what ``answers`` look like.
    """
    places = sorted(answers.keys() & reference.keys())
    if not places:
        return None
    read: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    read, key = (_parts, "turn") if form is AnswerForm.TURN else (dict, "texts")
    equal = [
        {part: got.get(part) == wanted.get(part) for part in PARTS}
        for got, wanted in ((read(answers[place]), read(reference[place][key])) for place in places)
    ]
    return Agreement(
        turns=len(places),
        whole=sum(all(one.values()) for one in equal) / len(places),
        parts={part: sum(one[part] for one in equal) / len(places) for part in PARTS},
    )


def _parts(turn: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a turn response says, without its confidences."""
    state = turn.get("belief_state") or {}
    return {
        "belief_state": {
            domain: {slot: entry["value"] for slot, entry in slots.items()}
            for domain, slots in state.items()
        },
        "intent": (turn.get("intent") or {}).get("name"),
        "dialogue_act": turn.get("dialogue_act"),
        "response": (turn.get("response") or {}).get("text"),
    }
