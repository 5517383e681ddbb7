"""TokenAutomaton: a table of which tokens a network may write after which, as a finite automaton.

``constraint`` builds it from what a checkpoint knows, and every engine takes it: a row that starts
in one of its states chooses among the allowed tokens alone. It knows nothing of dialogue. Example:
``automaton.after(state, [token])`` is the state after it, or -1 where it is refused.

A step is a look-up, so that any engine can do it for every row of a batch: mask the refused
tokens, choose, and go on in the state that the chosen one leads to. Tokens of a row's prefix are
given, not chosen, and do not move it. Most tokens are words like any other and lead to the same
places from everywhere, so the table has a column for each kind of token and not for each token:
fifty times smaller.
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
        table: (states, kinds), the next state or REFUSED; row FREE is all FREE.
        kinds: (vocabulary,), the column of each token.
        starts: name of a task -> the state its rows start in.
    """

    table: NDArray[np.signedinteger]
    kinds: NDArray[np.intp]
    starts: Mapping[str, int]

    @property
    def states(self) -> int:
        """Number of states, FREE included."""
        return int(self.table.shape[0])

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return len(self.kinds)

    def row(self, state: int) -> NDArray[np.signedinteger]:
        """Return where each token id leads from ``state``, REFUSED where it may not be chosen."""
        found: NDArray[np.signedinteger] = self.table[state, self.kinds]
        return found

    def whole(self) -> NDArray[np.signedinteger]:
        """Return the rows of all states, for engines that cannot look kinds up: much larger."""
        found: NDArray[np.signedinteger] = self.table[:, self.kinds]
        return found

    def allowed(self, state: int) -> NDArray[np.intp]:
        """Return the token ids that ``state`` allows, ascending."""
        return np.flatnonzero(self.row(state) != REFUSED)

    def after(self, state: int, ids: Sequence[int]) -> int:
        """Return the state after some tokens, or REFUSED where one of them is refused."""
        for token_id in ids:
            if not 0 <= token_id < self.vocabulary:
                return REFUSED
            state = int(self.table[state, self.kinds[token_id]])
            if state == REFUSED:
                return REFUSED
        return state
