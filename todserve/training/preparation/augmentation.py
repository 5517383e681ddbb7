"""Augmentation: other values in the same dialogue, so that the model must copy, not remember.

`epochs` calls it for each turn, so that every epoch sees other values. A small model from scratch
otherwise learns the commonest values by heart and writes those.
Example: "a train to ely at 17:45" becomes "a train to norwich at 09:12", in state and texts alike.

A closed slot takes values that the schema gives it in its own domain; only open ones take names
that nobody has. Values are found by searching for them, not by a pattern compiled for each turn:
compiling was most of what an epoch cost.
"""

import random
import re
from collections.abc import Mapping, Sequence

from todserve.runtime.language.dialogue import DONTCARE
from todserve.runtime.language.schema import Schema
from todserve.training.preparation.training_turns import State, TrainingTurn
from todserve.training.training_config import Augmentation

_CLOCK = re.compile(r"\d\d:\d\d\Z")
_NUMBER = re.compile(r"\d{1,2}\Z")
_WORD = re.compile(r"[a-z]{3,}\Z|[가-힣]{2,}\Z")
_HANGUL_END = re.compile(r"[가-힣]{2}\Z")
_FIXED = frozenset({DONTCARE, "yes", "no"})
_NAME_LENGTHS = (1, 2, 2, 2, 3)
_LARGEST_NUMBER = 9
_TRIES = 3


class Augmenter:
    """Replaces slot values consistently in state, history, utterance and target.

    Known values come from the training turns themselves; synthetic names are random words of
    the same texts.
    """

    def __init__(
        self,
        turns: Sequence[TrainingTurn],
        settings: Augmentation,
        schema: Schema | None = None,
    ) -> None:
        """Collect the values and words of ``turns``; ``schema`` says which slots are closed."""
        self._settings = settings
        self._closed: Mapping[tuple[str, str], tuple[str, ...]] = (
            _closed_values(schema) if schema else {}
        )
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

        def swap(text: str) -> str:
            return _swapped(text, replaced)

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
        places = _places(turn)
        replaced: dict[str, str] = {}
        for value, owners in places.items():
            # A value the texts only paraphrase ("center") must keep its meaning.
            if not _known(turn, value) and _find(texts, value) < 0:
                continue
            if _NUMBER.match(value) and _count(texts, value) > 1:
                continue
            another = self._another(value, owners, chance)
            for _ in range(_TRIES):
                if another not in replaced.values():
                    break
                another = self._another(value, owners, chance)
            replaced[value] = another
        return replaced

    def _another(self, value: str, owners: Sequence[tuple[str, str]], chance: random.Random) -> str:
        closed = [self._closed[owner] for owner in owners if owner in self._closed]
        if closed:
            common = [one for one in closed[0] if all(one in other for other in closed[1:])]
            return chance.choice(common) if common else value
        if _CLOCK.match(value):
            minute = chance.randrange(0, 60, 5) if chance.random() < 0.7 else chance.randrange(60)
            return f"{chance.randrange(24):02d}:{minute:02d}"
        if _NUMBER.match(value):
            return str(chance.randint(1, _LARGEST_NUMBER))
        known = self._values.get(owners[0][1], [value])
        # Few values mean a closed set (days, areas): inventing members would teach nothing true.
        if len(known) > 15 and chance.random() < self._settings.synthetic_names:
            return " ".join(chance.sample(self.words, chance.choice(_NAME_LENGTHS)))
        return chance.choice(known)


def _closed_values(schema: Schema) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return what closed slots take; numbers no larger than people say."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for service in schema.services:
        for slot in service.slots:
            values = tuple(
                value
                for value in slot.values
                if value not in _FIXED
                and not (value.isdigit() and not 0 < int(value) <= _LARGEST_NUMBER)
            )
            if slot.categorical and values:
                found[service.name, slot.name] = values
    return found


def _places(turn: TrainingTurn) -> dict[str, list[tuple[str, str]]]:
    """Return each value that may be replaced, with the slots that have it."""
    places: dict[str, list[tuple[str, str]]] = {}
    for state in (turn.previous_state, turn.state or {}):
        for domain, slots in state.items():
            for slot, value in slots.items():
                if value not in _FIXED:
                    owners = places.setdefault(value, [])
                    if (domain, slot) not in owners:
                        owners.append((domain, slot))
    return places


def _known(turn: TrainingTurn, value: str) -> bool:
    return any(value in slots.values() for slots in turn.previous_state.values())


def _find(text: str, value: str, start: int = 0) -> int:
    """Return where ``value`` stands alone in ``text``, from ``start`` on; -1 for nowhere.

    Korean particles are written onto a value, so letters of its script may follow it.
    """
    at = text.find(value, start)
    while at >= 0:
        end = at + len(value)
        if not (at and _joins(text[at - 1])) and not (
            end < len(text) and _joins_after(value, text[end])
        ):
            return at
        at = text.find(value, at + 1)
    return -1


def _joins(character: str) -> bool:
    return character.isalnum() or character in "_:"


def _joins_after(value: str, character: str) -> bool:
    if _HANGUL_END.search(value):
        return character == ":" or (character.isascii() and character.isalnum())
    return _joins(character)


def _count(text: str, value: str) -> int:
    count, at = 0, _find(text, value)
    while at >= 0:
        count += 1
        at = _find(text, value, at + len(value))
    return count


def _swapped(text: str, replaced: Mapping[str, str]) -> str:
    """Return ``text`` with each value replaced where it stands; of two at one place, the longer."""
    found = [(at, -len(value), value) for value in replaced if (at := _find(text, value)) >= 0]
    if not found:
        return text
    parts: list[str] = []
    end = 0
    while found:
        at, _, value = min(found)
        parts += (text[end:at], replaced[value])
        end = at + len(value)
        found = [
            (then, length, one)
            for place, length, one in found
            if (then := place if place >= end else _find(text, one, end)) >= 0
        ]
    return "".join((*parts, text[end:]))
