"""Training for real, on turns small enough to finish in seconds."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import T5Config, T5ForConditionalGeneration

from tests.support.tiny_checkpoint import MARKOV, PPTOD, SCHEMA
from tests.support.tiny_run import PPTOD_FORM, SHIPPED_FORM, prepare_run, train
from tests.support.tiny_turns import TURNS
from tests.support.tiny_vocabulary import tiny_tokenizer
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.errors import ConfigError, TrainingError
from todserve.runtime.language.prompts import PromptBuilder, PromptFormat
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import TurnPipeline
from todserve.runtime.wire.request import parse_request
from todserve.training.batches.batch import IGNORED, collate
from todserve.training.batches.examples import TASK_ORDER, encode_turns
from todserve.training.network.training_network import build_network, logits_of, loss_of
from todserve.training.preflight import (
    check_examples,
    check_network,
    check_prompts,
    check_targets,
)
from todserve.training.preparation.training_turns import save_turns
from todserve.training.training_config import Network, OptimizerName, TrainingConfig

NETWORK = Network(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_decoder_layers=1, num_heads=4)


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


def test_label_smoothing_is_torchs_own_and_leaves_the_reported_nats_alone() -> None:
    tokenizer = tiny_tokenizer()
    torch.manual_seed(1)
    network = build_network(NETWORK, tokenizer.size, pad_id=0, end_id=1).eval()
    batch = collate(encode_turns(TURNS[:6], PromptBuilder(tokenizer, MARKOV, SCHEMA)), pad_id=0)
    logits, labels = logits_of(network, batch), batch.labels[batch.labels != IGNORED]
    plain, smooth = loss_of(network, batch), loss_of(network, batch, label_smoothing=0.1)
    expected = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    torch.testing.assert_close(smooth.mean, expected)
    # By hand: 0.9 of the target's nats, 0.1 of the mean over the vocabulary.
    nats = -logits.log_softmax(-1)
    own = nats.gather(1, labels[:, None])[:, 0]
    torch.testing.assert_close(smooth.mean, (0.9 * own + 0.1 * nats.mean(-1)).mean())
    torch.testing.assert_close(smooth.nats, plain.nats)


def test_weighted_tasks_count_by_their_tokens() -> None:
    tokenizer = tiny_tokenizer()
    network = build_network(NETWORK, tokenizer.size, pad_id=0, end_id=1).eval()
    batch = collate(encode_turns(TURNS[:6], PromptBuilder(tokenizer, MARKOV, SCHEMA)), pad_id=0)
    weights = torch.tensor([2.0, 0.0, 1.0, 0.5])
    loss = loss_of(network, batch, weights=weights)
    torch.testing.assert_close(loss.total, (loss.nats * weights).sum())
    torch.testing.assert_close(loss.weight, (loss.tokens * weights).sum())
    torch.testing.assert_close(loss.mean, loss.total / loss.weight)


def test_accumulated_batches_train_as_one_batch_of_all_their_tokens(tmp_path: Path) -> None:
    # The whole epoch in each step, at once or in batches of unlike lengths.
    weights = []
    for name, size in (("one", "batch_tokens=100000"), ("many", "batch_tokens=150")):
        folder = tmp_path / name
        folder.mkdir()
        config = prepare_run(folder, steps=4, start="t5")
        train(folder, config, size, "batches_per_step=1000", "weights={belief_state: 3}")
        weights.append(load_file(folder / "runs/tiny/step-000004/model.safetensors"))
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=0, atol=2e-5, msg=name)


@pytest.mark.parametrize(
    "form",
    [SHIPPED_FORM, PPTOD_FORM],
    ids=["shipped form", "PPTOD's form"],
)
def test_a_run_learns_and_its_checkpoint_answers_a_turn(tmp_path: Path, form: str) -> None:
    start = "copying" if "update" in form else "t5"
    config = prepare_run(tmp_path, steps=200, augmented=0.0, start=start)
    checkpoint = train(tmp_path, config)
    assert json.loads((checkpoint / "training.json").read_text())["step"] == 200
    assert _intent(checkpoint) == "find_train"


def test_a_run_starts_from_a_t5_folder_in_pptods_form(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    config = prepare_run(scratch, PPTOD_FORM, steps=200, augmented=0.0, start="t5")
    first = train(scratch, config)
    # A T5 as it comes from elsewhere: weights, configuration and tokenizer, nothing of ours.
    for file in first.iterdir():
        if file.name not in {"config.json", "model.safetensors", "tokenizer.json"}:
            file.unlink()
    config = prepare_run(tmp_path, PPTOD_FORM, steps=3, augmented=0.0, initial=str(first))
    second = train(tmp_path, config, "learning_rate=1.0e-5", "name=tiny")
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
    chosen = f"optimizer={optimizer}"
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    train(whole, prepare_run(whole, steps=9), chosen)
    config = prepare_run(parts, steps=9)
    train(parts, config, chosen, "steps=4")
    train(parts, config, chosen)
    weights = [load_file(f / "runs/tiny/step-000009/model.safetensors") for f in (whole, parts)]
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=0, atol=0, msg=name)


def test_a_killed_run_leaves_only_whole_checkpoints_and_goes_on(tmp_path: Path) -> None:
    config = prepare_run(tmp_path, steps=100_000, save_minutes=0)
    command = "import sys; from pathlib import Path"
    command += "; from todserve.training.training_run import run_training"
    command += "; run_training(sys.argv[1], runs=Path(sys.argv[2]), threads=1)"
    folder = tmp_path / "runs" / "tiny"
    with subprocess.Popen(
        [sys.executable, "-c", command, str(config), str(tmp_path / "runs")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    ) as process:
        deadline = time.monotonic() + 120
        while len(list(folder.glob("step-*"))) < 2 and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    complete = sorted(folder.glob("step-*"))
    assert complete, "no checkpoint within two minutes"
    step = int(complete[-1].name.removeprefix("step-"))
    train(tmp_path, config, f"steps={step + 2}", "save_minutes=1000")
    assert (folder / f"step-{step + 2:06d}" / "progress.json").is_file()


def test_a_diverging_run_stops_and_says_so(tmp_path: Path) -> None:
    config = prepare_run(tmp_path, steps=50)
    with pytest.raises(TrainingError, match=r"not finite.*6 returns.*learning_rate"):
        train(tmp_path, config, "learning_rate=1.0e+30", "gradient_clip=1.0e+30")
    assert not list((tmp_path / "runs" / "tiny").glob("step-*"))


def test_a_run_with_other_weights_is_refused(tmp_path: Path) -> None:
    config = prepare_run(tmp_path, steps=2)
    train(tmp_path, config)
    with pytest.raises(ConfigError, match="other weights"):
        train(tmp_path, config, "steps=3", "network={d_model: 32, num_heads: 4, d_kv: 16}")


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


def test_preflight_counts_targets_that_the_vocabulary_cannot_say() -> None:
    tokenizer = tiny_tokenizer()
    examples = encode_turns(TURNS[:1], PromptBuilder(tokenizer, MARKOV, SCHEMA))
    assert check_targets(examples, tokenizer.unknown_id) == []
    (strange,) = (
        replace(
            one,
            blocks=tuple(
                replace(block, target=(*tokenizer.encode("金龙"), *block.target))
                for block in one.blocks[:1]
            ),
        )
        for one in examples[:1]
    )
    (warning,) = check_targets([strange, *examples], tokenizer.unknown_id)
    assert warning.startswith("1 targets of task")
    assert "the vocabulary cannot say" in warning


def test_preflight_notices_a_truncated_prompt() -> None:
    tokenizer = tiny_tokenizer()
    builder = PromptBuilder(tokenizer, PPTOD, SCHEMA)
    example = encode_turns(TURNS[:1], builder)[0]
    cut = type(example)(context=example.context[3:], blocks=example.blocks)
    with pytest.raises(ConfigError, match="was truncated"):
        check_prompts([cut], builder, tokenizer)


def test_unknown_start_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    config = prepare_run(tmp_path, PPTOD_FORM, initial=str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="cannot start from"):
        train(tmp_path, config)


def test_the_shipped_configuration_builds_its_network() -> None:
    config = TrainingConfig.load("multiwoz-scratch")
    network = build_network(config.network, 4100, pad_id=0, end_id=1)
    size = sum(weight.numel() for weight in network.parameters())
    assert 5e6 < size < 15e6


def test_a_checkpoint_says_which_tasks_it_was_taught(tmp_path: Path) -> None:
    config = prepare_run(tmp_path, steps=2)
    taught = (TaskName.BELIEF_STATE, TaskName.INTENT)
    save_turns(
        [turn.only(taught) for turn in TURNS], tmp_path / "runs/tiny/prepared/train.jsonl.gz"
    )
    form = PromptFormat.load(train(tmp_path, config) / "format.json")
    assert set(form.tasks) == set(taught)
