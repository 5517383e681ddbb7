"""The running mean of the weights: by hand, across a resumption, and as exported."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.support.tiny_run import prepare_run, train
from todserve.training.loop.weight_average import WeightAverage


def _set(network: nn.Linear, value: float) -> None:
    with torch.no_grad():
        network.weight.fill_(value)


def test_the_mean_moves_as_worked_out_by_hand() -> None:
    network = nn.Linear(1, 1, bias=False)
    _set(network, 4.0)
    average = WeightAverage(network, decay=0.25)
    _set(network, 14.0)
    average.update(0)  # 1/10 of the start stays: 0.4 + 0.9 x 14
    assert average.mean["weight"].item() == pytest.approx(13.0)
    _set(network, 1.0)
    average.update(9)  # 10/19 would stay, but no more than 0.25: 3.25 + 0.75
    assert average.mean["weight"].item() == pytest.approx(4.0)


def test_the_mean_is_shown_and_the_trained_weights_come_back() -> None:
    network = nn.Linear(1, 1, bias=False)
    _set(network, 4.0)
    average = WeightAverage(network, decay=0.9)
    _set(network, 14.0)
    with average.shown():
        assert network.weight.item() == 4.0
    assert network.weight.item() == 14.0
    average.take_over()
    assert network.weight.item() == 4.0


def test_a_mean_starts_from_the_weights_where_the_checkpoint_has_none() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = WeightAverage(network, decay=0.9)
    _set(network, 3.0)
    average.restart(None)
    assert average.mean["weight"].item() == 3.0
    average.restart({"weight": torch.full((1, 1), 8.0)})
    assert average.mean["weight"].item() == 8.0
    assert network.weight.item() == 3.0


def test_a_resumed_run_exports_the_same_mean_which_is_not_the_last_weights(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    exported = [train(whole, prepare_run(whole, steps=8), "ema=0.9")]
    config = prepare_run(parts, steps=8)
    train(parts, config, "ema=0.9", "steps=3")
    exported.append(train(parts, config, "ema=0.9"))
    first, second = (load_file(folder / "model.safetensors") for folder in exported)
    mean = load_file(whole / "runs/tiny/step-000008/average.safetensors")
    last = load_file(whole / "runs/tiny/step-000008/model.safetensors")
    assert first.keys() == second.keys() == mean.keys() == last.keys()
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=0, msg=name)
        torch.testing.assert_close(value, mean[name].half(), rtol=0, atol=0, msg=name)
    assert any(not torch.equal(value, last[name].half()) for name, value in first.items())
