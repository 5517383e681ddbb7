"""Weight average: a running mean of the weights, which often scores better than the last ones.

The training loop updates it after every step; it is exponential, kept in each checkpoint and
exported at the end. The averaging is torch's own; what stands here is what torch leaves open: the
smaller shares of the first steps, the mean by name of the weight as checkpoints keep it, and
showing it for a while. Example: ``ema: 0.999`` in a configuration averages about 1,000 steps.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

_Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]


class WeightAverage:
    """The mean of a network's weights over the steps; a tied weight stands once."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Start from the weights as they are.

        Args:
            network: averaged from now on.
            decay: share of the old mean that stays at each step, in the long run.
        """
        self._network = network
        self._decay = decay
        self._stays = 0.0
        self._averaged = AveragedModel(network, multi_avg_fn=self._move)
        # torch would take the first weights it is shown for the mean; here the start counts too.
        self._averaged.n_averaged.fill_(1)

    @property
    def mean(self) -> Mapping[str, torch.Tensor]:
        """The mean by name of the weight."""
        return {name: value.detach() for name, value in self._pairs(self._averaged.module)}

    @torch.no_grad()
    def restart(self, mean: Mapping[str, torch.Tensor] | None) -> None:
        """Go on from a checkpoint's mean, or from the network's weights where it has none."""
        source = dict(self._network.named_parameters()) if mean is None else mean
        for name, value in self._pairs(self._averaged.module):
            value.copy_(source[name])

    def update(self, step: int) -> None:
        """Take in the weights after step ``step`` (from 0).

        The first steps weigh more, min(decay, (1 + step) / (10 + step)) stays: else the random
        start would be part of the mean for thousands of steps.
        """
        self._stays = min(self._decay, (1 + step) / (10 + step))
        self._averaged.update_parameters(self._network)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Let the network hold the mean for a while, as it will at the end."""
        trained = [weight.detach().clone() for weight in self._network.parameters()]
        self.take_over()
        try:
            yield
        finally:
            with torch.no_grad():
                for weight, value in zip(self._network.parameters(), trained, strict=True):
                    weight.copy_(value)

    @torch.no_grad()
    def take_over(self) -> None:
        """Replace the network's weights by their mean."""
        mean = self.mean
        for name, weight in self._network.named_parameters():
            weight.copy_(mean[name])

    def _move(self, mean: _Tensors, weights: _Tensors, count: torch.Tensor | int) -> None:
        get_ema_multi_avg_fn(self._stays)(mean, weights, count)

    @staticmethod
    def _pairs(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
        return module.named_parameters()
