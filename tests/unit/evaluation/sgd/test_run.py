"""The whole way: a folder in the publisher's layout, a pipeline, the challenge's figures."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.corpora_fixtures import TINY
from tests.support.scripted_engine import Asked, ScriptedEngine
from tests.support.tiny_checkpoint import SCHEMA
from todserve.corpora.registry import TOD_DATA, find, load
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.rollout import Outcome, roll_out
from todserve.evaluation.suites.sgd.sgd_metrics import (
    METRICS,
    PredictedFrame,
    averages,
    score_frame,
)
from todserve.evaluation.suites.sgd.sgd_prediction import FrameTracker, TurnLabels
from todserve.evaluation.suites.sgd.sgd_run import (
    REQUESTED_SLOTS,
    frame_scores,
    run_sgd,
    sgd_figures,
)
from todserve.evaluation.suites.sgd.sgd_split import SgdSplit, read_split
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.response import ModelIdentity

BUS = {
    "service_name": "bus",
    "slots": [{"name": "line", "is_categorical": False, "possible_values": []}],
    "intents": [{"name": "find_bus"}],
}

SAYS = {
    ("ely", TaskName.BELIEF_STATE): "[train] destination ely leave 17:30",
    ("ely", TaskName.INTENT): "[find_train]",
    ("ely", TaskName.DIALOGUE_ACT): "[train] [inform] day",
    ("ely", TaskName.RESPONSE): "on [value_day].",
    ("thanks", TaskName.BELIEF_STATE): "",
    ("thanks", TaskName.INTENT): "[general]",
    ("thanks", TaskName.DIALOGUE_ACT): "[general] [bye]",
    ("thanks", TaskName.RESPONSE): "bye.",
}


def one_thread(checkpoint: Path) -> AnswererSource:
    return AnswererSource(checkpoint=checkpoint, settings=EngineSettings(threads=1))


def oracle(asked: Asked) -> str:
    last = asked.context.rpartition("<sos_u>")[2]
    return SAYS["thanks" if "thanks" in last else "ely", asked.task]


def frame(service: str, intent: str, requested: list[str], **values: str) -> dict[str, Any]:
    return {
        "service": service,
        "state": {
            "active_intent": intent,
            "requested_slots": requested,
            "slot_values": {slot: [value] for slot, value in values.items()},
        },
    }


def user(text: str, *frames: dict[str, Any]) -> dict[str, Any]:
    return {"speaker": "USER", "utterance": text, "frames": list(frames)}


def split_folder(folder: Path, *extra: dict[str, Any]) -> Path:
    """Write a split of two dialogues about the tiny checkpoint's services, and ``bus``."""
    folder.mkdir()
    SCHEMA.save(folder / "schema.json")
    services = json.loads((folder / "schema.json").read_text())
    (folder / "schema.json").write_text(json.dumps([*services, BUS]))
    wanted = {"destination": "Ely", "leave": "5:30 pm"}
    turns = [
        user("To Ely at 5:30 pm, which day?", frame("train", "find_train", ["day"], **wanted)),
        {"speaker": "SYSTEM", "utterance": "On Friday.", "frames": []},
        user("Great, thanks", frame("train", "NONE", [], **wanted), *extra),
    ]
    dialogues = [{"dialogue_id": name, "turns": turns} for name in ("1_1", "1_2")]
    (folder / "dialogues_001.json").write_text(json.dumps(dialogues))
    return folder


def rolled_out(folder: Path, split: SgdSplit) -> list[Outcome]:
    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum)
    pipeline = Pipeline(checkpoint, ScriptedEngine(checkpoint, oracle), identity)
    return list(roll_out(pipeline, list(split.plain_dialogues()), batch=2))


def test_a_model_that_says_the_labels_scores_full_marks(
    each_tiny_checkpoint: Path, tmp_path: Path
) -> None:
    split = read_split(split_folder(tmp_path / "dev"))
    scores = frame_scores(rolled_out(each_tiny_checkpoint, split), split)
    assert len(scores) == 4
    assert averages(scores) == dict.fromkeys(METRICS, 1.0)


def test_an_unseen_service_is_wrong_and_stands_apart(tiny_checkpoint: Path, tmp_path: Path) -> None:
    split = read_split(split_folder(tmp_path / "dev", frame("bus", "find_bus", ["line"], line="4")))
    scores = frame_scores(rolled_out(tiny_checkpoint, split), split)
    figures = sgd_figures(scores, SCHEMA.domains)
    assert figures["seen"] == {**dict.fromkeys(METRICS, 1.0), "frames": 4}
    assert figures["unseen"] == {**dict.fromkeys(METRICS, 0.0), "frames": 2}
    assert figures["services"] == {
        "bus": {**dict.fromkeys(METRICS, 0.0), "frames": 2, "seen": False},
        "train": {**dict.fromkeys(METRICS, 1.0), "frames": 4, "seen": True},
    }
    assert figures["joint_goal_accuracy"] == pytest.approx(4 / 6)


def test_a_refused_turn_is_wrong_in_everything(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = split_folder(tmp_path / "dev")
    text = (folder / "dialogues_001.json").read_text()
    (folder / "dialogues_001.json").write_text(text.replace("Great", "Great " * 990))
    split = read_split(folder)
    outcomes = rolled_out(tiny_checkpoint, split)
    assert [one.answer is None for one in outcomes] == [False, False, True, True]
    assert averages(frame_scores(outcomes, split)) == dict.fromkeys(METRICS, 0.5)


def test_the_figures_are_written_signed(
    tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = split_folder(tmp_path / "dev", frame("bus", "find_bus", ["line"], line="4"))
    out = tmp_path / "new" / "sgd.json"
    figures = run_sgd(one_thread(tiny_checkpoint), folder, out, limit=1, progress=False)
    assert json.loads(out.read_text()) == figures
    assert figures["counts"] == {
        "dialogues": 1,
        "user_turns": 2,
        "frames": 3,
        "frames_with_requested_slots": 2,
        "refused_turns": 0,
    }
    assert figures["requested_slots"] == REQUESTED_SLOTS
    checksum = read_split(folder).checksum
    model = Checkpoint.open(tiny_checkpoint).checksum
    signature = f"sgd|dev:{checksum}|all-first-1|checkpoint:{model}|todserve:"
    assert figures["signature"].startswith(signature)
    assert all(0 <= figures[name] <= 1 for name in METRICS)
    assert figures["unseen"]["joint_goal_accuracy"] == 0.0
    printed = capsys.readouterr().out
    assert figures["signature"] in printed
    assert "joint_goal_accuracy" in printed


def test_a_checkpoint_that_knows_no_service_scores_low_and_does_not_crash(
    tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = EngineSettings(threads=1)
    figures = run_sgd(
        AnswererSource(checkpoint=tiny_checkpoint, settings=settings),
        TINY / "sgd" / "dev",
        progress=False,
    )
    assert figures["average_goal_accuracy"] == 0.0
    assert figures["seen"]["frames"] == 0
    assert figures["seen"]["joint_goal_accuracy"] is None
    assert " - " in capsys.readouterr().out


def test_the_train_schema_says_what_is_seen(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = split_folder(tmp_path / "test")
    figures = run_sgd(
        one_thread(tiny_checkpoint),
        folder,
        train_schema=TINY / "sgd" / "train" / "schema.json",
        progress=False,
    )
    assert figures["seen"]["frames"] == 0
    assert figures["unseen"]["frames"] == 4
    assert figures["seen_by"] == "schema.json of the training split"


def test_a_test_split_is_scored_with_a_warning(
    tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = split_folder(tmp_path / "test")
    run_sgd(one_thread(tiny_checkpoint), folder, progress=False)
    assert "WARNING: scoring the TEST split" in capsys.readouterr().err


def test_wrong_folders_are_refused_before_the_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is no split"):
        run_sgd(one_thread(tmp_path), tmp_path)
    with pytest.raises(ConfigError, match="limit 0"):
        run_sgd(one_thread(tmp_path), split_folder(tmp_path / "dev"), limit=0)


@pytest.fixture(scope="module")
def published_dev(tmp_path_factory: pytest.TempPathFactory) -> SgdSplit:
    if not os.environ.get(TOD_DATA):
        pytest.skip(f"{TOD_DATA} is not set")
    folder = tmp_path_factory.mktemp("sgd") / "dev"
    folder.mkdir()
    for path, content in find("sgd").files("dev", ".json"):
        (folder / Path(path).name).write_bytes(content)
    return read_split(folder)


@pytest.mark.corpora
def test_the_corpus_as_its_own_prediction_scores_full_marks(
    published_dev: SgdSplit,
) -> None:
    split = published_dev
    frames = [one for turns in split.dialogues.values() for turn in turns for one in turn.frames]
    scores = [
        score_frame(
            one,
            PredictedFrame(
                active_intent=one.active_intent,
                requested_slots=one.requested_slots,
                slot_values={slot: values[0] for slot, values in one.slot_values.items()},
            ),
            split.services[one.service],
        )
        for one in frames
    ]
    assert len(scores) == 26077
    assert averages(scores) == dict.fromkeys(METRICS, 1.0)
    # Saying nothing at all is right where nothing was wanted.
    silent = [
        score_frame(one, PredictedFrame(slot_values={}), split.services[one.service])
        for one in frames
    ]
    empty = sum(not one.slot_values for one in frames)
    asked = sum(bool(one.requested_slots) for one in frames)
    idle = sum(one.active_intent == "NONE" for one in frames)
    assert averages(silent) == {
        "joint_goal_accuracy": pytest.approx(empty / 26077),
        "average_goal_accuracy": 0.0,
        "active_intent_accuracy": pytest.approx(idle / 26077),
        "requested_slots_f1": pytest.approx(1 - asked / 26077),
    }


@pytest.mark.corpora
def test_the_labels_that_training_sees_lose_next_to_nothing_on_the_way(
    published_dev: SgdSplit,
) -> None:
    split = published_dev
    scores = []
    for dialogue in load("sgd", "dev"):
        tracker = FrameTracker(schema=split.schema)
        turns = split.dialogues[dialogue.dialogue_id]
        for turn, ours in zip(turns, dialogue.turns, strict=True):
            labels = TurnLabels(
                state=ours.belief_state or {}, intent=ours.intent, acts=ours.dialogue_acts or ()
            )
            scores += [
                score_frame(frame, predicted, split.services[frame.service])
                for frame, predicted in zip(turn.frames, tracker.frames(turn, labels), strict=True)
            ]
    assert averages(scores) == {
        "joint_goal_accuracy": pytest.approx(0.99977, abs=1e-5),
        "average_goal_accuracy": pytest.approx(0.99995, abs=1e-5),
        "active_intent_accuracy": pytest.approx(0.99133, abs=1e-5),
        "requested_slots_f1": pytest.approx(0.99816, abs=1e-5),
    }
