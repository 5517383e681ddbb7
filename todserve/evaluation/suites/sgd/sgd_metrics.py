"""The Schema-Guided challenge's metrics (DSTC8), frame by frame and averaged over frames.

``tod evaluate`` calls it with the frames that `sgd_prediction` made. A frame is one service of one
user turn; every metric is the plain mean over the frames that have it. Example: a frame with slots
city (1.0), name (0.67, fuzzy) and price (missed, 0.0) has average goal accuracy 0.557 and joint 0.

As the publisher's script does it: average goal accuracy looks at the slots the reference fills, and
a frame where it fills none is left out; joint goal accuracy is the product over all slots of the
service, and a service without slots is left out; requested slots are compared frame by frame, and
nothing asked, nothing predicted counts as F1 1.0 (the challenge's paper says that such frames are
skipped; the script it was scored by does not skip them).

Whether a slot value is right goes by the challenge's rules too. A categorical value is right or
wrong; any other scores its best likeness to one of the reference's spellings, so "Bird" for "Bird
Dog" scores 0.67.

The publisher's script takes ``token_sort_ratio`` of fuzzywuzzy, the one package its requirements
name for it, which then compares by the standard library's ``SequenceMatcher``: so does this, with
the same result for every pair. With python-Levenshtein installed as well, fuzzywuzzy takes another
ratio ("tide" against "diet" is 0.25 here and 0.50 there), so others' figures may differ a little.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from math import prod

from todserve.runtime.language.schema import Service, Slot

_NOT_A_WORD = re.compile(r"\W")
_UPPER_HALF = dict.fromkeys(range(128, 256))  # dropped by the script: "Café" is "Caf" on both sides


def slot_scores(
    reference: Mapping[str, Sequence[str]], predicted: Mapping[str, str], slots: Iterable[Slot]
) -> dict[str, float]:
    """Return slot -> score in [0, 1] for every slot of a service.

    A slot that neither side fills scores 1, a slot that one side fills alone 0. Slots the service
    does not have count for nothing.

    Args:
        reference: slot -> every spelling of its value, the canonical first.
        predicted: slot -> value.
        slots: all of the service's slots.
    """
    return {slot.name: _slot_score(reference, predicted, slot) for slot in slots}


def _slot_score(
    reference: Mapping[str, Sequence[str]], predicted: Mapping[str, str], slot: Slot
) -> float:
    expected, got = reference.get(slot.name), predicted.get(slot.name)
    if expected is None or got is None:
        return float(expected is None and got is None)
    if slot.categorical:
        return float(expected[0] == got)
    return max((value_similarity(one, got) for one in expected), default=0.0)


@lru_cache(maxsize=1 << 16)
def value_similarity(reference: str, predicted: str) -> float:
    """Return how alike two values are, in [0, 1] and steps of 0.01.

    Case, marks and the order of words do not count. The order of arguments does: the matcher
    takes the longest common stretches greedily.
    """
    first, second = _sorted_words(reference), _sorted_words(predicted)
    if first == second:
        return 1.0
    if not first or not second:
        return 0.0
    return round(100 * SequenceMatcher(None, first, second).ratio()) / 100


def _sorted_words(value: str) -> str:
    return " ".join(sorted(_NOT_A_WORD.sub(" ", value.translate(_UPPER_HALF)).lower().split()))


NO_INTENT = "NONE"
"""The publisher's active intent of a frame without one."""

METRICS = (
    "joint_goal_accuracy",
    "average_goal_accuracy",
    "active_intent_accuracy",
    "requested_slots_f1",
)
"""Names of the figures, as the publisher's script writes them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceFrame:
    """What the corpus says of one service in one user turn.

    Attributes:
        service: its name.
        active_intent: an intent of the service, or ``NONE``.
        requested_slots: slots whose values the user asks for.
        slot_values: slot -> every spelling of its value, the canonical first.
    """

    service: str
    active_intent: str
    requested_slots: tuple[str, ...]
    slot_values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictedFrame:
    """What was predicted of one service in one user turn: slot -> value, the rest alike."""

    active_intent: str = NO_INTENT
    requested_slots: tuple[str, ...] = ()
    slot_values: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameScore:
    """The four metrics of one frame; None where the frame does not have the metric."""

    service: str
    joint_goal_accuracy: float | None
    average_goal_accuracy: float | None
    active_intent_accuracy: float
    requested_slots_f1: float


def score_frame(
    reference: ReferenceFrame, predicted: PredictedFrame | None, service: Service
) -> FrameScore:
    """Return the metrics of one frame.

    Args:
        reference: the corpus's frame.
        predicted: the model's; None for a turn it refused, which is wrong in everything.
        service: the reference's, with all its slots.
    """
    values = predicted.slot_values if predicted else {}
    scores = slot_scores(reference.slot_values, values, service.slots)
    active = [score for slot, score in scores.items() if slot in reference.slot_values]
    joint = prod(scores.values()) if predicted else 0.0
    return FrameScore(
        service=reference.service,
        joint_goal_accuracy=joint if scores else None,
        average_goal_accuracy=mean(active),
        active_intent_accuracy=float(
            predicted is not None and predicted.active_intent == reference.active_intent
        ),
        requested_slots_f1=slots_f1(reference.requested_slots, predicted.requested_slots)
        if predicted
        else 0.0,
    )


def slots_f1(reference: Sequence[str], predicted: Sequence[str]) -> float:
    """Return the F1 of two bags of slots; 1.0 for two empty ones, as the script counts it.

    Precision of no prediction and recall of no reference are 1, so that one empty side scores 0.
    """
    right = (Counter(reference) & Counter(predicted)).total()
    precision = right / len(predicted) if predicted else 1.0
    recall = right / len(reference) if reference else 1.0
    both = precision + recall
    return 2 * precision * recall / both if both else 0.0


def averages(scores: Iterable[FrameScore]) -> dict[str, float | None]:
    """Return the mean of each metric over the frames that have it; None where none has."""
    frames = list(scores)
    return {
        name: mean([value for one in frames if (value := getattr(one, name)) is not None])
        for name in METRICS
    }


def mean(values: Sequence[float]) -> float | None:
    """Return the mean; None of nothing."""
    return sum(values) / len(values) if values else None
