"""Scoring on any corpus: figures for the labels it has, none for those it has not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.corpora_fixtures import TINY
from tests.support.pipeline_server import PipelineServer
from tests.support.scripted_engine import Asked, ScriptedEngine
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.sgd.sgd_writer import write_sgd
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.suites.corpus.corpus_run import run_corpus
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import BeliefState, Dialogue, Turn
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.response import ModelIdentity

ELY: BeliefState = {"train": {"destination": "ely"}}
FRIDAY: BeliefState = {"train": {"destination": "ely", "day": "friday"}}


def script(asked: Asked) -> str:
    if asked.task is TaskName.BELIEF_STATE:
        last = asked.context.rpartition("<sos_u>")[2]
        return "[train] destination ely" if "ely" in last else "[train] day monday"
    return "there are some." if asked.task is TaskName.RESPONSE else ""


@pytest.fixture
def server(opened: Checkpoint) -> Iterator[PipelineServer]:
    identity = ModelIdentity(name="tod", version="1", checkpoint=opened.checksum)
    with PipelineServer(Pipeline(opened, ScriptedEngine(opened, script), identity)) as running:
        yield running


@pytest.fixture
def own(opened: Checkpoint, tmp_path: Path) -> Path:
    """Two dialogues of three turns; states and replies are labelled, intents and acts are not."""
    dialogues = [
        Dialogue(
            dialogue_id=f"own-{number}",
            corpus="own",
            split="train",
            turns=(
                Turn(user="a train to ely", belief_state=ELY, system="there are some."),
                Turn(user="on friday", belief_state=FRIDAY, system="when will you leave?"),
            )[: number + 1],
        )
        for number in range(2)
    ]
    folder = tmp_path / "own"
    write_sgd(opened.schema, dialogues, folder / "train", ReadReport(corpus="own", split="train"))
    return folder


def test_figures_stand_for_the_labels_there_are(
    server: PipelineServer, own: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.json"
    served = AnswererSource(checkpoint=tiny_checkpoint, url=server.url)
    card = run_corpus(served, str(own), "train", out=out, progress=False)
    # Of three states two are right; the third has ely right and monday for friday.
    assert card.value("joint_goal_accuracy") == pytest.approx(2 / 3)
    assert card.value("slot_f1") == pytest.approx(3 / 4)
    names = {one.figure.name for one in card.figures}
    assert "dialogue_act_f1" not in names
    written = json.loads(out.read_text())
    signature = written["figures"]["joint_goal_accuracy"]["signature"]
    assert signature.startswith("own|train|all|checkpoint:")
    assert "reference-replies-in-history" in signature


def test_a_limit_is_signed(server: PipelineServer, own: Path, tiny_checkpoint: Path) -> None:
    served = AnswererSource(checkpoint=tiny_checkpoint, url=server.url)
    card = run_corpus(served, str(own), "train", limit=1, progress=False)
    assert card.dialogues == 1
    assert all(one.signature.subset == "first-1" for one in card.figures)


@pytest.mark.parametrize(
    ("corpus", "split", "expected"),
    [
        ("nlplab", "train", "expected one of dev, test"),
        ("nowhere", "dev", "unknown corpus"),
        (str(TINY / "sgd"), "nosuch", "no dialogue in split"),
    ],
)
def test_what_cannot_be_scored_is_named(
    tiny_checkpoint: Path, corpus: str, split: str, expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        run_corpus(
            AnswererSource(checkpoint=tiny_checkpoint), corpus, split, root=TINY, progress=False
        )
