"""Weight update: one step of the optimiser from a few batches, over all processes.

The training loop calls it for every step.
Example: ``Update(config, network, optimizers, world)(parcels, step=0)``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from transformers import T5ForConditionalGeneration

from todserve.runtime.errors import TrainingError
from todserve.training.batches.batch import Batch, Parcel, unpack
from todserve.training.batches.examples import TASK_ORDER
from todserve.training.loop.distributed import World, unsynchronised
from todserve.training.network.distillation import Distillation
from todserve.training.network.quick_dropout import quicken
from todserve.training.network.training_network import Loss, PackedLoss, logits_of
from todserve.training.training_config import TrainingConfig


class NotFiniteError(TrainingError):
    """A step whose loss or gradient is no number; the weights stay as they were."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """What an optimiser step did to the weights.

    Attributes:
        losses: of the batches that this process counts.
        share: this process's part of the mean loss over all target tokens of the step.
    """

    losses: list[Loss]
    share: torch.Tensor


class Update:
    """Makes optimiser steps of a few batches each."""

    def __init__(
        self,
        config: TrainingConfig,
        network: T5ForConditionalGeneration,
        optimizers: Sequence[torch.optim.Optimizer],
        world: World,
        teacher: T5ForConditionalGeneration | None = None,
    ) -> None:
        """Join the network with those of the other processes; every process must come here."""
        self._config = config
        self._network = network
        if world.device.type == "cpu":
            # The fused kernel cannot train a position bias: torch would fall back to a slower path
            # than T5's own three lines (a tenth of a step in bfloat16).
            quicken(network)
        self._optimizers = optimizers
        self._world = world
        self._teacher = None if teacher is None else nn.Module.to(teacher, world.device)
        self._weights = [float(getattr(config.weights, name)) for name in TASK_ORDER]
        self._module = world.parallel(
            PackedLoss(
                network,
                label_smoothing=config.label_smoothing,
                weights=torch.tensor(self._weights),
            )
        )

    def __call__(self, parcels: Sequence[Parcel], step: int, rate: float = 1.0) -> Made:
        """Make one optimiser step.

        The gradient is that of the sum over all target tokens, divided by the weight of all, so it
        does not matter which process computes which batch, nor how long each is.

        Args:
            parcels: the batches of the step, the same in every process.
            step: number of the step, from 0.
            rate: factor on the learning rates.

        Raises:
            NotFiniteError: loss or gradient is not finite; the weights stay as they were.
        """
        config, device = self._config, self._world.device
        weight = max(1e-9, sum(map(self.target_weight, parcels)))
        shares = self._world.share(len(parcels))
        losses: list[Loss] = []
        share = torch.zeros((), device=device)
        self._network.train()
        for number, (place, counts) in enumerate(shares):
            parcel = parcels[place]
            batch = unpack(torch.from_numpy(parcel.numbers).to(device), parcel.shape)
            # Dropout, if any, is a function of step and place, so that a resumed run repeats
            # itself, with however many processes.
            torch.manual_seed(config.seed * 1_000_003 + step + place * 2_000_000_011)
            precision = torch.autocast(
                device.type, torch.bfloat16, enabled=config.dtype == "bfloat16"
            )
            with unsynchronised(self._module, last=number == len(shares) - 1):
                with precision:
                    loss = self._module(batch, self._distillation(batch))
                # Gradients are averaged over the processes, hence their number.
                (loss.total * (self._world.size * counts) / weight).backward()
            if counts:
                losses.append(loss)
                share += loss.total.detach() / weight
        norm = torch.nn.utils.clip_grad_norm_(self._network.parameters(), config.gradient_clip)
        if not torch.isfinite(norm):  # the same in every process, so that all stop here
            for optimizer in self._optimizers:
                optimizer.zero_grad(set_to_none=True)
            raise NotFiniteError(f"loss or gradient of step {step} is not finite")
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group.setdefault("peak_lr", group["lr"]) * rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return Made(losses=losses, share=share)

    def target_weight(self, parcel: Parcel) -> float:
        """Return the summed weights of a batch's target tokens."""
        pairs = zip(self._weights, parcel.targets, strict=True)
        return sum(weight * targets for weight, targets in pairs)

    @torch.no_grad()
    def _distillation(self, batch: Batch) -> Distillation | None:
        if self._teacher is None:
            return None
        return Distillation(
            logits=logits_of(self._teacher, batch),
            weight=self._config.distillation_weight,
            temperature=self._config.distillation_temperature,
        )
