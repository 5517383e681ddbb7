import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertModel, T5Config

from model_defs.bert_encoder_t5 import BertEncoderT5
from tests.support.tiny_checkpoint import write_tiny_bert_checkpoint
from todserve.runtime.checkpoint import BERT_ENCODER_FILE, T5_FILE, load_network, model_file_of
from todserve.runtime.engines.engine import Row
from todserve.runtime.engines.torch.torch_engine import TorchEngine
from todserve.runtime.errors import ConfigError
from todserve.runtime.networks.bert_encoder import encoder_fields

IDS = torch.tensor([[5, 9, 11, 2, 7], [8, 3, 0, 0, 0]])
MASK = (IDS != 0).long()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bert_checkpoint(tmp_path / "bert")


def loaded(folder: Path) -> Any:
    """Modules are reached by name."""
    return BertEncoderT5.load(folder)


def edited_config(folder: Path, **fields: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_config_json_alone_tells_the_two_kinds_of_network_apart(
    folder: Path, tiny_checkpoint: Path
) -> None:
    assert model_file_of(folder) == BERT_ENCODER_FILE
    assert model_file_of(tiny_checkpoint) == T5_FILE
    assert type(load_network(folder, dtype=torch.float32)).__name__ == "BertEncoderT5"
    assert type(load_network(tiny_checkpoint, dtype=torch.float32)).__name__ == "PlugAndPlayT5"


def test_the_memory_is_berts_last_layer_plus_the_mixed_embeddings(folder: Path) -> None:
    network = loaded(folder)
    bert = network.encoder.bert
    assert isinstance(bert, BertModel)
    with torch.no_grad():
        network.encoder.mix.uniform_(-1, 1)
        last = bert(input_ids=IDS, attention_mask=MASK).last_hidden_state
        expected = last + network.encoder.mix * bert.embeddings(input_ids=IDS)
        got = network.encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state
    torch.testing.assert_close(got[MASK.bool()], expected[MASK.bool()])


def test_padding_changes_nothing_of_what_is_encoded(folder: Path) -> None:
    network = loaded(folder)
    with torch.no_grad():
        together = network.encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state
        alone = network.encoder(input_ids=IDS[1:, :2]).last_hidden_state
    torch.testing.assert_close(together[1:, :2], alone)


def test_one_table_serves_encoder_decoder_and_output(folder: Path) -> None:
    network = loaded(folder)
    tables = {
        network.shared.weight.data_ptr(),
        network.encoder.get_input_embeddings().weight.data_ptr(),
        network.decoder.embed_tokens.weight.data_ptr(),
        network.lm_head.weight.data_ptr(),
    }
    assert len(tables) == 1
    network.resize_token_embeddings(network.config.vocab_size + 3, mean_resizing=False)
    assert network.lm_head.weight is network.encoder.get_input_embeddings().weight


def test_the_reference_engine_generates_as_transformers_does(folder: Path) -> None:
    network = loaded(folder)
    with torch.no_grad():
        expected = network.generate(
            input_ids=IDS[:1], decoder_input_ids=torch.tensor([[4]]), max_new_tokens=6,
            decoder_start_token_id=4,
            do_sample=False, eos_token_id=10_000,
        )[0, 1:].tolist()  # fmt: skip
    engine = TorchEngine(network)
    encoding = engine.encode([IDS[0].tolist()])
    row = Row(context=0, prefix=(4,), end_id=10_000, max_new_tokens=6)
    assert list(engine.generate(encoding, [row])[0].ids) == expected


def test_the_first_networks_flat_sizes_are_still_read(folder: Path) -> None:
    expected = BertEncoderT5.load(folder).state_dict()
    path = folder / "config.json"
    fields = json.loads(path.read_text())
    sizes = fields.pop("encoder_config")
    fields |= {
        "encoder_layers": sizes["num_hidden_layers"],
        "encoder_heads": sizes["num_attention_heads"],
        "encoder_ff": sizes["intermediate_size"],
    }
    path.write_text(json.dumps(fields))
    assert encoder_fields(fields)["encoder_config"]["hidden_size"] == sizes["hidden_size"]
    weights = load_file(folder / "model.safetensors")
    table = weights["encoder.bert.embeddings.position_embeddings.weight"]
    weights["encoder.bert.embeddings.position_embeddings.weight"] = torch.cat(
        [table, torch.zeros(512 - len(table), table.shape[1], dtype=table.dtype)]
    )
    save_file(weights, folder / "model.safetensors")
    got = BertEncoderT5.load(folder).state_dict()
    assert expected.keys() == got.keys()


def test_weights_that_do_not_fit_are_named(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["stray"] = weights.pop("encoder.mix")
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ConfigError, match=r"missing encoder\.mix; unexpected stray"):
        BertEncoderT5.load(folder)


def test_tables_that_differ_are_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = weights["shared.weight"] + 1
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ConfigError, match="expected one table for all of them"):
        BertEncoderT5.load(folder)


def test_an_encoder_of_another_width_is_refused(folder: Path) -> None:
    edited_config(folder, d_model=64)
    with pytest.raises(ConfigError, match="hidden_size is 32, d_model 64"):
        BertEncoderT5.load(folder)


def test_a_plain_t5_is_no_network_of_this_kind() -> None:
    with pytest.raises(ConfigError, match="no encoder_config"):
        BertEncoderT5(T5Config(d_model=32))


def test_float16_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected torch\.float32 or torch\.bfloat16"):
        BertEncoderT5.load(folder, dtype=torch.float16)
