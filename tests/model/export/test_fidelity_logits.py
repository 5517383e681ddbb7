import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from todserve.export.export_run import export_checkpoint
from todserve.export.fidelity_logits import LogitSource, TorchLogits, open_logits
from todserve.runtime.checkpoint import load_network
from todserve.runtime.engines.engine_settings import Dtype, EngineName
from todserve.runtime.errors import ConfigError

EXPORTED = (EngineName.TORCHSCRIPT, EngineName.ONNX, EngineName.CTRANSLATE2)
FORCED = [
    ((5, 17, 3), (9,), ()),
    ((5,), (9,), (4, 4, 31)),
    (tuple(range(3, 150)), (9, 12, 40), (8,)),
    ((66, 7), (1, 0), (1, 0, 1, 0)),  # </s> and <pad> are tokens like any other
]


@pytest.fixture(scope="module")
def network(tiny_checkpoint: Path) -> torch.nn.Module:
    return load_network(tiny_checkpoint, dtype=torch.float32)


@pytest.fixture(params=["torch", *EXPORTED])
def source(
    request: pytest.FixtureRequest, tiny_checkpoint: Path, network: torch.nn.Module, tmp_path: Path
) -> LogitSource:
    if request.param == "torch":
        return TorchLogits(network)
    export_checkpoint(tiny_checkpoint, tmp_path, engine=request.param, dtype=Dtype.FLOAT32)
    return open_logits(tmp_path, request.param)


@pytest.mark.parametrize(("context", "prefix", "ids"), FORCED)
def test_logits_are_the_networks_after_each_token(
    network: torch.nn.Module,
    source: LogitSource,
    context: tuple[int, ...],
    prefix: tuple[int, ...],
    ids: tuple[int, ...],
) -> None:
    with torch.inference_mode():
        whole = network(
            input_ids=torch.tensor([context]), decoder_input_ids=torch.tensor([[*prefix, *ids]])
        ).logits[0]
    found = source.logits(context, prefix, ids)
    assert found.dtype == np.float32
    assert found.shape == (len(ids) + 1, whole.shape[1])
    assert found == pytest.approx(whole[len(prefix) - 1 :].numpy(), abs=1e-4)


def test_int8_logits_are_near_but_not_the_same(
    tiny_checkpoint: Path, network: torch.nn.Module, tmp_path: Path
) -> None:
    exact = TorchLogits(network).logits((5, 17, 3), (9,), (4, 31))
    for engine in EXPORTED:
        folder = tmp_path / engine
        export_checkpoint(tiny_checkpoint, folder, engine=engine, dtype=Dtype.INT8)
        found = open_logits(folder, engine).logits((5, 17, 3), (9,), (4, 31))
        assert 1e-3 < np.abs(found - exact).max() < 0.2 * np.abs(exact).max()


@pytest.mark.parametrize("engine", EXPORTED)
def test_missing_files_are_named(engine: EngineName, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"no .*; `tod export --format {engine}`"):
        open_logits(tmp_path, engine)


def test_a_torchscript_module_without_logits_is_refused(tmp_path: Path) -> None:
    class Silent(torch.nn.Module):
        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return ids

    (tmp_path / "torchscript").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module: Any = torch.jit.trace(Silent(), torch.zeros(1))
        module.save(str(tmp_path / "torchscript" / "model.pt"))
    with pytest.raises(ConfigError, match="has no method 'logits'; export the checkpoint again"):
        open_logits(tmp_path, EngineName.TORCHSCRIPT)


def test_an_engine_without_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no logits of engine torch; expected one of"):
        open_logits(tmp_path, EngineName.TORCH)
