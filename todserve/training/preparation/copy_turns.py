"""Copy turns: made-up utterances whose belief state can only be copied.

Mixed into the training turns from scratch: a small network finds "look up the slot's word, write
what follows it" in minutes on these, where natural turns alone take it hours.
Example: "train leave 09:12, departure green hill." is ``[train] departure green hill leave 09:12``.
"""

import random
from collections.abc import Sequence

from todserve.runtime.language.schema import Schema
from todserve.training.preparation.training_turns import State, TrainingTurn

_LENGTHS = (1, 1, 2, 2, 3)


class CopyTurns:
    """Makes turns of random slots with random words as values; a function of the chance given."""

    def __init__(self, schema: Schema, words: Sequence[str]) -> None:
        """Take domains and slots from ``schema`` and values from ``words``."""
        self._slots = {domain: schema.slots(domain) for domain in schema.domains}
        self._domains = [domain for domain, slots in self._slots.items() if len(slots) > 2]
        self._words = words

    def __call__(self, chance: random.Random) -> TrainingTurn:
        """Return one turn: what is said in any order becomes state in the schema's order."""
        state: State = {}
        said: list[str] = []
        for domain in chance.sample(
            self._domains, min(chance.choice((1, 1, 2)), len(self._domains))
        ):
            slots = self._slots[domain]
            chosen = [slot for slot in slots if chance.random() < 3 / len(slots)]
            values = {slot: self._value(chance) for slot in chosen or slots[:1]}
            state[domain] = values
            pairs = [f"{slot} {value}" for slot, value in values.items()]
            chance.shuffle(pairs)
            said.append(f"{domain} " + ", ".join(pairs))
        return TrainingTurn(dialogue_id="copy", user=". ".join(said) + ".", state=state)

    def _value(self, chance: random.Random) -> str:
        kind = chance.random()
        if kind < 0.25:
            return f"{chance.randrange(24):02d}:{chance.randrange(60):02d}"
        if kind < 0.4:
            return str(chance.randint(0, 12))
        return " ".join(chance.sample(self._words, chance.choice(_LENGTHS)))
