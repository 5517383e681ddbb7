"""A running mean of the weights, which often scores better than the last of them.

Stands beside the optimisers: exponential, updated after every step, kept in each checkpoint and
exported at the end. Example: ``ema: 0.999`` in a configuration averages about 1,000 steps.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn


class WeightAverage:
    """The mean of a network's weights over the steps; a tied weight stands once."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Start from the weights as they are.

        Args:
            network: averaged from now on.
            decay: share of the old mean that stays at each step, in the long run.
        """
        self._weights = dict(network.named_parameters())
        self._mean = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self._decay = decay

    @property
    def mean(self) -> Mapping[str, torch.Tensor]:
        """The mean by name of the weight."""
        return self._mean

    def restart(self, mean: Mapping[str, torch.Tensor] | None) -> None:
        """Go on from a checkpoint's mean, or from the network's weights where it has none."""
        source = self._weights if mean is None else mean
        for name, value in self._mean.items():
            value.copy_(source[name].detach())

    def update(self, step: int) -> None:
        """Take in the weights after step ``step`` (from 0).

        The first steps weigh more, min(decay, (1 + step) / (10 + step)) stays: else the random
        start would be part of the mean for thousands of steps.
        """
        stays = min(self._decay, (1 + step) / (10 + step))
        weights = [weight.detach() for weight in self._weights.values()]
        torch._foreach_lerp_(list(self._mean.values()), weights, 1 - stays)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Let the network hold the mean for a while, as it will at the end."""
        trained = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self.take_over()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, weight in self._weights.items():
                    weight.copy_(trained[name])

    @torch.no_grad()
    def take_over(self) -> None:
        """Replace the network's weights by their mean."""
        for name, weight in self._weights.items():
            weight.copy_(self._mean[name])
