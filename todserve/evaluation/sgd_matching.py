"""Matching: is a predicted slot value right by the rules of the Schema-Guided challenge (DSTC8)?

Stands inside the frame scores. A categorical value is right or wrong; any other scores its best
likeness to one of the reference's spellings, so "Bird" for "Bird Dog" scores 0.67.

The publisher's script takes ``token_sort_ratio`` of fuzzywuzzy, the one package its requirements
name for it, which then compares by the standard library's ``SequenceMatcher``: so does this, with
the same result for every pair. With python-Levenshtein installed as well, fuzzywuzzy takes another
ratio ("tide" against "diet" is 0.25 here and 0.50 there), so others' figures may differ a little.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from todserve.runtime.language.schema import Slot

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
