"""A token automaton of a plain table, each token a kind of its own."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.decoding.token_automaton import TokenAutomaton


def plain_automaton(
    table: NDArray[np.int16], starts: Mapping[str, int] = MappingProxyType({})
) -> TokenAutomaton:
    """Return the automaton of a table (states, vocabulary)."""
    return TokenAutomaton(table=table, kinds=np.arange(table.shape[1]), starts=starts)
