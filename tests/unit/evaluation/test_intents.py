import json
from pathlib import Path

import pytest

from tests.support.scripted_engine import Asked, ScriptedEngine
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.suites.intents.intent_files import (
    labelled_banking77,
    labelled_clinc150,
    sampled,
)
from todserve.evaluation.suites.intents.intent_prediction import PredictedIntent, predict_intents
from todserve.evaluation.suites.intents.intent_run import run_banking77, run_clinc150
from todserve.evaluation.suites.intents.intent_scores import (
    LabelledIntent,
    intent_figures,
    label_f1,
    scope_figures,
    spelled,
)
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.language.schema import Schema, Service
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.wire.response import ModelIdentity

CSV = (
    "text,category\n"
    '"A table, please",find_restaurant\n'
    '"Two\nlines",Book_Train?\n'
    "To Ely,find_train\n"
)


def rows(*pairs: tuple[str, str | None]) -> list[LabelledIntent]:
    return [
        LabelledIntent(expected=expected, predicted=PredictedIntent(name=name))
        for expected, name in pairs
    ]


def pipeline(folder: Path, asked: list[Asked]) -> Pipeline:
    def script(one: Asked) -> str:
        asked.append(one)
        if "ely" in one.context:
            return "[find_train]"
        return "[find_restaurant]" if "table" in one.context else "[find_a_moose]"

    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1", checkpoint=checkpoint.checksum)
    return Pipeline(checkpoint, ScriptedEngine(checkpoint, script), identity)


def test_only_the_intent_is_asked_and_answers_keep_their_order(each_tiny_checkpoint: Path) -> None:
    asked: list[Asked] = []
    texts = ["A long sentence about a TABLE", "to Ely", "what?", " ", "ely " * 990]
    done: list[int] = []
    predicted = predict_intents(
        pipeline(each_tiny_checkpoint, asked), texts, batch=2, on_batch=done.append
    )
    assert predicted == [
        PredictedIntent(name="find_restaurant"),
        PredictedIntent(name="find_train"),
        PredictedIntent(name=None),
        PredictedIntent(name=None, refused=True),
        PredictedIntent(name=None, refused=True),
    ]
    assert {one.task for one in asked} == {TaskName.INTENT}
    # The texts are normalised as a served request's are.
    assert all(one.context == one.context.lower() for one in asked)
    assert done == [2, 2]


def test_figures_of_a_hand_worked_table() -> None:
    table = rows(
        ("lost", "lost"), ("lost", "lost"), ("lost", "stolen"), ("lost", None),
        ("stolen", "stolen"), ("stolen", "lost"), ("stolen", "lost"),
        ("fee", "find_train"),
    )  # fmt: skip
    table.append(LabelledIntent(expected="fee", predicted=PredictedIntent(name=None, refused=True)))
    figures = intent_figures(table)
    # lost: 2 right of 4 predicted and 4 expected; stolen: 1 of 2 and 3; fee: none of 0 and 2.
    assert label_f1(table) == {"fee": 0, "lost": 0.5, "stolen": pytest.approx(2 / 5)}
    assert figures["accuracy"] == pytest.approx(3 / 9)
    assert figures["macro_f1"] == pytest.approx(0.9 / 3)
    assert figures["invented"] == pytest.approx(1 / 9)
    assert figures["foreign"] == pytest.approx(1 / 9)
    assert figures["refused"] == pytest.approx(1 / 9)
    assert (figures["rows"], figures["labels"]) == (9, 3)
    assert figures["confusions"] == [
        {"expected": "stolen", "predicted": "lost", "count": 2},
        {"expected": "fee", "predicted": None, "count": 1},
        {"expected": "fee", "predicted": "find_train", "count": 1},
        {"expected": "lost", "predicted": None, "count": 1},
        {"expected": "lost", "predicted": "stolen", "count": 1},
    ]


def test_perfect_predictions_score_full_marks() -> None:
    figures = intent_figures(rows(("a", "a"), ("b", "b")))
    assert (figures["accuracy"], figures["macro_f1"], figures["confusions"]) == (1, 1, [])


@pytest.mark.parametrize(
    ("pairs", "accuracy", "recall", "precision"),
    [
        ([("a", "a"), ("b", "a"), ("oos", "oos"), ("oos", "a")], 0.5, 0.5, 1.0),
        # An in-scope utterance called out of scope is wrong there, and costs precision.
        ([("a", "oos"), ("a", "a"), ("a", "oos"), ("oos", "oos")], 1 / 3, 1.0, 1 / 3),
        # An invented label is not the out-of-scope label.
        ([("a", "a"), ("oos", None)], 1.0, 0.0, None),
        ([("a", "a")], 1.0, None, None),
        ([("oos", "oos")], None, 1.0, 1.0),
    ],
)
def test_out_of_scope_figures(
    pairs: list[tuple[str, str | None]],
    accuracy: float | None,
    recall: float | None,
    precision: float | None,
) -> None:
    assert scope_figures(rows(*pairs), "oos") == {
        "in_scope_accuracy": pytest.approx(accuracy),
        "out_of_scope_recall": pytest.approx(recall),
        "out_of_scope_precision": pytest.approx(precision),
    }


def test_labels_are_compared_as_the_schema_spells_them() -> None:
    schema = Schema(
        services=(Service(name="bank", intents=("refund_not_shown", "Top_Up", "topup")),)
    )
    labels = ["Refund not shown?", "Top_Up", "topup", "moose", "general"]
    expected = ["refund_not_shown", "Top_Up", "topup", "moose", "general"]
    assert spelled(labels, schema) == expected


def test_a_csv_file_is_scored_row_by_row(
    tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test.csv").write_text(CSV, encoding="utf-8", newline="")
    out = tmp_path / "new" / "figures.json"
    settings = EngineSettings(threads=1)
    figures = run_banking77(
        AnswererSource(checkpoint=tiny_checkpoint, settings=settings),
        tmp_path / "test.csv",
        out,
        progress=False,
    )
    assert json.loads(out.read_text()) == figures
    assert (figures["rows"], figures["labels"]) == (3, 3)
    assert sum(one["count"] for one in figures["confusions"]) == 3 - 3 * figures["accuracy"]
    checksum = Checkpoint.open(tiny_checkpoint).checksum
    assert figures["signature"].startswith("banking77|test:")
    assert f"|all|checkpoint:{checksum}|todserve:" in figures["signature"]
    printed = capsys.readouterr().out
    assert "macro_f1" in printed
    assert figures["signature"] in printed


def test_quoted_commas_and_newlines_belong_to_a_text(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text(CSV, encoding="utf-8", newline="")
    texts = [one.text for one in labelled_banking77(tmp_path / "test.csv")]
    assert texts == ["A table, please", "Two\nlines", "To Ely"]


def clinc150(folder: Path, **lists: object) -> Path:
    content = {"test": [["to ely", "find_train"]], "oos_test": [["how are you", "oos"]], **lists}
    path = folder / "data_full.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_both_kinds_of_a_clinc150_split_are_scored(tiny_checkpoint: Path, tmp_path: Path) -> None:
    figures = run_clinc150(
        AnswererSource(checkpoint=tiny_checkpoint, settings=EngineSettings(threads=1)),
        clinc150(tmp_path, oos_train=[["unused", "oos"]]),
        progress=False,
    )
    assert figures["rows"] == 2
    assert figures["out_of_scope_recall"] == 0.0  # this checkpoint knows no such label
    assert figures["in_scope_accuracy"] in {0.0, 1.0}
    assert figures["signature"].startswith("clinc150|test:")


@pytest.mark.parametrize(
    ("lists", "split", "message"),
    [
        ({}, "oos", "unknown split 'oos'"),
        ({}, "dev", "has no list 'val'"),
        ({"oos_test": {}}, "test", "has no list 'oos_test'"),
        ({"test": [["to ely"]]}, "test", r"test\[0\] is no pair"),
        ({"test": [["to ely", "oos"]]}, "test", r"test\[0\] is no pair"),
        ({"oos_test": [["to ely", "find_train"]]}, "test", r"oos_test\[0\] is no pair"),
    ],
)
def test_malformed_clinc150_files_are_named(
    tmp_path: Path, lists: dict[str, object], split: str, message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        labelled_clinc150(clinc150(tmp_path, **lists), split)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"cannot read .*nowhere\.csv"):
        labelled_banking77(tmp_path / "nowhere.csv")
    with pytest.raises(CorpusError, match=r"cannot read .*nowhere\.json"):
        labelled_clinc150(tmp_path / "nowhere.json", "test")


def test_a_sample_is_fixed_and_spread_over_the_file(tmp_path: Path) -> None:
    lines = "".join(f"text {number},label_{number // 40}\n" for number in range(400))
    (tmp_path / "test.csv").write_text("text,category\n" + lines, encoding="utf-8")
    whole = labelled_banking77(tmp_path / "test.csv")
    some = sampled(whole, 60)
    assert len(some) == 60
    assert some == sampled(whole, 60)
    assert sorted(some, key=whole.index) == some
    assert len({one.intent for one in some}) > 7
    assert sampled(whole, None) == sampled(whole, 1000) == whole
    with pytest.raises(ConfigError, match="limit 0"):
        sampled(whole, 0)
