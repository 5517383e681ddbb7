"""Engine: runs the network, token ids in and token ids out; it knows nothing of dialogue.

The pipeline gives it prompts as token ids and parses what it returns. A turn uses it twice:
``encode`` + ``generate`` for belief state and intent, ``generate`` again for acts and response.
Example row: ``Row(context=0, prefix=(32001,), end_id=32002, max_new_tokens=120)``.

What every engine checks of the rows it is asked for, and how a row ends, is here too: each decodes
in its own way, and all begin and end alike. Example: ``generation_of(row, (8, 5, row.end_id),
log_probs, allowed).ids == (8, 5)``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.decoding.token_automaton import FREE, TokenAutomaton
from todserve.runtime.errors import ConfigError


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
    """The tokens that were generated for a row, and the log-probability of each.

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


@runtime_checkable
class SharedEngine(Protocol):
    """An engine whose network several threads may run at once, each through a twin of its own."""

    def twin(self) -> Self:
        """Return an engine over the same network that remembers nothing of this one's calls."""
        ...


Logits = NDArray[np.float32]
"""(steps, vocabulary)."""


class LogitSource(Protocol):
    """A network that tells its logits along tokens that are given, whatever runs it.

    Engines only say what they chose, and an export can be compared with its checkpoint more
    finely than that. Teacher forcing: row t is predicted from the tokens before t.
    """

    def logits(self, context: Sequence[int], prefix: Sequence[int], ids: Sequence[int]) -> Logits:
        """Return the logits of each token of ``ids`` and of the one after them.

        Args:
            context: encoder ids, at least one.
            prefix: decoder ids, at least the start token; they are not predicted.
            ids: decoder ids that follow.

        Returns:
            (len(ids) + 1, vocabulary), float32, before any softmax or temperature.
        """
        ...


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
