import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import T5Config, T5ForConditionalGeneration

from model_defs.plug_and_play_t5 import PlugAndPlayT5
from todserve.runtime.errors import ConfigError

Weights = dict[str, torch.Tensor]


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))


def alter(folder: Path, change: Callable[[Weights], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def test_half_precision_file_becomes_a_whole_fp32_network(folder: Path) -> None:
    stored = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    network = PlugAndPlayT5.load(folder)
    assert {one.dtype for one in network.parameters()} == {torch.float32}
    assert {one.device.type for one in network.parameters()} == {"cpu"}
    assert not network.training
    for name, tensor in stored.items():
        assert torch.equal(network.state_dict()[name], tensor.float())


def test_one_embedding_serves_encoder_decoder_and_output(folder: Path) -> None:
    network = PlugAndPlayT5.load(folder)
    assert network.encoder.embed_tokens.weight is network.shared.weight
    assert network.decoder.embed_tokens.weight is network.shared.weight
    assert network.lm_head.weight is network.shared.weight


def test_same_logits_as_transformers_from_pretrained(folder: Path) -> None:
    theirs = T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.tensor([[5, 9, 40, 7]])
    with torch.inference_mode():
        expected = theirs(input_ids=ids, decoder_input_ids=ids).logits
        got = PlugAndPlayT5.load(folder)(input_ids=ids, decoder_input_ids=ids).logits
    assert torch.equal(got, expected)


def test_folder_that_transformers_saved_loads(tmp_path: Path) -> None:
    T5ForConditionalGeneration(
        T5Config(vocab_size=50, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
    ).save_pretrained(tmp_path)
    assert PlugAndPlayT5.load(tmp_path).shared.weight.shape == (50, 8)


def test_sharded_folder_loads(folder: Path) -> None:
    expected = PlugAndPlayT5.load(folder).state_dict()
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    halves = [dict(list(weights.items())[::2]), dict(list(weights.items())[1::2])]
    index = {}
    for number, half in enumerate(halves):
        save_file(half, folder / f"model-{number}.safetensors")
        index.update(dict.fromkeys(half, f"model-{number}.safetensors"))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    got = PlugAndPlayT5.load(folder).state_dict()
    assert all(torch.equal(got[name], expected[name]) for name in expected)


@pytest.mark.parametrize("shard", ["../model.safetensors", "/model.safetensors", "a/../../m", ""])
def test_a_shard_outside_the_folder_is_refused(folder: Path, shard: str) -> None:
    (folder / "model.safetensors").rename(folder.parent / "model.safetensors")
    index = json.dumps({"weight_map": {"shared.weight": shard}})
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ConfigError, match=r"index\.json: got .*; expected a plain path inside"):
        PlugAndPlayT5.load(folder)


def test_a_shard_may_be_a_link_as_in_a_cache_of_downloads(folder: Path) -> None:
    kept = folder.parent / "blob"
    (folder / "model.safetensors").rename(kept)
    (folder / "model-1.safetensors").symlink_to(kept)
    names = dict.fromkeys(load_file(kept), "model-1.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    assert PlugAndPlayT5.load(folder).shared.weight.shape[0] > 0


def test_output_matrix_of_its_own_is_kept(tmp_path: Path) -> None:
    """T5 v1.1: tie_word_embeddings false in config.json, lm_head beside shared."""
    config = T5Config(
        vocab_size=50,
        d_model=8,
        d_kv=4,
        d_ff=16,
        num_layers=1,
        num_heads=2,
        feed_forward_proj="gated-gelu",
    )
    fields = config.to_dict() | {"tie_word_embeddings": False, "scale_decoder_outputs": False}
    (tmp_path / "config.json").write_text(json.dumps(fields))
    tied = T5ForConditionalGeneration(config).state_dict()
    weights = {name: tensor.clone() for name, tensor in tied.items()}
    weights["lm_head.weight"] = torch.ones(50, 8)
    save_file(weights, tmp_path / "model.safetensors")
    network = PlugAndPlayT5.load(tmp_path)
    assert torch.equal(network.lm_head.weight, torch.ones(50, 8))
    assert not torch.equal(network.shared.weight, network.lm_head.weight)
    assert network.decoder.embed_tokens.weight is network.shared.weight


def test_state_dict_of_torch_save_loads(folder: Path) -> None:
    """As PPTOD published its checkpoints, every alias and the never-used bias included."""
    network = PlugAndPlayT5.load(folder)
    weights = dict(network.state_dict())
    weights["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"] = torch.ones(
        32, 4
    )
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert torch.equal(PlugAndPlayT5.load(folder).shared.weight, network.shared.weight)


class Dangerous:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (Path.touch, (Path(__file__).with_name("pickle-was-run"),))


@pytest.mark.parametrize("content", [Dangerous(), {"shared.weight": Dangerous()}])
def test_pickled_object_is_refused_and_not_run(folder: Path, content: object) -> None:
    (folder / "model.safetensors").unlink()
    for write in (torch.save, lambda what, path: path.write_bytes(pickle.dumps(what))):
        write(content, folder / "pytorch_model.bin")
        with pytest.raises(ConfigError, match=r"pytorch_model.bin|cannot read"):
            PlugAndPlayT5.load(folder)
    assert not Path(__file__).with_name("pickle-was-run").exists()


LAYER = "encoder.block.0.layer.0.SelfAttention.q.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.pop(LAYER), f"missing {LAYER}"),
        (lambda weights: weights.pop("shared.weight"), "lacks weight 'shared.weight'"),
        (lambda weights: weights.update(stray=torch.ones(2)), "unexpected stray"),
        (
            lambda weights: weights.update({LAYER: torch.ones(3, 2)}),
            rf"{LAYER} has shape \[3, 2\], config.json gives \[32, 32\]",
        ),
        (
            lambda weights: weights.update({LAYER: torch.full((32, 32), float("inf"))}),
            f"{LAYER} is not finite",
        ),
        (
            lambda weights: weights.update({LAYER: torch.ones((32, 32), dtype=torch.int8)}),
            "expected a floating-point type",
        ),
        (
            lambda weights: weights.update(
                {"lm_head.weight": torch.ones_like(weights["shared.weight"])}
            ),
            "differ, but config.json ties them",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(
    folder: Path, change: Callable[[Weights], object], message: str
) -> None:
    alter(folder, change)
    with pytest.raises(ConfigError, match=message):
        PlugAndPlayT5.load(folder)


def test_damaged_file_is_named(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00 damaged")
    with pytest.raises(ConfigError, match="cannot read the weights in"):
        PlugAndPlayT5.load(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot read .*config.json"), ('{"model_type": "bert"}', "model_type is 'bert'")],
)
def test_wrong_config_is_named(folder: Path, content: str, message: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(ConfigError, match=message):
        PlugAndPlayT5.load(folder)


def test_missing_weights_are_named(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="no weights in .*expected model.safetensors"):
        PlugAndPlayT5.load(folder)


def test_half_precision_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"torch.float16 for T5; expected torch.float32"):
        PlugAndPlayT5.load(folder, dtype=torch.float16)
