import tomllib
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT
from tests.support.spoken_corpus import SCHEMA, SPOKEN_CORPUS
from todserve.cli.main import main
from todserve.corpora.spoken.wordings import Wordings
from todserve.runtime.errors import ConfigError
from todserve.training.preparation.training_turns import save_turns


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "made-up" / "prepared"
    folder.mkdir(parents=True)
    SCHEMA.save(folder / "schema.json")
    source = Path(ROOT) / "checkpoints" / "multiwoz" / "knowledge.sqlite"
    (folder / "knowledge.sqlite").write_bytes(source.read_bytes())
    save_turns(SPOKEN_CORPUS, folder / "train.jsonl.gz")
    save_turns(SPOKEN_CORPUS[:9], folder / "dev.jsonl.gz")
    return folder.parent


def _printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["data", "spoken", *arguments]) == 0
    return capsys.readouterr().out


def test_samples_show_what_was_said_and_what_it_changes(
    prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _printed(capsys, str(prepared), "--kind", "way_round", "--number", "3")
    assert text.startswith("way_round:\n")
    assert text.count("state ") == 3
    assert "departure" in text
    assert "destination" in text


def test_the_same_seed_prints_the_same_and_another_another(
    prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = _printed(capsys, str(prepared), "--number", "1")
    assert first == _printed(capsys, str(prepared), "--number", "1")
    assert first != _printed(capsys, str(prepared), "--number", "1", "--seed", "8")


def test_departments_come_from_the_database_of_the_run(
    prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _printed(capsys, str(prepared), "--kind", "department")
    assert text.count("state hospital: department ") == 4


def test_an_unknown_kind_is_named_with_those_there_are(
    prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "spoken", str(prepared), "--kind", "corect"]) != 0
    said = capsys.readouterr()
    assert "corect" in said.err + said.out
    assert "way_round" in said.err + said.out


def test_a_language_without_wordings_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="en, ko"):
        Wordings.load("xx")


def test_the_package_ships_its_wordings() -> None:
    project = tomllib.loads((Path(ROOT) / "pyproject.toml").read_text("utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["todserve"]
    package = Path(ROOT) / "todserve"
    shipped = {path for pattern in patterns for path in package.glob(pattern)}
    wordings = set((package / "corpora" / "spoken").rglob("*.json"))
    assert len(wordings) > 10
    assert wordings <= shipped
