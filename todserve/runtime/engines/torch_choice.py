"""What the reference engine chooses from, and the probabilities of what it chose.

Stands inside ``TorchEngine``, at every step of transformers' ``generate``.
Example: a refused token's logit is minus infinity for the choice, but counts in its probability.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import LogitsProcessor

from todserve.runtime.automaton import FREE, REFUSED, TokenAutomaton
from todserve.runtime.engines.base import Row
from todserve.runtime.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class AutomatonTable:
    """An automaton on the network's device.

    Attributes:
        after: (states, vocabulary), the next state or REFUSED.
        penalty: (states, vocabulary), minus infinity where a token is refused, else 0: adding a
            row of it costs a fraction of comparing and filling.
    """

    after: torch.Tensor
    penalty: torch.Tensor

    @classmethod
    def of(cls, automaton: TokenAutomaton, device: torch.device) -> "AutomatonTable":
        """Copy an automaton to ``device``."""
        after = torch.from_numpy(automaton.table).to(device)
        penalty = torch.zeros(after.shape, device=device).masked_fill_(after == REFUSED, -torch.inf)
        return cls(after=after, penalty=penalty)


class Constraint:
    """Where each row of a batch stands in the automaton."""

    def __init__(self, rows: Sequence[Row], table: AutomatonTable, start: int) -> None:
        """Stand at each row's start; ``start`` is the length of the prefixes."""
        self._table = table
        self._states = torch.tensor([row.state for row in rows], device=table.after.device)
        self._start = start

    def penalty(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Follow the tokens chosen last; return (rows, vocabulary) to add to their logits."""
        if input_ids.shape[1] > self._start:
            states = self._table.after[self._states, input_ids[:, -1]].long()
            # A row that has ended is padded; no state follows the padding.
            self._states = states.clamp(min=FREE)
        return self._table.penalty.index_select(0, self._states)


class ChosenLogProbs(LogitsProcessor):
    """Records the log-probability of the token greedy search is about to choose, at every step.

    The chosen token is the one with the highest logit, so its log-probability is that logit less
    the log-sum-exp of all: exact, in fp32, and (rows,) numbers a step are kept instead of
    (rows, vocabulary). Each row's logits are divided by its temperature for that. What the
    search chooses from is handed back as it came, but for the logits of tokens that the row's
    constraint refuses: the probability stays the one among all tokens, and beside it stands what
    the allowed ones had together.

    Attributes:
        dtype: the network's.
        steps: of each step, (rows,) log-probabilities of the chosen tokens.
        allowed: the same of what was allowed; empty without a constraint.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        device: torch.device,
        dtype: torch.dtype,
        constraint: Constraint | None,
    ) -> None:
        """Record for ``rows``; ``dtype`` is the network's, for the message of a failure."""
        self.dtype = dtype
        self.steps: list[torch.Tensor] = []
        self.allowed: list[torch.Tensor] = []
        self._constraint = constraint
        self._sharpness: torch.Tensor | None = None
        if any(row.temperature != 1 for row in rows):
            sharpness = [1 / row.temperature for row in rows]
            self._sharpness = torch.tensor(sharpness, device=device)[:, None]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Record a step; return what it may choose from, (rows, vocabulary)."""
        logits = scores.float()
        if self._sharpness is not None:
            logits = logits * self._sharpness
        whole = logits.logsumexp(dim=-1)
        if self._constraint is not None:
            penalty = self._constraint.penalty(input_ids)
            scores, logits = scores + penalty, logits + penalty
            self.allowed.append((logits.logsumexp(dim=-1) - whole).clamp(max=0))
        chosen = logits.amax(dim=-1) - whole
        # amax and logsumexp both carry a NaN or an infinity anywhere in the row.
        if not bool(torch.isfinite(chosen).all()):
            fix = (
                "load the checkpoint with dtype float32"
                if self.dtype != torch.float32
                else "the weights are damaged: verify the checkpoint's checksum or train again"
            )
            raise ConfigError(f"the network's logits are not finite in {self.dtype}; {fix}")
        self.steps.append(chosen)
        return scores
