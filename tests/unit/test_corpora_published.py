"""Counts of the publishers' own files, when they are at hand."""

import os

import pytest

from todserve.corpora.registry import load
from todserve.corpora.report import ReadReport
from todserve.corpora.source import TOD_DATA

pytestmark = [
    pytest.mark.corpora,
    pytest.mark.skipif(not os.environ.get(TOD_DATA), reason=f"{TOD_DATA} is not set"),
]


@pytest.mark.parametrize(
    ("name", "split", "dialogues", "turns", "skipped"),
    [
        ("multiwoz21", "dev", 1000, 7371, {"turn: in the annotated file only": 3}),
        ("sgd", "dev", 2482, 24363, {}),
    ],
)
def test_every_published_dialogue_is_read(
    name: str, split: str, dialogues: int, turns: int, skipped: dict[str, int]
) -> None:
    report = ReadReport()
    assert sum(1 for _ in load(name, split, report=report)) == dialogues
    assert (report.dialogues, report.turns) == (dialogues, turns)
    lost = {
        reason: note.count
        for reason, note in report.notes.items()
        if note.kind == "skipped" and not reason.startswith("span")
    }
    assert lost == skipped
