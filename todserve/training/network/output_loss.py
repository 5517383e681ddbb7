"""Output loss: the cross-entropy of what is written, without keeping a number for every piece.

The training network computes its loss with it on processors. The table has thousands of rows, so
probabilities of all pieces at all positions are the largest thing in a step: PyTorch writes them
out five times over, in main memory. Here they are made a few rows at a time, small enough for the
cache, and turned into their gradient at once: this layer, a third of a step, takes half its time.
Example: ``output_loss(hidden, table, labels, weights).total.backward()``.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable

_ROWS = 256  # positions multiplied at once
_CACHED = 32  # of them, positions whose probabilities lie in the cache together
_EVEN = 32  # rows of a table come in such dozens, as the hardware multiplies them


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputLoss:
    """What N positions cost.

    Attributes:
        total: summed cross-entropy in nats, each position's times its weight; differentiable.
        nats: (N,) cross-entropy of each.
        right: (N,) 1 where no piece is likelier than the label.
    """

    total: torch.Tensor
    nats: torch.Tensor
    right: torch.Tensor


def output_loss(
    hidden: torch.Tensor, table: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor
) -> OutputLoss:
    """Return the loss of writing ``labels``.

    Args:
        hidden: (N, F) of the decoder, multiplied in its own precision.
        table: (V, F) of the output layer.
        labels: (N,) ids below V.
        weights: (N,) of each position in the total.
    """
    total, nats, right = _OutputLoss.apply(hidden, table, labels, weights)  # type: ignore[no-untyped-call]
    return OutputLoss(total=total, nats=nats, right=right)


class _OutputLoss(torch.autograd.Function):
    """Works out the gradient beside the loss, while the probabilities are at hand."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        table: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        count, pieces = len(hidden), len(table)
        asked = any(ctx.needs_input_grad[:2])
        even = -(-pieces // _EVEN) * _EVEN
        rows = hidden.new_zeros(even, table.shape[1])
        rows[:pieces] = table
        nats = torch.empty(count)
        right = torch.empty(count)
        slopes = hidden.new_empty(count if asked else 0, even)
        for start in range(0, count, _ROWS):
            scored = hidden[start : start + _ROWS] @ rows.T
            for first in range(start, start + len(scored), _CACHED):
                mine = slice(first, min(first + _CACHED, start + len(scored)))
                scores = scored[mine.start - start : mine.stop - start].float()
                scores[:, pieces:] = -torch.inf  # no pieces: rows that make the number even
                wanted = labels[mine, None]
                label, largest = scores.gather(1, wanted), scores.amax(1, keepdim=True)
                odds = scores.sub_(largest).exp_()
                whole = odds.sum(1, keepdim=True)
                nats[mine] = (whole.log() + largest - label)[:, 0]
                right[mine] = (label >= largest)[:, 0].float()
                if asked:
                    weight = weights[mine, None].float()
                    slopes[mine] = odds.mul_(weight / whole).scatter_add_(1, wanted, -weight)
        if asked:
            ctx.save_for_backward(slopes @ rows, (slopes.T @ hidden)[:pieces].to(table.dtype))
        ctx.mark_non_differentiable(nats, right)
        return (nats * weights).sum(), nats, right

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, total: torch.Tensor, nats: torch.Tensor, right: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, None, None]:
        for_hidden, for_table = ctx.saved_tensors
        return for_hidden * total, for_table * total, None, None
