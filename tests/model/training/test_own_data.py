"""A folder of dialogues in, a calibrated and scored checkpoint with an intent model out."""

import json
import stat
from pathlib import Path

import pytest

from tests.support.tiny_checkpoint import write_tiny_bert_checkpoint
from todserve.runtime.decoding.calibration import CALIBRATION_FILE
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.intents.intent_model import INTENT_MODEL
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import TurnResponse
from todserve.training.classifiers.intent_classifier import fit_intents
from todserve.training.held_out_errors import ERRORS_FILE
from todserve.training.held_out_scores import SCORES_FILE
from todserve.training.preparation.training_turns import load_turns
from todserve.training.training_run import run_training

PLACES = ("ely", "cambridge", "norwich", "leeds", "york", "london", "paris", "rome", "oslo", "bonn")
SAID = {
    "find_train": "a train to {} please",
    "find_restaurant": "somewhere to eat in {}",
    "book_taxi": "get me a taxi to {}",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run's folder, its corpus and its start beside it, trained for a few steps."""
    base = tmp_path_factory.mktemp("own")
    write_tiny_bert_checkpoint(base / "start")
    corpus = base / "our-bot"
    corpus.mkdir()
    slots = (Slot(name="place"),)
    services = (Service(name="travel", slots=slots, intents=tuple(SAID)),)
    Schema(services=services).save(corpus / "schema.json")
    turns = [
        {
            "user": said.format(place),
            "intent": intent,
            "belief_state": {"travel": {"place": place}},
        }
        for intent, said in SAID.items()
        for place in PLACES
    ]
    lines = [{"dialogue_id": str(n), "turns": [turn]} for n, turn in enumerate(turns)]
    (corpus / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    overrides = (f"initial={base / 'start'}", "steps=6", "batch_examples=16", "dtype=float32")
    run_training(str(corpus), overrides=overrides, runs=base / "runs", threads=1)
    return base / "runs" / "our-bot"


def test_what_no_turn_teaches_is_said_before_the_training(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = (
        f"initial={folder.parents[1] / 'start'}",
        "steps=1",
        "dtype=float32",
        "finish=false",
    )
    corpus = folder.parents[1] / "our-bot"
    run_training(str(corpus), overrides=overrides, runs=tmp_path, threads=1)
    told = "no turn has dialogue_acts or delexicalised_response: the model will answer belief_state"
    assert told in capsys.readouterr().out


def test_a_fifth_of_each_intent_is_held_out(folder: Path) -> None:
    train, dev = (load_turns(folder / "prepared" / f"{part}.jsonl.gz") for part in ("train", "dev"))
    assert [turn.intent for turn in train].count("find_train") == 8
    assert sorted(turn.intent or "" for turn in dev) == sorted([*SAID, *SAID])
    assert not {turn.user for turn in train} & {turn.user for turn in dev}


def test_the_checkpoint_is_calibrated_and_scored(folder: Path) -> None:
    checkpoint = folder / "checkpoint"
    assert (checkpoint / CALIBRATION_FILE).is_file()
    figures = json.loads((checkpoint / "scores-held-out.json").read_text())["figures"]
    assert {"intent_accuracy", "intent_network", "slot_f1", "joint_goal_accuracy"} <= set(figures)
    assert figures["intent_accuracy"]["of"] == 6
    assert "our_bot|held-out|6-dialogues|checkpoint:" in figures["slot_f1"]["signature"]


def test_what_went_wrong_lies_beside_the_checkpoint_for_its_owner_alone(folder: Path) -> None:
    file = folder / ERRORS_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = json.loads(file.read_text(encoding="utf-8"))
    figures = json.loads((folder / "checkpoint" / SCORES_FILE).read_text())["figures"]
    intents, entities = content["intents"], content["entities"]
    assert (intents["of"], entities["of"]) == (6, 6)
    assert intents["accuracy"] == figures["intent_accuracy"]["value"]
    assert set(intents["report"]) == set(SAID)
    assert sum(bar["right"] + bar["wrong"] for bar in intents["histogram"]) == 6
    assert len(intents["errors"]) == sum(bar["wrong"] for bar in intents["histogram"])
    assert all("travel.place" in one["missed"] for one in entities["errors"])


def test_few_words_are_enough_to_serve_the_right_intent(folder: Path) -> None:
    pipeline = Pipeline.load(folder / "checkpoint", settings=EngineSettings(threads=1))
    requests = [parse_request({"user": said.format("bath")}) for said in SAID.values()]
    answers = pipeline.answer(requests)
    pipeline.close()
    names = [
        one.intent.name
        for one in answers
        if isinstance(one, TurnResponse) and one.intent is not None
    ]
    assert names == list(SAID)


def test_training_again_takes_the_fitted_files_away_first(folder: Path) -> None:
    checkpoint = folder / "checkpoint"
    before = (checkpoint / INTENT_MODEL).read_bytes()
    fitted = fit_intents(folder / "prepared", checkpoint)
    assert fitted is not None
    assert (checkpoint / INTENT_MODEL).read_bytes() == before
    assert 0 <= fitted.network <= fitted.linear <= 1
