"""A corpus that changes under its run: corrections exported again into the same folder."""

import shutil
from pathlib import Path

import pytest

from tests.support.tiny_run import CONFIG, SHIPPED_FORM
from todserve.runtime.errors import ConfigError
from todserve.training.preparation.training_turns import load_turns
from todserve.training.training_run import run_training

FIXTURES = Path(__file__).parents[2] / "fixtures" / "corpora"
BANK = "corpora: [banking77]\ndev_corpus: banking77\nheld_out: 0.3\n"


def test_a_run_without_steps_is_prepared_anew_and_one_with_steps_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpora = tmp_path / "corpora"
    shutil.copytree(FIXTURES / "banking77", corpora / "banking77")
    settings = {"augmented": 0.0, "steps": 2, "save_minutes": 1000, "initial": "null"}
    config = tmp_path / "tiny.yaml"
    config.write_text(CONFIG.format(form=SHIPPED_FORM, start="t5", **settings) + BANK)

    def train() -> set[str]:
        run_training(str(config), runs=tmp_path / "runs", root=corpora, threads=1)
        prepared = tmp_path / "runs" / "tiny" / "prepared"
        files = (prepared / f"{name}.jsonl.gz" for name in ("train", "dev"))
        return {turn.user for file in files for turn in load_turns(file)}

    assert "where is the parcel" not in train()
    for step in (tmp_path / "runs" / "tiny").glob("step-*"):
        shutil.rmtree(step)
    with (corpora / "banking77" / "train.csv").open("a") as file:
        file.write("where is the parcel,a_new_intent\n")
    assert "where is the parcel" in train()
    assert "banking77 changed since" in capsys.readouterr().out
    with (corpora / "banking77" / "train.csv").open("a") as file:
        file.write("and where is that,a_new_intent\n")
    with pytest.raises(ConfigError, match=r"banking77 changed since .*`name` of its own"):
        train()
