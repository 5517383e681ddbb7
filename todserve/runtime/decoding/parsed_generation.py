"""ParsedGeneration: what the network wrote, as text, as its meaning, and with its probabilities.

The pipeline makes it of what the engine returns, and belief tracking and the answer read it.
Example: ids of ``[train] day friday`` with log-probabilities give the state
``{"train": {"day": "friday"}}`` and ``probability(12, 18)`` of the word ``friday``.
"""

import math
from dataclasses import dataclass
from typing import Any

from todserve.runtime.engines.engine import Generation
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tasks import TASKS, TaskName
from todserve.runtime.language.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What one generation says: its text and its parsed meaning, with its tokens' probabilities.

    Attributes:
        text: what the model wrote.
        parsed: the task's own ``Parsed...`` type.
        generation: ids and log-probabilities.
        offsets: the characters of ``text`` each id produced.
        constrained: whether an automaton held the generation.
    """

    text: str
    parsed: Any
    generation: Generation
    offsets: tuple[tuple[int, int], ...]
    constrained: bool = False

    def probability(self, start: int, end: int) -> float:
        """Return the model's probability of the tokens that overlap characters start to end.

        It is conditional on everything the model wrote before them.
        """
        return math.exp(sum(self.generation.log_probs[at] for at in self.tokens(start, end)))

    def probability_among_allowed(self, start: int, end: int) -> float:
        """Return the same among the tokens the automaton allowed; equal where none was refused."""
        allowed = sum(self._allowed[at] for at in self.tokens(start, end))
        # An allowed share is a sum of many: rounding must not lift a probability over 1.
        return min(1.0, self.probability(start, end) / math.exp(allowed))

    def tokens(self, start: int, end: int) -> tuple[int, ...]:
        """Return the places of the tokens that overlap characters start to end."""
        return tuple(
            at for at, (first, last) in enumerate(self.offsets) if first < end and last > start
        )

    @property
    def whole_probability(self) -> float:
        """The model's probability of everything it wrote, the end token included."""
        return math.exp(sum(self.generation.log_probs) + (self.generation.end_log_prob or 0.0))

    @property
    def whole_probability_among_allowed(self) -> float:
        """The same among the tokens the automaton allowed."""
        allowed = sum(self._allowed) + self.generation.end_allowed_log_prob
        return min(1.0, self.whole_probability / math.exp(allowed))

    @property
    def _allowed(self) -> tuple[float, ...]:
        return self.generation.allowed_log_probs or (0.0,) * len(self.generation.ids)


def read(
    generation: Generation,
    task: TaskName,
    *,
    tokenizer: Tokenizer,
    schema: Schema,
    constrained: bool = False,
) -> Reading:
    """Decode and parse a generation; a malformed one is no error."""
    text, offsets = tokenizer.decode_with_offsets(generation.ids)
    return Reading(
        text=text,
        parsed=TASKS[task].parse(text, schema),
        generation=generation,
        offsets=tuple(offsets),
        constrained=constrained,
    )
