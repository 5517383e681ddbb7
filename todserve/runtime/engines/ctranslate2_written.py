"""Written: what a row has so far, and what it takes over of a draft that CTranslate2 wrote.

Below the CTranslate2 engine, whose calls know neither a row's own end token nor its constraint:
they write on, and only what the row would have written itself is kept. numpy only.
Example: of the draft ``[4, 9, 7]`` a row that ends at 9 takes over ``[4, 9]``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.automaton import FREE, REFUSED, TokenAutomaton
from todserve.runtime.engines.base import Generation, Row
from todserve.runtime.engines.rows import generation_of
from todserve.runtime.errors import ConfigError


@dataclass(kw_only=True, slots=True)
class Written:
    """One row on its way.

    Attributes:
        row: what is wanted.
        tokens: what it wrote, its end token too, once that came.
        log_probs: of each.
        allowed: log-probability of all tokens that it could have chosen there.
        state: of the automaton, after them.
    """

    row: Row
    tokens: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    allowed: list[float] = field(default_factory=list)
    state: int = FREE

    @property
    def ended(self) -> bool:
        """Whether its end token came."""
        return bool(self.tokens) and self.tokens[-1] == self.row.end_id

    @property
    def going(self) -> bool:
        """Whether it has more to write."""
        return not self.ended and len(self.tokens) < self.row.max_new_tokens

    def take_over(
        self, draft: list[int], logits: Sequence[Any], automaton: TokenAutomaton | None
    ) -> None:
        """Add what a call wrote, up to the row's own end token, cap, or first refused token.

        Where a token is refused, the best of those that the row may choose stands in its place:
        the logits there are what a constrained search would have had before it.

        Args:
            draft: at least one token, written after ``tokens`` without a constraint.
            logits: of each, (vocabulary,) float32.
            automaton: of the row's states.

        Raises:
            ConfigError: the logits are not finite.
        """
        draft = draft[: self.row.max_new_tokens - len(self.tokens)]
        if self.row.end_id in draft:
            draft = draft[: draft.index(self.row.end_id) + 1]
        states = _states(draft, self.state, automaton)
        draft = draft[: len(states)]
        steps = np.stack([np.asarray(logits[place]) for place in range(len(draft))])
        allowed = [0.0] * len(draft)
        if automaton is not None and self.state != FREE:
            refused = automaton.table[states] == REFUSED
            draft[-1] = int(np.where(refused[-1], -np.inf, steps[-1]).argmax())
            self.state = int(automaton.table[states[-1], draft[-1]])
            allowed = _allowed_log_probs(steps, refused, self.row.temperature).tolist()
        self.log_probs += _log_probs(steps, draft, self.row.temperature).tolist()
        self.tokens += draft
        self.allowed += allowed

    def generation(self) -> Generation:
        """Return what the row became."""
        return generation_of(self.row, self.tokens, self.log_probs, self.allowed)


def _states(draft: Sequence[int], state: int, automaton: TokenAutomaton | None) -> list[int]:
    """Return the state before each token, up to and including the first refused one."""
    if automaton is None or state == FREE:
        return [FREE] * len(draft)
    states = []
    for token in draft:
        states.append(state)
        state = int(automaton.table[state, token])
        if state == REFUSED:
            break
    return states


def _log_probs(
    logits: NDArray[np.float32], tokens: Sequence[int], temperature: float
) -> NDArray[np.float32]:
    """Return the (steps,) natural-log probabilities of ``tokens`` in ``logits`` (steps, V).

    Raises:
        ConfigError: they are not finite.
    """
    with np.errstate(invalid="ignore"):
        sharp = logits * np.float32(1 / temperature)
        sharp -= sharp.max(axis=1, keepdims=True)
        chosen = sharp[np.arange(len(tokens)), list(tokens)]
        found: NDArray[np.float32] = chosen - np.log(np.exp(sharp).sum(axis=1))
    if not np.isfinite(found).all():
        raise ConfigError(
            "the network's logits are not finite; verify the checkpoint's checksum, or export it "
            "again with precision float32"
        )
    return found


def _allowed_log_probs(
    logits: NDArray[np.float32], refused: NDArray[np.bool_], temperature: float
) -> NDArray[np.float32]:
    """Return (steps,), the natural log of the probability of all tokens that are not refused."""
    sharp = logits * np.float32(1 / temperature)
    weights = np.exp(sharp - sharp.max(axis=1, keepdims=True))
    allowed = np.where(refused, np.float32(0), weights).sum(axis=1)
    found: NDArray[np.float32] = np.minimum(np.log(allowed / weights.sum(axis=1)), np.float32(0))
    return found
