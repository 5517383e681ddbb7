import shutil
from pathlib import Path

import pytest

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.decoding.constraint_labels import OutputLabels
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.learnt_labels import LABELS_FILE, LearntLabels
from todserve.training.network.vocabulary import learnt_labels
from todserve.training.preparation.training_turns import TrainingTurn


def test_labels_of_training_turns_are_their_acts_and_placeholders() -> None:
    turn = TrainingTurn(
        dialogue_id="a",
        user="hi",
        acts=(("train", "inform", "id"), ("general", "greet", "")),
        response="[value_id] leaves at [value_leave] .",
        intent="find_train",
        previous_state={"train": {"day": "friday", "people": "2"}},
        state={"train": {"day": "monday", "people": "2", "leave": "10:00"}},
    )
    assert learnt_labels([turn]) == LearntLabels(
        acts=("greet", "inform", "out_of_scope"),
        placeholders=("id", "leave"),
        intents={"find_train": 1.0},
        slots={"train-day": 0.5, "train-leave": 0.5},
    )


def test_a_checkpoint_that_says_its_labels_may_write_no_others(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    LearntLabels(acts=("inform",), placeholders=("phone",)).save(folder)
    labels = OutputLabels.of(Checkpoint.open(folder))
    assert labels.acts == ("inform",)
    assert labels.placeholders[0] == "phone"


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    assert LearntLabels.of_folder(tmp_path) is None
    (tmp_path / LABELS_FILE).write_text('{"acts": []}')
    with pytest.raises(ConfigError, match=r"labels\.json[\s\S]*placeholders"):
        LearntLabels.of_folder(tmp_path)
