"""A folder of dialogues as a whole configuration."""

import json
from pathlib import Path

import pytest

from todserve.runtime.errors import ConfigError
from todserve.runtime.language.prompts import ContextForm
from todserve.runtime.language.schema import Schema, Service
from todserve.training.own_corpus import pretrained_start
from todserve.training.training_config import TrainingConfig


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "our-bot"
    folder.mkdir()
    Schema(services=(Service(name="shop", intents=("pay", "return")),)).save(folder / "schema.json")
    lines = [
        {
            "dialogue_id": str(n),
            "turns": [{"user": f"words {n}", "intent": ("pay", "return")[n % 2]}],
        }
        for n in range(20)
    ]
    (folder / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_folder_needs_no_configuration(project: Path) -> None:
    config = TrainingConfig.load(str(project))
    assert config.name == "our-bot"
    assert config.corpora == (str(project),)
    assert config.dev_corpus == str(project)
    assert config.initial == str(pretrained_start())
    assert (config.held_out, config.stratified, config.finish) == (0.2, True, True)


def test_a_file_that_names_a_folder_needs_no_other_line(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"corpora: [{project}]\n")
    assert TrainingConfig.load(str(file)) == TrainingConfig.load(str(project))


@pytest.mark.parametrize(
    ("folder", "run"),
    [("our bot", "our_bot"), (".our-bot 2.0", "our-bot_2.0"), ("\U0001f355", "corpus")],
)
def test_a_run_is_called_as_its_folder_is_where_a_folder_may_be(
    folder: str, run: str, project: Path
) -> None:
    named = project.rename(project.with_name(folder))
    assert TrainingConfig.load(str(named)).name == run


def test_what_is_given_stays_as_given(project: Path) -> None:
    config = TrainingConfig.load(
        str(project), ("name=mine", "steps=7", "batch_tokens=500", "learning_rate=1e-3")
    )
    assert (config.name, config.steps, config.batch_tokens) == ("mine", 7, 500)
    assert (config.epochs, config.minutes, config.batch_examples) == (None, None, None)
    assert config.rates is None


def test_the_form_is_that_of_the_checkpoint_it_starts_from(
    project: Path, tiny_checkpoint: Path
) -> None:
    config = TrainingConfig.load(str(project), (f"initial={tiny_checkpoint}",))
    assert config.format.context is ContextForm.MARKOV
    assert config.finish


def test_a_larger_corpus_is_gone_through_less_often_holds_less_out_and_moves_the_encoder_more(
    project: Path,
) -> None:
    first = TrainingConfig.load(str(project))
    line = {"dialogue_id": "long", "turns": [{"user": "words"}] * 6000}
    (project / "train.jsonl").write_text(json.dumps(line) + "\n")
    second = TrainingConfig.load(str(project))
    assert first.epochs is not None
    assert second.epochs is not None
    assert first.epochs > second.epochs
    assert first.rates is not None
    assert second.rates is not None
    assert first.rates.encoder < second.rates.encoder
    assert (first.held_out, second.held_out) == (0.2, 0.1)


def test_a_network_from_scratch_is_left_alone(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "scratch.yaml"
    file.write_text(f"name: x\ncorpora: [{project}]\ninitial: null\n")
    config = TrainingConfig.load(str(file))
    assert config.initial is None
    assert not config.finish


def test_no_checkpoint_to_start_from_says_what_to_name(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("todserve.training.own_corpus.STARTS", ("not_there",))
    with pytest.raises(ConfigError, match="expected checkpoints/not_there.*initial=FOLDER"):
        TrainingConfig.load(str(project))
