"""TokenAutomaton: a table of which tokens may follow which, for decoding under the constraint.

Stands beside the engines: a row that starts in one of its states chooses among the allowed tokens
alone. It knows nothing of dialogue; ``constraint`` builds it from what a checkpoint knows.
Example: ``automaton.table[state, token]`` is the state after ``token``, or -1 where it is refused.

A step is a look-up, so that any engine can do it for every row of a batch: mask the refused
tokens, choose, and go on in ``table[state, chosen]``. Tokens of a row's prefix are given, not
chosen, and do not move it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FREE = 0
"""The state that allows every token and is never left: a row without a constraint."""

REFUSED = -1
"""In the table: no next state, the token may not be chosen."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TokenAutomaton:
    """States of partly written sequences, and the token ids that may continue each.

    Every state allows at least one token and can reach an end token; an end token leads to FREE,
    since a row that has ended is not constrained any more.

    Attributes:
        table: int16 (states, vocabulary), the next state or REFUSED; row FREE is all FREE.
        starts: name of a task -> the state its rows start in.
    """

    table: NDArray[np.int16]
    starts: Mapping[str, int]

    @property
    def states(self) -> int:
        """Number of states, FREE included."""
        return int(self.table.shape[0])

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return int(self.table.shape[1])

    def allowed(self, state: int) -> NDArray[np.intp]:
        """Return the token ids that ``state`` allows, ascending."""
        return np.flatnonzero(self.table[state] != REFUSED)

    def after(self, state: int, ids: Sequence[int]) -> int:
        """Return the state after some tokens, or REFUSED where one of them is refused."""
        for token_id in ids:
            if not 0 <= token_id < self.vocabulary:
                return REFUSED
            state = int(self.table[state, token_id])
            if state == REFUSED:
                return REFUSED
        return state
