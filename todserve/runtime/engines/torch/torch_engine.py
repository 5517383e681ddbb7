"""The reference engine: PyTorch and transformers' own ``generate``.

It has the methods of ``engine.Engine``, so the pipeline can use it as it uses any other; every
other engine is held to its ids in fp32. It takes a network that is already loaded
(``runtime.checkpoint`` loads it), so it imports no model file. Example:
``TorchEngine(PlugAndPlayT5.load(folder)).encode([(5, 17, 3)]).size == 1``.

``Constraint`` says at every step of ``generate`` what may be chosen, ``ChosenLogProbs`` keeps how
probable it was: a refused token's logit is minus infinity for the choice, but counts in its
probability.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)
from transformers.modeling_outputs import BaseModelOutput

from todserve.runtime.decoding.token_automaton import FREE, REFUSED, TokenAutomaton
from todserve.runtime.engines.engine import (
    Encoding,
    Generation,
    Row,
    check_contexts,
    generation_of,
    needed_automaton,
)
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
        after = torch.from_numpy(automaton.whole()).to(device)
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


@dataclass(frozen=True, kw_only=True, slots=True)
class TorchEncoding:
    """The encoder's output for some contexts.

    Attributes:
        hidden: (contexts, longest, d_model), padded on the right.
        mask: (contexts, longest), 1 where there is a token.
    """

    hidden: torch.Tensor
    mask: torch.Tensor

    @property
    def size(self) -> int:
        """Number of contexts."""
        return int(self.hidden.shape[0])

    @property
    def states(self) -> NDArray[np.float32]:
        """The encoder's output as numpy has it."""
        array: NDArray[np.float32] = self.hidden.float().cpu().numpy()
        return array


class _EachRowItsOwnEnd(StoppingCriteria):
    """Stops a row at its own end token or its own cap."""

    def __init__(self, rows: Sequence[Row], device: torch.device) -> None:
        self.start = len(rows[0].prefix)
        # generate pads finished rows only if a criterion carries an attribute of this name.
        self.eos_token_id = torch.tensor([row.end_id for row in rows], device=device)
        self.caps = torch.tensor([row.max_new_tokens for row in rows], device=device)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        full = self.caps <= input_ids.shape[1] - self.start
        return (input_ids[:, -1] == self.eos_token_id) | full


class TorchEngine:
    """Greedy generation with transformers, on the device and in the dtype of the network.

    Rows whose prefixes have the same length decode as one batch; other lengths follow one after
    another. A turn's rows all have one length in each of its two calls, so in serving a call is
    one batch. (Left-padding prefixes would join the lengths, at the price of masked positions
    whose attention depends on the back end.)
    """

    def __init__(self, network: torch.nn.Module) -> None:
        """Take over ``network``, a T5ForConditionalGeneration.

        Its generation settings are replaced: a checkpoint's ``</s>``, beams or length would
        otherwise leak into every call.
        """
        t5: Any = network.eval()
        self._pad_id = int(t5.config.pad_token_id or 0)
        t5.generation_config = GenerationConfig(pad_token_id=self._pad_id)
        self._network: Any = t5
        self._automaton: tuple[TokenAutomaton, AutomatonTable] | None = None

    def encode(self, contexts: Sequence[Sequence[int]]) -> TorchEncoding:
        """Run the encoder over all contexts as one right-padded batch.

        Raises:
            ValueError: there is no context, or one has no token.
        """
        check_contexts(contexts)
        device = self._network.device
        longest = max(len(context) for context in contexts)
        ids = torch.full((len(contexts), longest), self._pad_id, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for index, context in enumerate(contexts):
            ids[index, : len(context)] = torch.tensor(context, dtype=torch.long)
            mask[index, : len(context)] = 1
        ids, mask = ids.to(device), mask.to(device)
        with torch.inference_mode():
            hidden = self._network.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return TorchEncoding(hidden=hidden, mask=mask)

    def generate(
        self, encoding: Encoding, rows: Sequence[Row], automaton: TokenAutomaton | None = None
    ) -> list[Generation]:
        """Decode ``rows`` greedily; the answer has their order.

        Raises:
            TypeError: ``encoding`` is another engine's.
            ValueError: a row has a state, but there is no automaton.
            ConfigError: the network's logits are not finite; names the dtype and the fix. Or the
                automaton has another vocabulary than the network.
        """
        if not isinstance(encoding, TorchEncoding):
            raise TypeError(f"an encoding of {type(encoding).__name__}; expected TorchEncoding")
        table = self._table(rows, automaton)
        by_prefix_length: dict[int, list[int]] = defaultdict(list)
        for index, row in enumerate(rows):
            by_prefix_length[len(row.prefix)].append(index)
        done: dict[int, Generation] = {}
        for indices in by_prefix_length.values():
            together = [rows[index] for index in indices]
            found = self._generate(encoding, together, table)
            done.update(zip(indices, found, strict=True))
        return [done[index] for index in range(len(rows))]

    def close(self) -> None:
        """Let go of the network."""
        self._network = self._automaton = None

    def _table(
        self, rows: Sequence[Row], automaton: TokenAutomaton | None
    ) -> AutomatonTable | None:
        """Return the automaton's table on the network's device; None where all rows are free."""
        vocabulary = int(self._network.config.vocab_size)
        needed = needed_automaton(rows, automaton, vocabulary=vocabulary)
        if needed is None:
            return None
        if self._automaton is None or self._automaton[0] is not needed:
            self._automaton = needed, AutomatonTable.of(needed, self._network.device)
        return self._automaton[1]

    @torch.inference_mode()
    def _generate(
        self, encoding: TorchEncoding, rows: Sequence[Row], table: AutomatonTable | None
    ) -> list[Generation]:
        device = encoding.hidden.device
        wanted = torch.tensor([row.context for row in rows], device=device)
        mask = encoding.mask.index_select(0, wanted)
        longest = int(mask.sum(dim=1).max())
        prefixes = torch.tensor([row.prefix for row in rows], dtype=torch.long, device=device)
        start = prefixes.shape[1]
        constraint = None if table is None else Constraint(rows, table, start)
        recorder = ChosenLogProbs(rows, device, self._network.dtype, constraint)
        ids = self._network.generate(
            encoder_outputs=BaseModelOutput(
                last_hidden_state=encoding.hidden.index_select(0, wanted)[:, :longest]
            ),
            attention_mask=mask[:, :longest],
            decoder_input_ids=prefixes,
            # Naming each row's own first token keeps generate from putting another before it.
            decoder_start_token_id=[row.prefix[0] for row in rows],
            max_new_tokens=max(row.max_new_tokens for row in rows),
            do_sample=False,
            num_beams=1,
            logits_processor=LogitsProcessorList([recorder]),
            stopping_criteria=StoppingCriteriaList([_EachRowItsOwnEnd(rows, device)]),
        )
        new_ids = ids[:, start:].tolist()
        log_probs = torch.stack(recorder.steps, dim=1).tolist()
        allowed = (
            torch.stack(recorder.allowed, dim=1).tolist()
            if recorder.allowed
            else [[0.0] * len(recorder.steps)] * len(rows)
        )
        return [
            generation_of(row, tokens, scores, shares)
            for row, tokens, scores, shares in zip(rows, new_ids, log_probs, allowed, strict=True)
        ]
