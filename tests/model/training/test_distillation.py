"""Distillation: the divergence by hand, what is refused, and that it brings a student nearer."""

import json
from math import log
from pathlib import Path

import pytest
import tokenizers
import torch
from transformers import T5ForConditionalGeneration

from tests.support.tiny_checkpoint import MARKOV, PPTOD, SCHEMA
from tests.support.tiny_run import prepare_run, train
from tests.support.tiny_turns import TURNS
from tests.support.tiny_vocabulary import tiny_tokenizer
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.prompts import PromptBuilder, PromptFormat
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.training.batches.batch import Batch, collate
from todserve.training.batches.examples import encode_turns
from todserve.training.network.distillation import Distillation, divergence, load_teacher
from todserve.training.network.training_network import build_network, logits_of, loss_of
from todserve.training.training_config import Network


@pytest.mark.parametrize(
    ("p", "q", "nats"),
    [
        ((0.5, 0.5), (0.5, 0.5), 0.0),
        ((0.5, 0.5), (0.25, 0.75), 0.5 * log(2) + 0.5 * log(2 / 3)),  # 0.1438
        ((0.25, 0.75), (0.5, 0.5), 0.25 * log(1 / 2) + 0.75 * log(3 / 2)),  # 0.1308
        ((0.9, 0.1), (0.1, 0.9), 0.8 * log(9)),  # 1.7578
    ],
)
def test_divergence_of_two_tokens_by_hand(
    p: tuple[float, float], q: tuple[float, float], nats: float
) -> None:
    found = divergence(torch.tensor([p]).log(), torch.tensor([q]).log())
    assert found.item() == pytest.approx(nats, abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_divergence_and_its_gradient_equal_torchs(temperature: float) -> None:
    torch.manual_seed(3)
    teacher = 4 * torch.randn(7, 11)
    ours = (4 * torch.randn(7, 11)).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    found = divergence(teacher, ours, temperature)
    expected = torch.nn.functional.kl_div(
        torch.log_softmax(theirs / temperature, -1),
        torch.softmax(teacher / temperature, -1),
        reduction="none",
    ).sum(-1)
    torch.testing.assert_close(found, expected)
    found.sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def _batch() -> tuple[T5ForConditionalGeneration, T5ForConditionalGeneration, Batch]:
    tokenizer = tiny_tokenizer()
    sizes = Network(d_model=32, d_kv=8, d_ff=64, num_layers=1, num_decoder_layers=1, num_heads=2)
    torch.manual_seed(1)
    student = build_network(sizes, tokenizer.size, pad_id=0, end_id=1).eval()
    larger = sizes.model_copy(update={"d_model": 48})
    teacher = build_network(larger, tokenizer.size + 8, pad_id=0, end_id=1).eval()
    examples = encode_turns(TURNS[:6], PromptBuilder(tokenizer, MARKOV, SCHEMA))
    return student, teacher, collate(examples, pad_id=0)


@pytest.mark.parametrize(("weight", "temperature"), [(0.0, 2.0), (0.3, 2.0), (1.0, 1.0)])
def test_the_loss_mixes_cross_entropy_and_divergence(weight: float, temperature: float) -> None:
    student, teacher, batch = _batch()
    with torch.no_grad():
        logits = logits_of(teacher, batch)
        own = logits_of(student, batch)
    given = Distillation(logits=logits, weight=weight, temperature=temperature)
    loss = loss_of(student, batch, distillation=given)
    # The teacher's eight rows beyond the vocabulary are left out.
    apart = divergence(logits[:, : own.shape[1]], own, temperature).sum()
    plain = loss_of(student, batch)
    expected = (1 - weight) * plain.total + weight * temperature**2 * apart
    torch.testing.assert_close(loss.total, expected)
    torch.testing.assert_close(loss.divergence.sum(), apart)
    torch.testing.assert_close(loss.nats, plain.nats)
    assert plain.divergence.sum() == 0


def test_a_distilled_student_comes_nearer_to_its_teacher(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("teacher", "alone", "distilled")}
    for folder in folders.values():
        folder.mkdir()
    # A teacher that has not learnt all: its doubts are what the targets do not say.
    config = prepare_run(folders["teacher"], steps=25, augmented=0.0)
    teacher_folder = train(folders["teacher"], config)
    apart = {}
    for name, share in (("alone", 0.0), ("distilled", 0.9)):
        config = prepare_run(folders[name], steps=40, augmented=0.0)
        small = "network={d_model: 32, d_kv: 8, d_ff: 64, num_layers: 1, num_decoder_layers: 1}"
        taught = (f"teacher={teacher_folder}", f"distillation_weight={share}")
        student_folder = train(folders[name], config, small, *taught)
        ours = Tokenizer.load(student_folder / "tokenizer.json")
        student = T5ForConditionalGeneration.from_pretrained(student_folder).float().eval()
        form = PromptFormat.load(student_folder / "format.json")
        teacher = load_teacher(teacher_folder, student_folder / "tokenizer.json", form)
        batch = collate(encode_turns(TURNS, PromptBuilder(ours, form, SCHEMA)), pad_id=0)
        with torch.no_grad():
            apart[name] = divergence(logits_of(teacher, batch), logits_of(student, batch)).mean()
    assert apart["distilled"] < 0.8 * apart["alone"]


def test_a_teacher_of_another_kind_is_refused(tmp_path: Path) -> None:
    config = prepare_run(tmp_path, steps=1)
    folder = train(tmp_path, config)
    file = folder / "tokenizer.json"
    form = PromptFormat.load(folder / "format.json")
    assert not load_teacher(folder, file, form).training
    with pytest.raises(ConfigError, match="was trained with context markov, the student has full"):
        load_teacher(folder, file, PPTOD)
    with pytest.raises(ConfigError, match="no file .*expected a T5 folder"):
        load_teacher(tmp_path, file, form)

    other = tmp_path / "other.json"
    vocabulary = tokenizers.Tokenizer.from_file(str(file))
    vocabulary.add_special_tokens(["[another]"])
    vocabulary.save(str(other))
    with pytest.raises(ConfigError, match=r"1 of its \d+ tokens .*'\[another\]'.*one vocabulary"):
        load_teacher(folder, other, form)

    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"vocab_size": "many"}))
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load_teacher(folder, file, form)
