"""Recovery: keeps a good copy of the weights to go back to when the loss rises or overflows.

The training loop tells it the losses. The mean loss of some hundred steps is judged together; after
a good stretch the weights are copied, after a bad one the copy comes back and the learning rate is
halved for the rest of the run. The batches go on where they were: the ones that did the harm are
not met again at once.
Example: ``recovery: {every: 250, rise: 1.35}`` in a configuration.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from todserve.runtime.errors import TrainingError
from todserve.training.loop.distributed import World
from todserve.training.loop.weight_average import WeightAverage
from todserve.training.training_config import Recovery


@dataclass(frozen=True, kw_only=True, slots=True)
class Trust:
    """What a run has seen of its own loss; kept in its checkpoints.

    Attributes:
        scale: factor on the learning rate, halved by every return.
        best: the lowest mean loss of a stretch, None before the first.
        nats: summed loss of the steps since the last judgement.
        steps: number of those steps.
    """

    scale: float = 1.0
    best: float | None = None
    nats: float = 0.0
    steps: int = 0


class GoodCopy:
    """Judges stretches of steps, copies the state of a run and brings it back."""

    def __init__(
        self,
        settings: Recovery,
        network: nn.Module,
        optimizers: Sequence[torch.optim.Optimizer],
        average: WeightAverage | None,
        world: World,
        trust: Trust,
    ) -> None:
        """Copy the run as it stands: freshly started, or just resumed.

        Args:
            settings: of the configuration.
            network: its weights.
            optimizers: their state.
            average: the running mean of the weights, where there is one.
            world: the run's processes, which judge alike.
            trust: what the run has seen so far.
        """
        self._settings = settings
        self._network = network
        self._optimizers = optimizers
        self._average = average
        self._world = world
        self._trust = trust
        self._returns = 0
        # On the device and summed there: reading it at every step would wait for a GPU.
        self._nats = torch.zeros((), device=world.device)
        if world.leads:
            self._nats += trust.nats
        self._keep()

    @property
    def scale(self) -> float:
        """Factor on the learning rate."""
        return self._trust.scale

    def trust(self) -> Trust:
        """Return what the run has seen so far; every process must ask."""
        nats = float(self._world.summed(self._nats))
        return replace(self._trust, nats=nats)

    def add(self, loss: torch.Tensor, step: int) -> str | None:
        """Take in the loss of one step; at the end of a stretch keep the weights or go back.

        Args:
            loss: this process's share of the step's mean, in nats a target token.
            step: its number, for what is said.

        Returns:
            What was done, if the run went back.

        Raises:
            TrainingError: it went back as often as it may.
        """
        self._nats += loss
        self._trust = replace(self._trust, steps=self._trust.steps + 1)
        if self._trust.steps < self._settings.every:
            return None
        mean = self.trust().nats / self._trust.steps
        if not math.isfinite(mean) or self._has_risen(mean):
            return self.go_back(mean, step)
        best = mean if self._trust.best is None else min(self._trust.best, mean)
        self._begin(replace(self._trust, best=best))
        self._keep()
        return None

    def forget(self) -> None:
        """Judge from here on by what comes: the turns are of another kind now."""
        self._begin(replace(self._trust, best=None))

    def _begin(self, trust: Trust) -> None:
        self._nats.zero_()
        self._trust = replace(trust, nats=0.0, steps=0)

    def _has_risen(self, mean: float) -> bool:
        rise, best = self._settings.rise, self._trust.best
        return rise is not None and best is not None and mean > rise * best + self._settings.slack

    def _keep(self) -> None:
        self._weights = [weight.detach().clone() for weight in self._network.parameters()]
        self._states = [_copied(optimizer.state_dict()["state"]) for optimizer in self._optimizers]
        self._mean = None
        if self._average is not None:
            self._mean = {name: value.clone() for name, value in self._average.mean.items()}

    def go_back(self, mean: float, step: int) -> str:
        """Bring the last good weights back and halve the learning rate; return what was done.

        Args:
            mean: the loss that will not do.
            step: after which.

        Raises:
            TrainingError: it went back as often as it may.
        """
        what = f"loss {mean:.3f}" if math.isfinite(mean) else "loss or gradient is not finite"
        if self._returns >= self._settings.returns:
            raise TrainingError(
                f"step {step}: {what}, and {self._returns} returns to good weights, the learning "
                "rate halved each time, did not help; expected a loss that falls; lower "
                "learning_rate (or learning_rates) and go on from the last checkpoint"
            )
        self._returns += 1
        self._begin(replace(self._trust, scale=self._trust.scale / 2))
        with torch.no_grad():
            for weight, value in zip(self._network.parameters(), self._weights, strict=True):
                weight.copy_(value)
        for optimizer, state in zip(self._optimizers, self._states, strict=True):
            _restore(optimizer, state)
        if self._average is not None:
            self._average.restart(self._mean)
        return (
            f"step {step}: {what}; back to the last good weights, learning rate now "
            f"{self.scale:g} of the configured one"
        )


def _copied(state: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {
        index: {
            name: value.clone() if isinstance(value, torch.Tensor) else copy.copy(value)
            for name, value in entry.items()
        }
        for index, entry in state.items()
    }


@torch.no_grad()
def _restore(optimizer: torch.optim.Optimizer, state: dict[int, dict[str, Any]]) -> None:
    """Write a copied state back into the tensors it came from, which a CUDA graph may hold."""
    present = optimizer.state_dict()["state"]
    for index, entry in present.items():
        kept = state.get(index)
        for name, value in entry.items():
            if isinstance(value, torch.Tensor):
                # An optimiser that had not stepped yet has nothing copied: zero is its start.
                value.copy_(kept[name]) if kept else value.zero_()
            elif kept:
                entry[name] = kept[name]
            else:
                entry[name] = 0
