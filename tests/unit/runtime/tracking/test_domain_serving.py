"""The domain model on its way: from the checkpoint's file into the answer and the archive."""

import shutil
from pathlib import Path

import pytest

from tests.support.scripted_engine import Asked, ScriptedEngine
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.tracking.domain_model import DOMAIN_MODEL, DomainModel
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import ModelIdentity, TurnResponse
from todserve.serving.archive import archive_packing

MODEL = DomainModel(
    domains=("restaurant", "train"),
    biases=(0.0, 0.0),
    weights={"word:ride": (-3.0, 3.0), "word:eat": (3.0, -3.0)},
)


@pytest.fixture
def with_model(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    shutil.copytree(tiny_checkpoint, folder)
    MODEL.save(folder / DOMAIN_MODEL)
    return folder


def answer(folder: Path, body: dict[str, object]) -> TurnResponse:
    def script(asked: Asked) -> str:
        return {TaskName.INTENT: "[general]"}.get(asked.task, "")

    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1.0", checkpoint="0" * 12)
    pipeline = Pipeline(checkpoint, ScriptedEngine(checkpoint, script), identity)
    (found,) = pipeline.answer([parse_request(body)])
    pipeline.close()
    assert isinstance(found, TurnResponse), found
    return found


RIDE: dict[str, object] = {
    "user": "i also need a ride",
    "state": {"restaurant": {"area": "north"}},
    "domain": "restaurant",
}


def test_the_answer_says_that_the_words_decided(with_model: Path) -> None:
    domain = answer(with_model, RIDE).domain
    assert domain is not None
    assert (domain.active, domain.switched) == ("train", True)
    assert domain.reason == "the words speak for train (1.00)"


def test_a_checkpoint_without_the_file_decides_without(tiny_checkpoint: Path) -> None:
    assert Checkpoint.open(tiny_checkpoint).domain_model is None
    domain = answer(tiny_checkpoint, RIDE).domain
    assert domain is not None
    assert (domain.active, domain.reason) == ("restaurant", "nothing names another domain")


def test_a_rebuilt_memory_is_decided_by_the_same_model(with_model: Path) -> None:
    # A client that sends neither state nor domain: both are rebuilt from the history.
    body: dict[str, object] = {
        "user": "thanks",
        "history": [
            {"user": "where can i eat", "system": "what food?"},
            {"user": "first a ride", "system": "where to?"},
        ],
    }
    domain = answer(with_model, body).domain
    assert domain is not None
    assert (domain.active, domain.switched) == ("train", False)


def test_a_broken_file_stops_the_worker_with_its_name(with_model: Path) -> None:
    (with_model / DOMAIN_MODEL).write_text("{")
    with pytest.raises(ConfigError, match=DOMAIN_MODEL):
        Checkpoint.open(with_model)


def test_the_archive_takes_the_model_along(with_model: Path, tmp_path: Path) -> None:
    staged = archive_packing._stage(with_model, tmp_path / "files")
    assert DomainModel.of_folder(staged) == MODEL


def test_the_archive_does_without_a_model(tiny_checkpoint: Path, tmp_path: Path) -> None:
    assert (
        DomainModel.of_folder(archive_packing._stage(tiny_checkpoint, tmp_path / "files")) is None
    )
