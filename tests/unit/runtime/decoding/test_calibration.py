import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.scripted_engine import Asked, ScriptedEngine
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.calibration import CALIBRATION_FILE, Calibration, CalibrationFit
from todserve.runtime.decoding.token_automaton import TokenAutomaton
from todserve.runtime.engines.engine import Encoding, Generation, Row
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import ModelIdentity

FIT = CalibrationFit(corpus="multiwoz21", split="dev", signature="multiwoz21|dev|all")


def written(folder: Path, **keys: object) -> Path:
    path = folder / CALIBRATION_FILE
    path.write_text(json.dumps(keys))
    return path


def test_a_saved_calibration_is_loaded_as_it_was(tmp_path: Path) -> None:
    calibration = Calibration(
        checkpoint="abc", temperatures={TaskName.INTENT: 1.5, TaskName.RESPONSE: 0.75}, fit=FIT
    )
    calibration.save(tmp_path / CALIBRATION_FILE)
    loaded = Calibration.load(tmp_path / CALIBRATION_FILE, checkpoint="abc")
    assert loaded == calibration
    assert [path.name for path in tmp_path.iterdir()] == [CALIBRATION_FILE]


def test_without_a_file_and_for_tasks_without_a_fit_the_temperature_is_one(tmp_path: Path) -> None:
    nothing = Calibration.load(tmp_path / CALIBRATION_FILE, checkpoint="abc")
    assert {nothing.temperature(task) for task in TaskName} == {1.0}
    one = Calibration(temperatures={TaskName.INTENT: 2.0})
    assert one.temperature(TaskName.INTENT) == 2.0
    assert one.temperature(TaskName.RESPONSE) == 1.0


@pytest.mark.parametrize(
    "keys",
    [
        {"temperatures": {"intent": 0.0}},
        {"temperatures": {"intent": -1.5}},
        {"temperatures": {"intent": 1e-9}},
        {"temperatures": {"intent": float("inf")}},
        {"temperatures": {"intent": float("nan")}},
        {"temperatures": {"intent": "warm"}},
        {"temperatures": {"belief": 1.5}},
        {"temperature": {"intent": 1.5}},
        {"fit": {"corpus": "multiwoz21"}},
        {"fit": {"corpus": "multiwoz21", "split": "dev", "signature": "x", "more": 1}},
        {"version": 2},
        {"checkpoint": "of other weights"},
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_fix(
    tmp_path: Path, keys: dict[str, object]
) -> None:
    path = written(tmp_path, **keys)
    with pytest.raises(ConfigError, match=r"calibration\.json.*fit it again"):
        Calibration.load(path, checkpoint="abc")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CALIBRATION_FILE).write_bytes(content)
    with pytest.raises(ConfigError, match="cannot read calibration file"):
        Calibration.load(tmp_path / CALIBRATION_FILE, checkpoint="abc")


def test_a_checkpoint_carries_its_calibration_and_refuses_that_of_other_weights(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    checksum = Checkpoint.open(folder).checksum
    assert Checkpoint.open(folder).calibration == Calibration()
    calibration = Calibration(checkpoint=checksum, temperatures={TaskName.INTENT: 1.5}, fit=FIT)
    calibration.save(folder / CALIBRATION_FILE)
    assert Checkpoint.open(folder).calibration == calibration
    written(folder, checkpoint="0" * 12, temperatures={"intent": 1.5})
    with pytest.raises(
        ConfigError, match=f"fitted for weights 000000000000; got weights {checksum}"
    ):
        Checkpoint.open(folder)


class _Rows(ScriptedEngine):
    """Keeps the rows it is asked."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint, _script)
        self.rows: list[Row] = []

    def generate(
        self, encoding: Encoding, rows: Sequence[Row], automaton: TokenAutomaton | None = None
    ) -> list[Generation]:
        self.rows += rows
        return super().generate(encoding, rows, automaton)


def _script(asked: Asked) -> str:
    if asked.task is TaskName.RESPONSE:
        return "anything else?"
    return "[train] destination ely" if asked.task is TaskName.BELIEF_STATE else ""


def test_every_row_is_asked_at_its_tasks_temperature_a_replayed_history_too(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    temperatures = {
        TaskName.BELIEF_STATE: 2.0,
        TaskName.INTENT: 3.0,
        TaskName.DIALOGUE_ACT: 0.5,
    }
    Calibration(temperatures=temperatures).save(folder / CALIBRATION_FILE)
    checkpoint = Checkpoint.open(folder)
    engine = _Rows(checkpoint)
    identity = ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum)
    pipeline = Pipeline(checkpoint, engine, identity)
    history = [{"user": "to ely", "system": "when?"}]
    pipeline.answer([parse_request({"user": "friday", "history": history})])
    start = {checkpoint.tokenizer.token_id(f"<sos_{one}>"): one for one in "bdar"}
    assert [(start[row.prefix[0]], row.temperature) for row in engine.rows] == [
        ("b", 2.0),  # the replayed exchange
        ("b", 2.0),
        ("d", 3.0),
        ("a", 0.5),
        ("r", 1.0),
    ]
