"""Token choices: the likeliest token at each position among those that are allowed there.

Used by the ONNX engine and its greedy search, whose network gives logits and leaves the choice to
numpy. A state either allows few tokens, and those alone are looked at, or refuses few, and then the
likeliest of all is nearly always among the others. The columns of the logits are every token, or a
shortlist and, behind it, what a call adds. Example: ``Choices(automaton).best(logits, states)``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.decoding.token_automaton import FREE, REFUSED, TokenAutomaton

Logits = NDArray[np.float32]
Ids = NDArray[np.int64]

_FEW = 16
"""A state with less than this part of the vocabulary chooses among labels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Columns:
    """The columns that a state allows, or those that it refuses: whichever are fewer."""

    places: NDArray[np.intp]
    allowed: bool


class Choices:
    """Chooses for rows that stand in states of one automaton.

    Args:
        automaton: None where every token is allowed.
        shortlist: the token of each column of the logits, ascending; None where every token has
            the column of its id.
    """

    def __init__(self, automaton: TokenAutomaton | None, shortlist: Ids | None = None) -> None:
        self.automaton = automaton
        self.labels = frozenset(_labels_beyond(automaton, shortlist).tolist())
        self._shortlist = shortlist
        self._tokens: list[int] | None = None if shortlist is None else shortlist.tolist()
        self._more: list[int] = []
        self._more_kinds = np.zeros(0, dtype=np.intp)
        self._known: dict[int, _Columns] = {}
        self._with_more: dict[int, _Columns] = {}

    def add(self, more: Sequence[int]) -> None:
        """Take further tokens behind the shortlist's columns, instead of those added before.

        Raises:
            ValueError: there is no shortlist to add to.
        """
        if self._shortlist is None:
            raise ValueError("tokens to add, but no shortlist: every token has a column")
        self._more = list(more)
        if self.automaton is not None:
            self._more_kinds = self.automaton.kinds.take(self._more)
        self._with_more = {}

    def token(self, place: int) -> int:
        """Return the token of a column."""
        if self._tokens is None:
            return place
        known = len(self._tokens)
        return self._tokens[place] if place < known else self._more[place - known]

    def after(self, state: int, token: int) -> int:
        """Return the state after a token, or REFUSED."""
        if self.automaton is None or state == FREE:
            return FREE
        return int(self.automaton.table[state, self.automaton.kinds[token]])

    def best(self, logits: Logits, states: Sequence[int]) -> list[int]:
        """Return the column of the likeliest allowed token of each row; of equal ones the first."""
        found: list[int] = logits.argmax(axis=1).tolist()
        for at, state in enumerate(states):
            if state != FREE and self.after(state, self.token(found[at])) == REFUSED:
                columns, row = self._columns(state), logits[at]
                if columns.allowed:
                    found[at] = int(columns.places[row[columns.places].argmax()])
                else:
                    row = row.copy()
                    row[columns.places] = -np.inf
                    found[at] = int(row.argmax())
        return found

    def log_probs(
        self,
        logits: Logits,
        places: Sequence[int],
        states: Sequence[int],
        sharpness: Sequence[float],
    ) -> list[tuple[float, float]]:
        """Return of each row a token's log-probability, and that of all its state allows together.

        All rows at once, for a few large operations cost less than many small ones.

        Args:
            logits: (rows, columns).
            places: the column of the token that each row chose.
            states: where each row stood.
            sharpness: what each row's logits are multiplied by.
        """
        sharp = logits * np.array(sharpness, dtype=np.float32)[:, None]
        highest = sharp.max(axis=1, keepdims=True)
        own = (sharp[np.arange(len(places)), places] - highest[:, 0]).tolist()
        weights = np.exp(np.subtract(sharp, highest, out=sharp), out=sharp)
        found: list[tuple[float, float]] = []
        for row, state, whole, one in zip(
            weights, states, map(math.log, weights.sum(axis=1).tolist()), own, strict=True
        ):
            found.append((one - whole, self._allowed(row, state, whole, one - whole)))
        return found

    def _allowed(self, weights: Logits, state: int, whole: float, own: float) -> float:
        if state == FREE:
            return 0.0
        columns = self._columns(state)
        some = float(weights.take(columns.places).sum(dtype=np.float64)) / math.exp(whole)
        if not columns.allowed:
            if some < 0.5:
                return math.log1p(-some)
            rest = weights.copy()  # what is left of one less nearly one would have few digits
            rest[columns.places] = 0.0
            some = float(rest.sum(dtype=np.float64)) / math.exp(whole)
        # Together they have at least what the chosen one has, however small that is.
        return max(math.log(some), own) if some > 0.0 else own

    def _columns(self, state: int) -> _Columns:
        known = self._known.get(state)
        if known is None:
            assert self.automaton is not None
            row = self.automaton.row(state)
            refused = (row if self._shortlist is None else row[self._shortlist]) == REFUSED
            allows = 2 * int(refused.sum()) > len(refused)
            places = np.flatnonzero(~refused if allows else refused)
            known = self._known[state] = _Columns(places=places, allowed=allows)
        if not self._more:
            return known
        found = self._with_more.get(state)
        if found is None:
            assert self.automaton is not None
            assert self._shortlist is not None
            refused = self.automaton.table[state].take(self._more_kinds) == REFUSED
            more = np.flatnonzero(~refused if known.allowed else refused) + len(self._shortlist)
            places = np.concatenate([known.places, more])
            found = self._with_more[state] = _Columns(places=places, allowed=known.allowed)
        return found


def _labels_beyond(automaton: TokenAutomaton | None, shortlist: Ids | None) -> Ids:
    """Return what the shortlist lacks of labels, as of a schema that has grown since.

    Where an open value is written a state allows a large part of the vocabulary. Of such a state
    the shortlist does, if it allows any of it.
    """
    if automaton is None or shortlist is None:
        return np.zeros(0, dtype=np.int64)
    allowed = automaton.table != REFUSED
    tokens = np.bincount(automaton.kinds)  # of each kind
    few = _FEW * (allowed @ tokens) < automaton.vocabulary
    few |= ~allowed[:, np.unique(automaton.kinds[shortlist])].any(axis=1)
    wanted = allowed[few].any(axis=0)[automaton.kinds]
    wanted[shortlist] = False
    return np.flatnonzero(wanted).astype(np.int64)
