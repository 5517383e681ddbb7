"""Quick dropout against PyTorch's own: shares, means, seeds, and attention without any."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import T5Config, T5ForConditionalGeneration

from model_defs.bert_encoder_t5 import BertEncoderT5
from todserve.training.network.quick_dropout import QuickDropout, dropped, quicken

SIZES: dict[str, Any] = {
    "vocab_size": 50,
    "d_model": 16,
    "d_kv": 4,
    "d_ff": 32,
    "num_heads": 4,
    "num_decoder_layers": 2,
    "pad_token_id": 0,
    "decoder_start_token_id": 0,
}
BERT: dict[str, Any] = {
    "encoder_config": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 32,
        "max_position_embeddings": 40,
    }
}


def networks() -> dict[str, T5ForConditionalGeneration]:
    torch.manual_seed(3)
    return {
        "t5": T5ForConditionalGeneration(T5Config(**SIZES, num_layers=2, dropout_rate=0.3)),
        "bert": BertEncoderT5(T5Config(**SIZES, **BERT, num_layers=2, dropout_rate=0.3)),
    }


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_about_the_share_is_dropped_and_the_mean_stays(share: float, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    outcome = dropped(torch.ones(1_000_003, dtype=dtype), share).float()
    assert (outcome == 0).float().mean().item() == pytest.approx(share, abs=0.004)
    assert outcome.mean().item() == pytest.approx(1, abs=0.02)
    assert outcome.unique().numel() == 2


def test_what_is_dropped_follows_from_the_seed_and_differs_between_places() -> None:
    values = torch.ones(64, 33)
    torch.manual_seed(5)
    first, second = dropped(values, 0.5), dropped(values, 0.5)
    torch.manual_seed(5)
    assert torch.equal(dropped(values, 0.5), first)
    assert not torch.equal(first, second)
    # Four features share one drawn number: they must not share their fate.
    fates = (first.flatten()[:2112] == 0).view(-1, 4).float().mean(1)
    assert set(fates.tolist()) == {0.0, 0.25, 0.5, 0.75, 1.0}


def test_gradients_pass_where_values_pass_alone() -> None:
    values = torch.randn(40, 40, requires_grad=True)
    outcome = dropped(values, 0.4)
    outcome.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad == 0, outcome == 0)


def test_nothing_is_dropped_at_a_share_of_zero_or_outside_training() -> None:
    values = torch.randn(7)
    assert torch.equal(dropped(values, 0.0), values)
    assert torch.equal(QuickDropout(0.5).eval()(values), values)


@pytest.mark.parametrize("kind", ["t5", "bert"])
def test_a_quickened_network_answers_as_before_and_drops_in_training(kind: str) -> None:
    network = networks()[kind].eval()
    words = {
        "input_ids": torch.randint(1, 50, (3, 9)),
        "attention_mask": torch.tensor([[1] * 9, [1] * 5 + [0] * 4, [1] * 2 + [0] * 7]),
        "decoder_input_ids": torch.randint(1, 50, (3, 6)),
    }
    with torch.no_grad():
        before = network(**words).logits
        quicken(network)
        torch.testing.assert_close(network(**words).logits, before, rtol=1e-4, atol=1e-5)
        network.train()
        torch.manual_seed(1)
        first, second = network(**words).logits, network(**words).logits
    assert not torch.allclose(first, second)
    kinds = {type(module) for module in network.modules() if isinstance(module, nn.Dropout)}
    assert kinds == {QuickDropout}


def test_a_quickened_network_is_saved_and_opened_like_any(tmp_path: Path) -> None:
    network = networks()["t5"]
    quicken(network)
    network.save_pretrained(tmp_path)
    again = T5ForConditionalGeneration.from_pretrained(tmp_path)
    assert "todserve" not in (tmp_path / "config.json").read_text()
    assert torch.equal(again.shared.weight, network.shared.weight)
