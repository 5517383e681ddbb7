"""Token choices: the likeliest token at each position among those that are allowed there.

Beside an engine whose network gives logits and leaves the choice to numpy. A state either allows
few tokens, and those alone are looked at, or refuses few, and then the likeliest of all is nearly
always among the others. Example: ``Choices(automaton).best(logits, states)``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.decoding.token_automaton import FREE, REFUSED, TokenAutomaton

Logits = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tokens:
    """The tokens that a state allows, or those that it refuses: whichever are fewer."""

    ids: NDArray[np.intp]
    allowed: bool


class Choices:
    """Chooses for rows that stand in states of one automaton.

    Args:
        automaton: None where every token is allowed.
    """

    def __init__(self, automaton: TokenAutomaton | None) -> None:
        self.automaton = automaton
        self._known: dict[int, _Tokens] = {}

    def after(self, state: int, token: int) -> int:
        """Return the state after a token, or REFUSED."""
        if self.automaton is None or state == FREE:
            return FREE
        return int(self.automaton.table[state, token])

    def best(self, logits: Logits, states: Sequence[int]) -> list[int]:
        """Return the likeliest allowed token of each row of ``logits``; the first of equal ones."""
        found: list[int] = logits.argmax(axis=1).tolist()
        for place, state in enumerate(states):
            if state != FREE and self.after(state, found[place]) == REFUSED:
                tokens, row = self._tokens(state), logits[place]
                if tokens.allowed:
                    found[place] = int(tokens.ids[row[tokens.ids].argmax()])
                else:
                    row = row.copy()
                    row[tokens.ids] = -np.inf
                    found[place] = int(row.argmax())
        return found

    def log_probs(
        self, logits: Logits, token: int, state: int, sharpness: float
    ) -> tuple[float, float]:
        """Return the log-probability of a token, and of all that the state allows together.

        Args:
            logits: (vocabulary,).
            token: the one that was chosen.
            state: where its row stood.
            sharpness: what logits are multiplied by.
        """
        sharp = logits if sharpness == 1.0 else logits * np.float32(sharpness)
        highest = sharp.max()
        weights = np.exp(sharp - highest)
        whole = math.log(weights.sum())
        own = float(sharp[token] - highest) - whole
        return own, self._allowed(weights, state, whole, own)

    def _allowed(self, weights: Logits, state: int, whole: float, own: float) -> float:
        if state == FREE:
            return 0.0
        tokens = self._tokens(state)
        some = float(weights[tokens.ids].sum(dtype=np.float64)) / math.exp(whole)
        if not tokens.allowed:
            if some < 0.5:
                return math.log1p(-some)
            rest = weights.copy()  # what is left of one less nearly one would have few digits
            rest[tokens.ids] = 0.0
            some = float(rest.sum(dtype=np.float64)) / math.exp(whole)
        # Together they have at least what the chosen one has, however small that is.
        return max(math.log(some), own) if some > 0.0 else own

    def _tokens(self, state: int) -> _Tokens:
        known = self._known.get(state)
        if known is None:
            assert self.automaton is not None
            refused = self.automaton.table[state] == REFUSED
            allows = 2 * int(refused.sum()) > len(refused)
            ids = np.flatnonzero(~refused if allows else refused)
            known = self._known[state] = _Tokens(ids=ids, allowed=allows)
        return known
