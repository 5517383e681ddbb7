"""Budgets by steps and by the clock, and a rate for each part of a network."""

import pytest
import torch
from transformers import T5Config, T5ForConditionalGeneration

from todserve.training.loop.schedule import optimizers_for, rate_factor, share_done
from todserve.training.training_config import (
    PRETRAINED_RATES,
    LearningRates,
    OptimizerName,
    TrainingConfig,
)

RATES = LearningRates(encoder=1e-5, embeddings=2e-5, decoder=3e-5)
SMALL = T5Config(vocab_size=20, d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2)


def test_by_the_clock_the_rate_falls_over_the_stated_share_of_the_time() -> None:
    config = TrainingConfig(name="x", minutes=10, decay=0.5, warmup_steps=4)
    # Steps count for the warm-up alone.
    assert rate_factor(1, config, seconds=0) == pytest.approx(0.5)
    assert rate_factor(70_000, config, seconds=299) == 1.0
    assert rate_factor(70_000, config, seconds=450) == pytest.approx(0.5)
    assert rate_factor(70_000, config, seconds=600) == 0.0


def test_a_share_of_the_steps_is_as_many_steps() -> None:
    by_share = TrainingConfig(name="x", steps=100, warmup_steps=10, decay=0.2)
    by_steps = TrainingConfig(name="x", steps=100, warmup_steps=10, decay_steps=20)
    for step in range(101):
        assert rate_factor(step, by_share) == pytest.approx(rate_factor(step, by_steps))


def test_steps_end_a_run_of_minutes_only_where_they_are_set() -> None:
    timed = TrainingConfig(name="x", minutes=10)
    both = TrainingConfig(name="x", minutes=10, steps=50)
    assert share_done(1_000_000, 60, timed) == pytest.approx(0.1)
    assert share_done(25, 60, both) == pytest.approx(0.5)
    assert share_done(5, 480, both) == pytest.approx(0.8)


@pytest.mark.parametrize("optimizer", OptimizerName)
@pytest.mark.parametrize("tied", [True, False])
def test_every_weight_has_the_rate_of_its_part(optimizer: OptimizerName, tied: bool) -> None:
    network = T5ForConditionalGeneration(SMALL)
    if tied:
        network.lm_head.weight = network.shared.weight
    else:
        network.lm_head.weight = torch.nn.Parameter(network.shared.weight.detach().clone())
    config = TrainingConfig(name="x", optimizer=optimizer, learning_rates=RATES)
    rate_of = {
        id(weight): group["lr"]
        for made in optimizers_for(network, config)
        for group in made.param_groups
        for weight in group["params"]
    }
    named = dict(network.named_parameters())
    assert rate_of.keys() == {id(weight) for weight in named.values()}
    assert rate_of[id(network.shared.weight)] == rate_of[id(network.lm_head.weight)] == 2e-5
    assert rate_of[id(named["encoder.final_layer_norm.weight"])] == 1e-5
    assert rate_of[id(named["decoder.final_layer_norm.weight"])] == 3e-5
    inner = rate_of[id(named["decoder.block.0.layer.0.SelfAttention.q.weight"])]
    muon = config.matrix_learning_rate
    assert inner == (muon if optimizer is OptimizerName.MUON else 3e-5)


def test_pretrained_weights_have_gentle_rates_unless_some_are_given() -> None:
    assert TrainingConfig(name="x", initial="minilm").rates == PRETRAINED_RATES
    assert TrainingConfig(name="x").rates is None
    assert TrainingConfig(name="x", initial="minilm", learning_rate=1e-4).rates is None
    given = TrainingConfig(name="x", initial="minilm", learning_rates=RATES)
    assert given.rates == RATES
