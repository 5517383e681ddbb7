"""Run checkpoints: written so that each is complete or absent, whatever is killed when.

A checkpoint is a folder written under another name, synced, then renamed. What it holds is
safetensors and JSON, never a pickle.
Example: ``runs/multiwoz/step-001200/{model,optimizer}.safetensors, progress.json``, and
``average.safetensors`` where the weights are averaged.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_json
from todserve.training.loop.recovery import Trust

_KEPT = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Where a run stands; with the seed it determines every batch to come.

    Attributes:
        step: optimiser steps done, by all processes together.
        epoch: epoch the next batch belongs to.
        part: part of that epoch.
        batch: batches of that part already used, by whichever process.
        tokens: useful tokens trained on, by all processes.
        seconds: time spent training.
        trust: what the run has seen of its own loss.
    """

    step: int = 0
    epoch: int = 0
    part: int = 0
    batch: int = 0
    tokens: int = 0
    seconds: float = 0.0
    trust: Trust = Trust()


def save_checkpoint(
    folder: Path,
    network: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    progress: Progress,
    average: Mapping[str, torch.Tensor] | None = None,
) -> Path:
    """Write ``step-N`` atomically and delete all but the newest two.

    Args:
        folder: the run's.
        network: its weights.
        optimizers: their state.
        progress: gives the checkpoint its name.
        average: running mean of the weights, where there is one.
    """
    target = folder / f"step-{progress.step:06d}"
    partial = folder / f"partial-{progress.step:06d}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(unique_weights(network), partial / "model.safetensors")
    tensors, plain = _flatten(network, optimizers)
    save_file(tensors, partial / "optimizer.safetensors")
    if average is not None:
        mean = {name: tensor.cpu().contiguous() for name, tensor in average.items()}
        save_file(mean, partial / "average.safetensors")
    content = {"progress": asdict(progress), "optimizer": plain}
    (partial / "progress.json").write_text(json.dumps(content), encoding="utf-8")
    for file in partial.iterdir():
        _sync(file)
    shutil.rmtree(target, ignore_errors=True)
    os.rename(partial, target)
    _sync(folder)
    for old in checkpoints(folder)[:-_KEPT]:
        shutil.rmtree(old)
    return target


def checkpoints(folder: Path) -> list[Path]:
    """Return the complete checkpoints, oldest first."""
    return sorted(folder.glob("step-*"))


def load_checkpoint(
    checkpoint: Path, network: nn.Module, optimizers: Sequence[torch.optim.Optimizer]
) -> Progress:
    """Restore network and optimisers in place.

    Raises:
        ConfigError: the checkpoint belongs to another network.
    """
    weights = load_file(checkpoint / "model.safetensors")
    expected = unique_weights(network)
    if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in expected.items()}:
        raise ConfigError(
            f"{checkpoint} holds other weights than the configured network; expected the "
            "configuration it was trained with; change `name` to start a new run"
        )
    network.load_state_dict(weights, strict=False)  # tied weights stand once in the file
    content = read_json(checkpoint / "progress.json")
    states = _unflattened(load_file(checkpoint / "optimizer.safetensors") | content["optimizer"])
    if any(name.isdecimal() for _, name in states):
        raise ConfigError(
            f"{checkpoint} was written by an earlier version of todserve, which numbered the "
            "optimiser's state; expected names; start anew from the exported checkpoint "
            "(`initial`) under another `name`"
        )
    for number, optimizer in enumerate(optimizers):
        names = _names(network, optimizer)
        state = optimizer.state_dict()
        entries = {
            index: states[str(number), name]
            for index, name in enumerate(names)
            if (str(number), name) in states
        }
        optimizer.load_state_dict({"state": entries, "param_groups": state["param_groups"]})
    progress = content["progress"]
    return Progress(**progress | {"trust": Trust(**progress.get("trust", {}))})


def load_average(checkpoint: Path) -> dict[str, torch.Tensor] | None:
    """Return the running mean of the weights, or None where the checkpoint has none."""
    file = checkpoint / "average.safetensors"
    return load_file(file) if file.is_file() else None


def unique_weights(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return every weight once: a tied weight only under its first name."""
    seen: set[int] = set()
    unique: dict[str, torch.Tensor] = {}
    for name, tensor in network.state_dict().items():
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            unique[name] = tensor.detach().cpu().contiguous()
    return unique


def _flatten(
    network: nn.Module, optimizers: Sequence[torch.optim.Optimizer]
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the optimisers' tensors and numbers under ``optimiser/weight/what`` names.

    By name, not by place: a weight may move to another group of rates between two runs.
    """
    tensors: dict[str, torch.Tensor] = {}
    plain: dict[str, Any] = {}
    for number, optimizer in enumerate(optimizers):
        names = _names(network, optimizer)
        for index, entry in optimizer.state_dict()["state"].items():
            for what, value in entry.items():
                key = f"{number}/{names[index]}/{what}"
                if isinstance(value, torch.Tensor):
                    tensors[key] = value.detach().cpu().contiguous()
                else:
                    plain[key] = value
    return tensors, plain


def _unflattened(flat: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    states: dict[tuple[str, str], dict[str, Any]] = {}
    for key, value in flat.items():
        owner, name, what = key.split("/")
        states.setdefault((owner, name), {})[what] = value
    return states


def _names(network: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    """Return the names of an optimiser's weights in its own order."""
    names = {id(weight): name for name, weight in network.named_parameters()}
    return [names[id(weight)] for group in optimizer.param_groups for weight in group["params"]]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
