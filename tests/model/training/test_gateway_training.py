"""Corrections are a corpus: exported from a gateway, prepared, trained on, under both forms."""

import json
from pathlib import Path

import pytest

from tests.support.remembered import remembered
from tests.support.tiny_run import CONFIG, PPTOD_FORM, SHIPPED_FORM
from tests.unit.evaluation.multiwoz.test_end_to_end import Scripted
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.language.prompts import PromptBuilder
from todserve.runtime.language.tasks import TaskName
from todserve.training.batches.examples import TASK_ORDER, encode_turn
from todserve.training.preparation.training_turns import TrainingTurn, load_turns
from todserve.training.training_run import run_training

MIXED = """
corpora: [{folder}]
dev_corpus: {folder}
held_out: 0.99
train_on_held_out: true
"""
"""So few dialogues are trained on and watched at once."""


def targets(turn: TrainingTurn, checkpoint: Checkpoint) -> dict[TaskName, str]:
    """Return what the trained checkpoint's own form makes of a prepared turn, task by task."""
    builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)
    return {
        TASK_ORDER[block.task]: checkpoint.tokenizer.decode(list(block.target))
        for example in encode_turn(turn, builder)
        for block in example.blocks
    }


@pytest.mark.parametrize(
    ("form", "carried"),
    [
        (SHIPPED_FORM, "[restaurant] people 2"),
        (PPTOD_FORM, "[restaurant] area north pricerange cheap people 2"),
    ],
)
def test_corrections_are_trained_on_as_people_left_them(
    form: str, carried: str, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    exported = remembered(Scripted(tiny_checkpoint).pipeline, tmp_path)
    settings = CONFIG.format(
        form=form, augmented=0.0, steps=3, save_minutes=1000, initial="null", start="copying"
    )
    config = tmp_path / "tiny.yaml"
    config.write_text(settings + MIXED.format(folder=exported["folder"]))
    trained = run_training(str(config), runs=tmp_path / "runs", threads=1)
    became = json.loads((tmp_path / "runs" / "tiny" / "changes-corrections.json").read_text())
    assert {one["dialogue_id"] for one in became} == {
        exported[name] for name in ("later", "again", "right")
    }
    # "right" was right before; whether three steps keep it so is chance.
    assert {one["change"] for one in became if one["dialogue_id"] == exported["right"]} <= {
        "right as before",
        "no longer right",
    }
    (first,) = (
        one for one in became if (one["dialogue_id"], one["turn"]) == (exported["later"], 0)
    )
    assert first["change"] in ("now right", "still wrong")
    checkpoint = Checkpoint.open(trained)
    turns = load_turns(tmp_path / "runs" / "tiny" / "prepared" / "train.jsonl.gz")
    found = {
        name: [turn for turn in turns if turn.dialogue_id == dialogue_id]
        for name, dialogue_id in exported.items()
    }
    assert found["wrong"] == found["silent"] == []
    first, second = (targets(turn, checkpoint) for turn in found["later"])
    assert "[restaurant] area north pricerange cheap" in first[TaskName.BELIEF_STATE]
    assert "[restaurant] [inform] name" in first[TaskName.DIALOGUE_ACT]
    assert "[value_name] is in the [value_area]" in first[TaskName.RESPONSE]
    # Nobody touched this turn's state: it takes the correction over, and does not take it back.
    assert carried in second[TaskName.BELIEF_STATE]
    assert "north" in carried or "area" not in second[TaskName.BELIEF_STATE]
    assert "[find_restaurant]" in second[TaskName.INTENT]
    assert found["later"][1].previous_state["restaurant"]["area"] == "north"
    again = found["again"][1]
    assert again.state is not None
    assert again.state["restaurant"]["area"] == "north"
    assert again.state["train"]["destination"] == "ely"
    (right,) = found["right"]
    assert right.state == {"restaurant": {"area": "centre", "pricerange": "cheap"}}
    (example,) = found["example"]
    assert set(targets(example, checkpoint)) == {TaskName.INTENT}
    checkpoint.knowledge.close()
