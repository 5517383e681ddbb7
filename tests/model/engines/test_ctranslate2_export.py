import json
from pathlib import Path

import pytest
import torch
from transformers import T5Config

from model_defs.plug_and_play_t5 import PlugAndPlayT5
from todserve.runtime.checkpoint import load_network
from todserve.runtime.engines.ctranslate2.ctranslate2_export import export_ctranslate2
from todserve.runtime.engines.engine_settings import Dtype
from todserve.runtime.errors import ConfigError


@pytest.fixture
def network(tiny_checkpoint: Path) -> torch.nn.Module:
    return load_network(tiny_checkpoint, dtype=torch.float32)


@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.INT8])
def test_the_same_network_gives_the_same_bytes_and_is_left_as_it_is(
    network: torch.nn.Module, tmp_path: Path, dtype: Dtype
) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    first = export_ctranslate2(network, tmp_path / "first", dtype=dtype)
    second = export_ctranslate2(network, tmp_path / "second", dtype=dtype)
    assert [one.read_bytes() for one in first] == [one.read_bytes() for one in second]
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
    assert all(tensor.requires_grad for tensor in network.parameters())


def test_all_files_are_returned_the_model_first(network: torch.nn.Module, tmp_path: Path) -> None:
    files = export_ctranslate2(network, tmp_path, dtype=Dtype.INT8)
    own = tmp_path / "ctranslate2"
    assert files[0] == own / "model.bin"
    assert sorted(files) == sorted(own.iterdir())


def test_the_vocabulary_is_the_ids(network: torch.nn.Module, tmp_path: Path) -> None:
    *_, vocabulary = export_ctranslate2(network, tmp_path, dtype=Dtype.FLOAT32)
    names = json.loads(vocabulary.read_text())
    assert names == [str(token) for token in range(network.get_parameter("shared.weight").shape[0])]


def test_int8_weights_take_a_quarter_of_the_room(tmp_path: Path) -> None:
    config = T5Config(vocab_size=900, d_model=64, d_ff=256, num_layers=2, d_kv=16, num_heads=4)
    network = PlugAndPlayT5(config)
    sizes = [
        export_ctranslate2(network, tmp_path / dtype, dtype=dtype)[0].stat().st_size
        for dtype in (Dtype.FLOAT32, Dtype.INT8)
    ]
    assert 3.4 < sizes[0] / sizes[1] < 4


@pytest.mark.parametrize("dtype", [Dtype.BFLOAT16, Dtype.AUTO])
def test_other_dtypes_are_refused(network: torch.nn.Module, tmp_path: Path, dtype: Dtype) -> None:
    with pytest.raises(ConfigError, match=f"dtype {dtype} .*expected float32 or int8"):
        export_ctranslate2(network, tmp_path, dtype=dtype)
    assert not list(tmp_path.iterdir())


def test_activations_that_ctranslate2_lacks_are_refused(tmp_path: Path) -> None:
    config = T5Config(vocab_size=30, d_model=8, d_ff=8, num_layers=1, feed_forward_proj="tanh")
    with pytest.raises(ConfigError, match="activation 'tanh'; .* relu or gelu_new"):
        export_ctranslate2(PlugAndPlayT5(config), tmp_path, dtype=Dtype.FLOAT32)
