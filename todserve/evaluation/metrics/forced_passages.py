"""Forced passages: the network's next-token logits along texts that are given to it.

The passages are what the network wrote, or what the corpus would have it write; calibration and
fidelity measure confidence on the logits. Teacher forcing: position t is predicted from the given
tokens before it, so one pass scores a whole passage, and two networks can be compared after the
same prefixes.
Example: a passage with ten target tokens gives ten rows of logits.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutput

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tasks import TaskName


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """One sequence as the decoder has it before it.

    Attributes:
        task: what it answers.
        context: encoder ids.
        prefix: decoder ids that are given and not scored; at least the start token.
        target: decoder ids that are scored, the end token included where it was written.
    """

    task: TaskName
    context: tuple[int, ...]
    prefix: tuple[int, ...]
    target: tuple[int, ...]


NextTokens = Callable[[Sequence[Passage]], torch.Tensor]
"""Passages -> (target tokens of all of them, vocabulary) logits, in the order of the passages."""


class Forced:
    """A T5 as ``NextTokens``."""

    def __init__(self, network: torch.nn.Module) -> None:
        """Use ``network``, a T5ForConditionalGeneration, in its own dtype and on its device."""
        t5: Any = network.eval()
        self._network = t5
        self._pad_id = int(t5.config.pad_token_id or 0)

    @torch.inference_mode()
    def __call__(self, passages: Sequence[Passage]) -> torch.Tensor:
        """Return fp32 logits.

        Raises:
            ConfigError: they are not finite.
        """
        contexts = list(dict.fromkeys(one.context for one in passages))
        places = {context: place for place, context in enumerate(contexts)}
        of = torch.tensor([places[one.context] for one in passages], device=self._network.device)
        ids, mask = self._padded(contexts)
        hidden = self._network.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        # What stands after a passage's end is padding that nothing before it can see.
        written, _ = self._padded([(*one.prefix, *one.target[:-1]) for one in passages])
        logits = self._network(
            encoder_outputs=BaseModelOutput(last_hidden_state=hidden.index_select(0, of)),
            attention_mask=mask.index_select(0, of),
            decoder_input_ids=written,
            use_cache=False,
        ).logits
        scored = [
            row[len(one.prefix) - 1 : len(one.prefix) - 1 + len(one.target)]
            for one, row in zip(passages, logits, strict=True)
        ]
        found = torch.cat(scored).float()
        if not bool(torch.isfinite(found).all()):
            raise ConfigError(
                f"the network's logits are not finite in {self._network.dtype}; load the "
                "checkpoint with dtype float32, or verify its checksum"
            )
        return found

    def _padded(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        width = max(map(len, rows))
        ids = torch.full((len(rows), width), self._pad_id, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[place, : len(row)] = 1
        return ids.to(self._network.device), mask.to(self._network.device)


def in_batches(passages: Sequence[Passage], size: int) -> Iterator[list[int]]:
    """Yield the places of all passages, like lengths together, at most ``size`` at a time.

    Length grouping keeps the padding small; passages of one context stay side by side.
    """
    order = sorted(
        range(len(passages)),
        key=lambda place: (len(passages[place].context), passages[place].context),
    )
    for start in range(0, len(order), size):
        yield order[start : start + size]


def targets(passages: Sequence[Passage]) -> torch.Tensor:
    """Return the (target tokens,) ids that the rows of ``NextTokens`` predict."""
    return torch.tensor([token for one in passages for token in one.target], dtype=torch.long)
