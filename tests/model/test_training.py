"""Training for real, on turns small enough to finish in seconds."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import T5Config, T5ForConditionalGeneration

from tests.tiny_checkpoint import MARKOV, PPTOD, SCHEMA, write_tiny_checkpoint
from tests.tiny_turns import TURNS
from tests.tiny_vocabulary import tiny_tokenizer
from todserve.runtime.engines.settings import EngineSettings
from todserve.runtime.errors import ConfigError
from todserve.runtime.prompts import PromptBuilder
from todserve.runtime.turn import TurnPipeline
from todserve.runtime.wire import parse_request
from todserve.training.batching import collate
from todserve.training.config import Network, OptimizerName, TrainingConfig
from todserve.training.examples import TASK_ORDER, encode_turns
from todserve.training.network import build_network, loss_of
from todserve.training.preflight import check_examples, check_network, check_prompts
from todserve.training.run import run_training
from todserve.training.turns import save_turns

NETWORK = Network(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_decoder_layers=1, num_heads=4)

CONFIG = """
name: tiny
vocabulary_size: 120
format: {form}
network: {{d_model: 64, d_kv: 16, d_ff: 128, num_layers: 2, num_decoder_layers: 1, num_heads: 4}}
augmentation: {{probability: {augmented}}}
optimizer: adamw
learning_rate: 3.0e-3
batch_tokens: 600
warmup_steps: 5
decay_steps: 0
steps: {steps}
save_minutes: {save_minutes}
dev_minutes: 1000
initial: {initial}
start: {start}
"""


def _prepare(folder: Path, form: str, **settings: object) -> Path:
    """Write a configuration and, beside it, the prepared turns its run will find."""
    values = {
        "augmented": 0.5,
        "steps": 8,
        "save_minutes": 1000,
        "initial": "null",
        "start": "copying",
    }
    values |= settings
    config = folder / "tiny.yaml"
    config.write_text(CONFIG.format(form=form, **values))
    prepared = folder / "runs" / "tiny" / "prepared"
    prepared.mkdir(parents=True)
    source = write_tiny_checkpoint(folder / "source", MARKOV)
    for name in ("schema.json", "knowledge.sqlite"):
        (prepared / name).write_bytes((source / name).read_bytes())
    save_turns(TURNS, prepared / "train.jsonl.gz")
    save_turns(TURNS[:4], prepared / "dev.jsonl.gz")
    return config


def _train(folder: Path, config: Path, *overrides: str) -> Path:
    return run_training(str(config), runs=folder / "runs", overrides=overrides, threads=1)


@pytest.mark.parametrize("prompt_format", [MARKOV, PPTOD])
def test_packed_loss_equals_the_stock_loss_of_each_target(prompt_format: object) -> None:
    tokenizer = tiny_tokenizer()
    builder = PromptBuilder(tokenizer, prompt_format, SCHEMA)  # type: ignore[arg-type]
    torch.manual_seed(1)
    network = build_network(NETWORK, tokenizer.size, pad_id=0, end_id=1).eval()
    examples = encode_turns(TURNS[:6], builder)
    packed = loss_of(network, collate(examples, pad_id=0))
    expected = torch.zeros(len(TASK_ORDER))
    for example in examples:
        for block in example.blocks:
            decoder = torch.tensor([block.prefix + block.target])
            labels = decoder[:, 1:].clone()
            labels[:, : len(block.prefix) - 1] = -100
            stock = network(
                input_ids=torch.tensor([example.context]),
                decoder_input_ids=decoder[:, :-1],
                labels=labels,
            )
            expected[block.task] += stock.loss * len(block.target)
    torch.testing.assert_close(packed.nats, expected, rtol=1e-4, atol=1e-4)
    assert packed.tokens.sum() == sum(len(b.target) for e in examples for b in e.blocks)
    assert packed.targets.sum() == sum(len(example.blocks) for example in examples)


@pytest.mark.parametrize(
    "form",
    [
        "{context: markov, prompt_placement: decoder, belief_target: update}",
        "{context: full, prompt_placement: encoder, belief_target: state}",
    ],
    ids=["shipped form", "PPTOD's form"],
)
def test_a_run_learns_and_its_checkpoint_answers_a_turn(tmp_path: Path, form: str) -> None:
    start = "copying" if "update" in form else "t5"
    config = _prepare(tmp_path, form, steps=200, augmented=0.0, start=start)
    checkpoint = _train(tmp_path, config)
    assert json.loads((checkpoint / "training.json").read_text())["step"] == 200
    assert _intent(checkpoint) == "find_train"


def test_a_run_starts_from_a_t5_folder_in_pptods_form(tmp_path: Path) -> None:
    form = "{context: full, prompt_placement: encoder, belief_target: state}"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    config = _prepare(scratch, form, steps=200, augmented=0.0, start="t5")
    first = _train(scratch, config)
    # A T5 as it comes from elsewhere: weights, configuration and tokenizer, nothing of ours.
    for file in first.iterdir():
        if file.name not in {"config.json", "model.safetensors", "tokenizer.json"}:
            file.unlink()
    config = _prepare(tmp_path, form, steps=3, augmented=0.0, initial=str(first))
    second = _train(tmp_path, config, "learning_rate=1.0e-5", "name=tiny")
    assert _intent(second) == "find_train"


def _intent(checkpoint: Path) -> str | None:
    pipeline = TurnPipeline.load(checkpoint, settings=EngineSettings(threads=1))
    request = parse_request({"user": "i need a train to ely on friday please", "state": {}})
    answer = pipeline.answer([request])[0]
    assert not isinstance(answer, Exception)
    return answer.intent.name if answer.intent else None


@pytest.mark.parametrize("optimizer", OptimizerName)
def test_a_resumed_run_equals_one_never_interrupted(
    tmp_path: Path, optimizer: OptimizerName
) -> None:
    form = "{context: markov, prompt_placement: decoder, belief_target: update}"
    chosen = f"optimizer={optimizer}"
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    _train(whole, _prepare(whole, form, steps=9), chosen)
    config = _prepare(parts, form, steps=9)
    _train(parts, config, chosen, "steps=4")
    _train(parts, config, chosen)
    weights = [load_file(f / "runs/tiny/step-000009/model.safetensors") for f in (whole, parts)]
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=0, atol=0, msg=name)


def test_a_killed_run_leaves_only_whole_checkpoints_and_goes_on(tmp_path: Path) -> None:
    form = "{context: markov, prompt_placement: decoder, belief_target: update}"
    config = _prepare(tmp_path, form, steps=100_000, save_minutes=0)
    command = "import sys; from pathlib import Path; from todserve.training.run import run_training"
    command += "; run_training(sys.argv[1], runs=Path(sys.argv[2]), threads=1)"
    folder = tmp_path / "runs" / "tiny"
    with subprocess.Popen(
        [sys.executable, "-c", command, str(config), str(tmp_path / "runs")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        deadline = time.monotonic() + 120
        while len(list(folder.glob("step-*"))) < 2 and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    complete = sorted(folder.glob("step-*"))
    assert complete, "no checkpoint within two minutes"
    step = int(complete[-1].name.removeprefix("step-"))
    _train(tmp_path, config, f"steps={step + 2}", "save_minutes=1000")
    assert (folder / f"step-{step + 2:06d}" / "progress.json").is_file()


def test_a_diverging_run_stops_and_says_so(tmp_path: Path) -> None:
    form = "{context: markov, prompt_placement: decoder, belief_target: update}"
    config = _prepare(tmp_path, form, steps=50)
    with pytest.raises(ConfigError, match=r"not finite.*learning_rate"):
        _train(tmp_path, config, "learning_rate=1.0e+30", "gradient_clip=1.0e+30")
    assert not list((tmp_path / "runs" / "tiny").glob("step-*"))


def test_a_run_with_other_weights_is_refused(tmp_path: Path) -> None:
    form = "{context: markov, prompt_placement: decoder, belief_target: update}"
    config = _prepare(tmp_path, form, steps=2)
    _train(tmp_path, config)
    with pytest.raises(ConfigError, match="other weights"):
        _train(tmp_path, config, "steps=3", "network={d_model: 32, num_heads: 4, d_kv: 16}")


def test_preflight_passes_what_training_makes_and_names_what_it_must_not() -> None:
    tokenizer = tiny_tokenizer()
    builder = PromptBuilder(tokenizer, MARKOV, SCHEMA)
    examples = encode_turns(TURNS, builder)
    check_examples(examples, tokenizer.size)
    check_prompts(examples, builder, tokenizer)
    with pytest.raises(ConfigError, match="outside the vocabulary of 50"):
        check_examples(examples, 50)
    with pytest.raises(ConfigError, match="no training example"):
        check_examples([], 50)
    config = T5Config(vocab_size=50, d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
    with pytest.raises(ConfigError, match="embedding 50 rows"):
        check_network(T5ForConditionalGeneration(config), tokenizer)


def test_preflight_notices_a_truncated_prompt() -> None:
    tokenizer = tiny_tokenizer()
    builder = PromptBuilder(tokenizer, PPTOD, SCHEMA)
    example = encode_turns(TURNS[:1], builder)[0]
    cut = type(example)(context=example.context[3:], blocks=example.blocks)
    with pytest.raises(ConfigError, match="was truncated"):
        check_prompts([cut], builder, tokenizer)


def test_unknown_start_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    form = "{context: full, prompt_placement: encoder, belief_target: state}"
    config = _prepare(tmp_path, form, initial=str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="cannot start from"):
        _train(tmp_path, config)


def test_the_shipped_configuration_builds_its_network() -> None:
    config = TrainingConfig.load("multiwoz")
    network = build_network(config.network, 4100, pad_id=0, end_id=1)
    size = sum(weight.numel() for weight in network.parameters())
    assert 5e6 < size < 15e6
