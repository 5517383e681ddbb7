"""The step that a GPU replays, made on a CPU without recording."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode
from transformers import BertConfig, T5ForConditionalGeneration

from tests.support.tiny_checkpoint import MARKOV, SCHEMA
from tests.support.tiny_run import prepare_run, train
from tests.support.tiny_turns import TURNS
from tests.support.tiny_vocabulary import tiny_tokenizer
from todserve.runtime.language.prompts import PromptBuilder
from todserve.training.batches.batch import Parcel, pack, shaped_plan, unpack
from todserve.training.batches.examples import encode_turns
from todserve.training.loop.distributed import World
from todserve.training.loop.recorded_update import RecordedUpdate, can_record
from todserve.training.loop.schedule import optimizers_for
from todserve.training.loop.weight_update import Update
from todserve.training.network.hugging_face import network_from
from todserve.training.network.training_network import build_network, loss_of
from todserve.training.training_config import Network, OptimizerName, TrainingConfig

SIZES = Network(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_decoder_layers=1, num_heads=4)
CONFIG = TrainingConfig(
    name="x",
    weights={"belief_state": 2.0, "dialogue_act": 0.5},
    learning_rates={"encoder": 1e-3, "embeddings": 2e-3, "decoder": 3e-3},
)


def a_t5() -> T5ForConditionalGeneration:
    torch.manual_seed(1)
    return build_network(SIZES, tiny_tokenizer().size, pad_id=0, end_id=1)


def over_a_bert() -> T5ForConditionalGeneration:
    """Return a decoder over a BERT, with random weights."""
    bert = BertConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        type_vocab_size=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    t5 = a_t5()
    size = t5.config.vocab_size
    fields = {**t5.config.to_dict(), "encoder_config": bert.to_dict()}
    torch.manual_seed(2)
    from transformers import BertModel

    inner = BertModel(
        BertConfig.from_dict({**bert.to_dict(), "vocab_size": size}), add_pooling_layer=False
    )
    weights = {f"encoder.bert.{k}": v for k, v in inner.state_dict().items()}
    del weights["encoder.bert.embeddings.word_embeddings.weight"]
    decoder = {k: v for k, v in t5.state_dict().items() if k.startswith("decoder.")}
    del decoder["decoder.embed_tokens.weight"]
    mix = {"encoder.mix": torch.ones(32), "shared.weight": t5.shared.weight.detach()}
    return network_from(fields, {**weights, **decoder, **mix})


def parcels() -> list[Parcel]:
    """Return the tiny turns as batches of fixed shapes, with rows that stay empty."""
    examples = encode_turns(TURNS, PromptBuilder(tiny_tokenizer(), MARKOV, SCHEMA))
    return [
        pack([examples[index] for index in chosen], 0, shape)
        for shape, chosen in shaped_plan(examples, 2000, seed=1)
    ]


def made_by(kind: str, network: T5ForConditionalGeneration, steps: int) -> list[float]:
    """Train some steps and return the losses."""
    optimizers = optimizers_for(network, CONFIG)
    update: Update | RecordedUpdate
    if kind == "recorded":
        update = RecordedUpdate(CONFIG, network, optimizers[0], torch.device("cpu"))
    else:
        update = Update(CONFIG, network, optimizers, World())
    batches = parcels()
    return [
        float(update([batches[step % len(batches)]], step, rate=0.5).share) for step in range(steps)
    ]


@pytest.mark.parametrize("built", [a_t5, over_a_bert])
def test_it_trains_as_the_plain_update_does(built: Any) -> None:
    networks = {kind: built() for kind in ("plain", "recorded")}
    losses = {kind: made_by(kind, network, 6) for kind, network in networks.items()}
    assert losses["recorded"] == pytest.approx(losses["plain"], rel=1e-4)
    assert losses["recorded"][-1] < losses["recorded"][0]
    for (name, one), (_, other) in zip(
        networks["plain"].named_parameters(), networks["recorded"].named_parameters(), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=2e-4, msg=name)


@pytest.mark.parametrize("built", [a_t5, over_a_bert])
def test_nothing_in_its_loss_waits_for_a_value(built: Any) -> None:
    # Fake tensors have shapes but no values: whatever asks for one fails, as recording would.
    network = built()
    parcel = parcels()[0]
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    with fake:
        batch = unpack(fake.from_tensor(torch.from_numpy(parcel.numbers)), parcel.shape)
        loss_of(network, batch, everywhere=True).mean.backward()
        with pytest.raises(DynamicOutputShapeException):
            loss_of(network, batch)


def test_a_step_that_is_no_number_spoils_no_weight_and_shows_in_its_loss() -> None:
    network = a_t5()
    update = RecordedUpdate(
        CONFIG, network, optimizers_for(network, CONFIG)[0], torch.device("cpu")
    )
    before = network.decoder.final_layer_norm.weight.detach().clone()
    with torch.no_grad():
        network.encoder.final_layer_norm.weight[0] = float("nan")
    made = update(parcels()[:1], 0)
    assert not torch.isfinite(made.share)
    torch.testing.assert_close(
        network.decoder.final_layer_norm.weight.detach(), before, rtol=0, atol=1e-2
    )
    for name, weight in network.named_parameters():
        if name != "encoder.final_layer_norm.weight":
            assert bool(torch.isfinite(weight).all()), name


def test_a_whole_run_goes_that_way_and_resumes_exactly(tmp_path: Path) -> None:
    chosen = ("cuda_graphs=true", "ema=0.9", "start=t5", "dropout=0.1")
    weights = []
    for name, stops in (("whole", ()), ("parts", ("steps=4",))):
        folder = tmp_path / name
        config = prepare_run(folder, steps=9)
        if stops:
            train(folder, config, *chosen, *stops)
        train(folder, config, *chosen)
        weights.append(load_file(folder / "runs/tiny/step-000009/model.safetensors"))
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=0, atol=0, msg=name)


def test_steps_are_recorded_where_they_can_be() -> None:
    gpu = World(device=torch.device("cuda", 0))
    assert can_record(CONFIG, gpu)
    assert not can_record(CONFIG, World())
    for change in (
        {"cuda_graphs": False},
        {"batches_per_step": 2},
        {"optimizer": OptimizerName.MUON},
        {"teacher": "folder"},
    ):
        assert not can_record(CONFIG.model_copy(update=change), gpu)
    assert not can_record(CONFIG, World(size=2, device=torch.device("cuda", 0)))
