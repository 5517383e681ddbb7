"""Task report: cross-entropy, perplexity and accuracy per task over a stretch of training.

The training loop fills and prints it. Cross-entropy is in nats per target token, perplexity its
exponential; divergence, from a teacher, likewise in nats per target token.
Example line: ``belief_state 0.12 nats (ppl 1.13), 91% of targets exact``.
"""

import math

import torch
from torch.utils.tensorboard import SummaryWriter

from todserve.training.batches.examples import TASK_ORDER
from todserve.training.loop.distributed import World
from todserve.training.loop.run_checkpoints import Progress
from todserve.training.network.training_network import Loss


class TaskReport:
    """Losses and accuracies per task, summed over batches."""

    def __init__(self) -> None:
        """Start from nothing."""
        self._sums = torch.zeros(6, len(TASK_ORDER))

    def add(self, loss: Loss) -> None:
        """Count one batch."""
        part = torch.stack(
            [loss.nats, loss.tokens, loss.correct, loss.exact, loss.targets, loss.divergence]
        )
        # Summed where it was computed: a copy would wait for the GPU at every step.
        self._sums = self._sums.to(part.device) + part

    def gather(self, world: World) -> None:
        """Add what the other processes counted; each must call it."""
        self._sums = world.summed(self._sums)

    def rows(self) -> dict[str, dict[str, float]]:
        """Return per task: nats per token, perplexity, token accuracy, share of exact targets."""
        nats, tokens, correct, exact, targets, apart = self._sums.tolist()
        distilled = any(apart)
        return {
            name.value: {
                "nats": nats[i] / tokens[i],
                "perplexity": math.exp(min(50.0, nats[i] / tokens[i])),
                "token_accuracy": correct[i] / tokens[i],
                "exact_given_past": exact[i] / targets[i],
            }
            | ({"divergence": apart[i] / tokens[i]} if distilled else {})
            for i, name in enumerate(TASK_ORDER)
            if tokens[i]
        }

    def write(self, board: SummaryWriter, split: str, step: int) -> None:
        """Write every figure to TensorBoard."""
        for task, figures in self.rows().items():
            for name, value in figures.items():
                board.add_scalar(f"{split}/{task}/{name}", value, step)

    def line(self, *, full: bool = False) -> str:
        """Return one line for a terminal."""
        if not full:
            return " ".join(f"{task[:6]} {row['nats']:.2f}" for task, row in self.rows().items())
        return "; ".join(
            f"{task} {row['nats']:.3f} nats (ppl {row['perplexity']:.2f}), "
            f"{100 * row['exact_given_past']:.1f}% of targets exact"
            for task, row in self.rows().items()
        )

    @staticmethod
    def tokens_per_second(progress: Progress) -> float:
        """Return useful tokens per second of the whole run so far."""
        return progress.tokens / max(progress.seconds, 1e-9)
