"""Recorded update: a training step recorded once for a shape of batch, and replayed on the GPU.

The training loop uses it in the place of `Update` for one process on one GPU. A network this small
keeps a GPU busy for a fraction of the time that Python takes to launch its kernels one by one; a
CUDA graph launches them all at once. So nothing in a step may wait for the GPU or depend on what it
computed: shapes are fixed, learning rates are tensors, and a step that is not finite leaves its
mark in the loss. The same step runs without recording, on a CPU too, which is how it is tested.
Example: ``RecordedUpdate(config, network, optimizer, device)([parcel], step=0)``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import T5ForConditionalGeneration

from todserve.training.batches.batch import Parcel, Shape, unpack
from todserve.training.batches.examples import TASK_ORDER
from todserve.training.loop.distributed import World
from todserve.training.loop.weight_update import Made
from todserve.training.network.training_network import Loss, loss_of
from todserve.training.training_config import OptimizerName, TrainingConfig

_REHEARSALS = 3  # before the first recording: libraries set themselves up in their first calls


def can_record(config: TrainingConfig, world: World) -> bool:
    """Return whether a run's steps are of the kind that is recorded, and are to be."""
    wanted = config.cuda_graphs
    return (
        (world.device.type == "cuda" if wanted is None else wanted)
        and world.size == 1
        and config.batches_per_step == 1
        and config.teacher is None
        and config.optimizer is OptimizerName.ADAMW
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Recording:
    graph: Any
    numbers: torch.Tensor
    made: Made


class RecordedUpdate:
    """Makes optimiser steps of one batch each, without ever waiting for the device."""

    def __init__(
        self,
        config: TrainingConfig,
        network: T5ForConditionalGeneration,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
    ) -> None:
        """Lay the gradients down where every recording will find them.

        Args:
            config: weights of the tasks, clipping, precision.
            network: on ``device``.
            optimizer: AdamW, made with ``graphs`` where steps are recorded.
            device: a GPU, or a CPU, where the same step is made without recording.
        """
        self._config = config
        self._network = network
        self._optimizer = optimizer
        self._device = device
        self._records = device.type == "cuda"
        self._parameters = list(network.parameters())
        self._gradients = [torch.zeros_like(parameter) for parameter in self._parameters]
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        weights = [float(getattr(config.weights, name)) for name in TASK_ORDER]
        self._weights = torch.tensor(weights, device=device)
        self._peaks: list[float] = []
        for group in optimizer.param_groups:
            self._peaks.append(float(group.setdefault("peak_lr", float(group["lr"]))))
            if self._records:
                group["lr"] = torch.tensor(0.0, device=device)
        self._recordings: dict[tuple[Shape, torch.dtype], _Recording] = {}
        self._pool = torch.cuda.graph_pool_handle() if self._records else None

    def __call__(self, parcels: Sequence[Parcel], step: int, rate: float = 1.0) -> Made:
        """Make one optimiser step.

        Args:
            parcels: one batch.
            step: number of the step, from 0.
            rate: factor on the learning rates.

        Returns:
            Tensors that the next step overwrites.
        """
        (parcel,) = parcels
        self._network.train()
        self._set_rates(rate)
        torch.manual_seed(self._config.seed * 1_000_003 + step)
        numbers = torch.from_numpy(parcel.numbers)
        if not self._records:
            return self._step(numbers.to(self._device), parcel.shape)
        key = (parcel.shape, numbers.dtype)
        if key not in self._recordings:
            self._recordings[key] = self._recorded(numbers.to(self._device), parcel.shape, rate)
        recording = self._recordings[key]
        recording.numbers.copy_(numbers.pin_memory(), non_blocking=True)
        recording.graph.replay()
        return recording.made

    def _step(self, numbers: torch.Tensor, shape: Shape) -> Made:
        config = self._config
        batch = unpack(numbers, shape)
        torch._foreach_zero_(self._gradients)
        with torch.autocast(
            self._device.type,
            torch.bfloat16,
            enabled=config.dtype == "bfloat16",
            cache_enabled=False,  # what one recording cast would be stale in the next
        ):
            loss: Loss = loss_of(
                self._network,
                batch,
                label_smoothing=config.label_smoothing,
                weights=self._weights,
                everywhere=True,
            )
        mean = loss.mean
        mean.backward()
        # A gradient that is no number would spoil every weight through the common norm. Nothing
        # waits to see it: the loss is none either, and whoever judges the stretch goes back.
        for gradient in self._gradients:
            torch.nan_to_num_(gradient, nan=0.0, posinf=0.0, neginf=0.0)
        nn.utils.clip_grad_norm_(self._parameters, config.gradient_clip, foreach=True)
        self._optimizer.step()
        return Made(losses=[loss], share=mean.detach())

    def _recorded(self, numbers: torch.Tensor, shape: Shape, rate: float) -> _Recording:
        """Record the step of a shape; the weights stay as they are."""
        if not self._recordings:
            self._rehearse(numbers, shape)
            self._set_rates(rate)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            made = self._step(numbers, shape)
        return _Recording(graph=graph, numbers=numbers, made=made)

    def _rehearse(self, numbers: torch.Tensor, shape: Shape) -> None:
        """Make some steps at rate zero on a stream of their own, and take their traces back."""
        optimizer = self._optimizer
        before = {
            parameter: {
                name: value.clone() if isinstance(value, torch.Tensor) else value
                for name, value in optimizer.state[parameter].items()
            }
            for parameter in self._parameters
        }
        self._set_rates(0.0)
        stream: Any = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_REHEARSALS):
                self._step(numbers, shape)
        torch.cuda.current_stream().wait_stream(stream)
        for parameter, kept in before.items():
            for name, value in optimizer.state[parameter].items():
                if not isinstance(value, torch.Tensor):
                    continue
                # In place: the recording holds these very tensors.
                if name in kept:
                    value.copy_(kept[name])
                else:
                    value.zero_()

    def _set_rates(self, rate: float) -> None:
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            if self._records:
                group["lr"].fill_(peak * rate)
            else:
                group["lr"] = peak * rate
