"""Augmentation: other values in the same dialogue, so that the model must copy, not remember.

Stands between the training turns and the examples; every epoch sees other values. A small model
from scratch otherwise learns the commonest values by heart and writes those.
Example: "a train to ely at 17:45" becomes "a train to norwich at 09:12", in state and texts alike.
"""

import random
import re
from collections.abc import Sequence

from todserve.runtime.dialogue import DONTCARE
from todserve.training.config import Augmentation
from todserve.training.turns import State, TrainingTurn

_CLOCK = re.compile(r"\d\d:\d\d\Z")
_NUMBER = re.compile(r"\d{1,2}\Z")
_WORD = re.compile(r"[a-z]{3,}\Z|[가-힣]{2,}\Z")
_HANGUL_END = re.compile(r"[가-힣]{2}\Z")
_FIXED = frozenset({DONTCARE, "yes", "no"})
_NAME_LENGTHS = (1, 2, 2, 2, 3)


class Augmenter:
    """Replaces slot values consistently in state, history, utterance and target.

    Known values come from the training turns themselves; synthetic names are random words of
    the same texts.
    """

    def __init__(self, turns: Sequence[TrainingTurn], settings: Augmentation) -> None:
        """Collect the values and words of ``turns``."""
        self._settings = settings
        values: dict[str, set[str]] = {}
        words: set[str] = set()
        for turn in turns:
            for slots in (turn.state or {}).values():
                for slot, value in slots.items():
                    if value not in _FIXED:
                        values.setdefault(slot, set()).add(value)
            words.update(word for word in turn.user.split() if _WORD.match(word))
        self._values = {slot: sorted(known) for slot, known in values.items()}
        self.words = sorted(words)
        """Words of the utterances, sorted."""

    def __call__(self, turn: TrainingTurn, chance: random.Random) -> TrainingTurn:
        """Return ``turn``, or the same turn with other values."""
        if turn.state is None or chance.random() >= self._settings.probability:
            return turn
        replaced = self._choose(turn, chance)
        if not replaced:
            return turn
        pattern = re.compile(
            "|".join(_standing(value) for value in sorted(replaced, key=len, reverse=True))
        )

        def swap(text: str) -> str:
            return pattern.sub(lambda match: replaced[match[0]], text)

        def swap_state(state: State) -> State:
            return {
                domain: {slot: replaced.get(value, value) for slot, value in slots.items()}
                for domain, slots in state.items()
            }

        return turn.model_copy(
            update={
                "user": swap(turn.user),
                "history": tuple(
                    (swap(user), swap(plain), placeholder)
                    for user, plain, placeholder in turn.history
                ),
                "previous_state": swap_state(turn.previous_state),
                "state": swap_state(turn.state),
            }
        )

    def _choose(self, turn: TrainingTurn, chance: random.Random) -> dict[str, str]:
        texts = " ".join((turn.user, *(plain for _, plain, _ in turn.history)))
        replaced: dict[str, str] = {}
        for state in (turn.previous_state, turn.state or {}):
            for slots in state.values():
                for slot, value in slots.items():
                    if value in _FIXED or value in replaced:
                        continue
                    # A value the texts only paraphrase ("center") must keep its meaning.
                    said = re.search(_standing(value), texts) is not None
                    if not said and state is turn.state and not _known(turn, value):
                        continue
                    if _NUMBER.match(value) and _ambiguous_number(value, texts):
                        continue
                    replaced[value] = self._another(slot, value, chance)
        return replaced

    def _another(self, slot: str, value: str, chance: random.Random) -> str:
        if _CLOCK.match(value):
            minute = chance.randrange(0, 60, 5) if chance.random() < 0.7 else chance.randrange(60)
            return f"{chance.randrange(24):02d}:{minute:02d}"
        if _NUMBER.match(value):
            return str(chance.randint(1, 9))
        known = self._values.get(slot, [value])
        # Few values mean a closed set (days, areas): inventing members would teach nothing true.
        if len(known) > 15 and chance.random() < self._settings.synthetic_names:
            return " ".join(chance.sample(self.words, chance.choice(_NAME_LENGTHS)))
        return chance.choice(known)


def _standing(value: str) -> str:
    """Return the pattern of a value that stands alone; Korean particles are written onto it."""
    end = "(?![a-z0-9:])" if _HANGUL_END.search(value) else r"(?![\w:])"
    return rf"(?<![\w:]){re.escape(value)}{end}"


def _known(turn: TrainingTurn, value: str) -> bool:
    return any(value in slots.values() for slots in turn.previous_state.values())


def _ambiguous_number(value: str, texts: str) -> bool:
    return len(re.findall(rf"(?<![\w:]){value}(?![\w:])", texts)) > 1
