"""A training that fails before its first step leaves nothing that is empty."""

from pathlib import Path

import pytest

from todserve.cli import main
from todserve.training.training_run import nothing_empty


def test_a_training_without_its_corpora_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpora").mkdir()
    assert main.main(["train", "multiwoz", "--corpora", "corpora"]) == 1
    assert "not found in corpora" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["corpora"]


def test_what_a_failed_run_has_done_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "mine"

    def fail() -> None:
        with nothing_empty(folder):
            (folder / "prepared").mkdir(parents=True)
            (folder / "steps" / "empty").mkdir(parents=True)
            (folder / "prepared" / "train.jsonl.gz").touch()
            raise ValueError("later")

    with pytest.raises(ValueError, match="later"):
        fail()
    kept = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert kept == ["runs", "runs/mine", "runs/mine/prepared", "runs/mine/prepared/train.jsonl.gz"]


def test_a_folder_that_was_there_before_stays_though_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()

    def fail() -> None:
        with nothing_empty(tmp_path / "runs" / "mine"):
            (tmp_path / "runs" / "mine").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert list((tmp_path / "runs").iterdir()) == []
