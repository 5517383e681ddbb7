"""Engine: token ids in, token ids out; knows nothing of dialogue.

Stands between tokenization and the parsers on the way of a request. A turn uses it twice:
``encode`` + ``generate`` for belief state and intent, ``generate`` again for acts and response.
Example row: ``Row(context=0, prefix=(32001,), end_id=32002, max_new_tokens=120)``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.automaton import FREE, TokenAutomaton


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One sequence to generate.

    Attributes:
        context: index of its context in the encoding.
        prefix: decoder tokens that are given, not generated; the first is the start token.
        end_id: generation stops at this token.
        max_new_tokens: generation stops after this many tokens.
        temperature: divides the logits before log-probabilities are taken of them; changes no id.
        state: where the row starts in the automaton of its call; FREE chooses among all tokens.
    """

    context: int
    prefix: tuple[int, ...]
    end_id: int
    max_new_tokens: int
    temperature: float = 1.0
    state: int = FREE


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """What a row became.

    Attributes:
        ids: generated tokens, without prefix and without the end token.
        log_probs: natural-log probability of each token of ``ids`` given those before it, at the
            row's temperature; the network's own, among all tokens, whatever an automaton refused.
        end_log_prob: the same for the end token; None when the length cap came first.
        allowed_log_probs: natural log of the probability that the allowed tokens had together at
            each token of ``ids``, so that ``log_prob - allowed_log_prob`` is the probability
            among the allowed ones. 0 where all tokens were allowed; empty says the same of all.
        end_allowed_log_prob: the same for the end token; 0 where there is none.
    """

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    end_log_prob: float | None
    allowed_log_probs: tuple[float, ...] = ()
    end_allowed_log_prob: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether the model ended the sequence itself."""
        return self.end_log_prob is not None


class Encoding(Protocol):
    """Contexts after the encoder; opaque to everyone but the engine that made it."""

    @property
    def size(self) -> int:
        """Number of contexts."""
        ...


def states_of(encoding: Encoding) -> NDArray[np.float32] | None:
    """Return what the encoder made of every token, (contexts, longest, d_model).

    None where the engine does not show it, which no engine has to: what it is used for, an
    intent model, is then left out.
    """
    shown = getattr(encoding, "states", None)
    return None if shown is None else np.asarray(shown, dtype=np.float32)


class Engine(Protocol):
    """Greedy generation over encoded contexts.

    Every engine returns the reference engine's ids in fp32. Rows may share a context, differ in
    prefix length, in cap, in temperature and in whether and how they are constrained, and stop
    each on its own; the answer has the order of ``rows``.
    """

    def encode(self, contexts: Sequence[Sequence[int]]) -> Encoding:
        """Encode contexts (token ids, each at least one) once for all rows that use them."""
        ...

    def generate(
        self, encoding: Encoding, rows: Sequence[Row], automaton: TokenAutomaton | None = None
    ) -> list[Generation]:
        """Decode all rows as one batch.

        Args:
            encoding: of this engine's ``encode``.
            rows: what to generate.
            automaton: what the rows whose ``state`` is not FREE may choose; its vocabulary is
                the network's.

        Raises:
            ConfigError: the engine cannot constrain its rows.
        """
        ...

    def close(self) -> None:
        """Release threads and memory."""
        ...
