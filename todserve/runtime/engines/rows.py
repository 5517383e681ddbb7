"""Rows: what every engine checks of what it is asked, and how a row ends.

Beside the engines, each of which decodes in its own way and begins and ends alike.
Example: ``generation_of(row, (8, 5, row.end_id), log_probs, allowed).ids == (8, 5)``.
"""

import math
from collections.abc import Sequence

from todserve.runtime.automaton import FREE, TokenAutomaton
from todserve.runtime.engines.base import Generation, Row
from todserve.runtime.errors import ConfigError


def check_contexts(contexts: Sequence[Sequence[int]]) -> None:
    """Raise ValueError where there is no context, or one has no token."""
    if not contexts or not all(contexts):
        raise ValueError("encode needs at least one context, and each at least one token")


def needed_automaton(
    rows: Sequence[Row], automaton: TokenAutomaton | None, *, vocabulary: int
) -> TokenAutomaton | None:
    """Return the automaton if a row is constrained; None where all are free.

    Args:
        rows: of one call.
        automaton: what the call was given.
        vocabulary: how many tokens the network knows.

    Raises:
        ValueError: a row has a state, but there is no automaton.
        ConfigError: the automaton has another vocabulary than the network.
    """
    if all(row.state == FREE for row in rows):
        return None
    if automaton is None:
        raise ValueError("a row has a state, but generate was given no automaton")
    if automaton.vocabulary != vocabulary:
        raise ConfigError(
            f"the automaton knows {automaton.vocabulary} tokens, the network {vocabulary}; "
            "build it from the checkpoint that the network is of"
        )
    return automaton


def generation_of(
    row: Row, tokens: Sequence[int], log_probs: Sequence[float], allowed: Sequence[float]
) -> Generation:
    """End a row at its end token or its cap; what stands after that is a batch's padding.

    Args:
        row: what was asked.
        tokens: what was chosen, the prefix left out.
        log_probs: of each token, among all.
        allowed: log of the probability that the allowed tokens had at each.

    Raises:
        ConfigError: a log-probability is not finite.
    """
    tokens = tokens[: row.max_new_tokens]
    length = tokens.index(row.end_id) if row.end_id in tokens else len(tokens)
    ended = length < len(tokens)
    if not all(map(math.isfinite, log_probs[: length + ended])):
        raise ConfigError(
            "the network's probabilities are not finite; verify the checkpoint's checksum, "
            "or export it again with precision float32"
        )
    return Generation(
        ids=tuple(tokens[:length]),
        log_probs=tuple(log_probs[:length]),
        end_log_prob=log_probs[length] if ended else None,
        allowed_log_probs=tuple(allowed[:length]),
        end_allowed_log_prob=allowed[length] if ended else 0.0,
    )
