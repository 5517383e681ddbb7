"""Predictions files, from good to bad, and the published one."""

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny_goals import tiny_multiwoz
from todserve.corpora.registry import TOD_DATA, find
from todserve.evaluation.suites.multiwoz.multiwoz_bleu import standard_bleu
from todserve.evaluation.suites.multiwoz.multiwoz_goals import read_tasks
from todserve.evaluation.suites.multiwoz.multiwoz_predictions import (
    PredictedTurn,
    read_predictions,
    save_predictions,
)
from todserve.evaluation.suites.multiwoz.multiwoz_scores import score_predictions
from todserve.evaluation.suites.multiwoz.multiwoz_venues import Venues
from todserve.evaluation.suites.multiwoz.predictions_run import run_predictions
from todserve.runtime.errors import ConfigError

CHEAP = {"area": "centre", "price range": "cheap"}
RIDE = {"departure": "cambridge", "destination": "ely", "leaveAt": "11am"}


def whole() -> dict[str, list[dict[str, Any]]]:
    return {
        "MUL0001.json": [
            {"response": "[restaurant_name] is nice .", "state": {"restaurant": CHEAP}, "gen": 1},
            {
                "response": "booked : [restaurant_reference] , call [restaurant_phone]",
                "state": {"restaurant": {**CHEAP, "book people": 2}},
            },
        ],
        "pmul0002": [
            {"response": "[train_id] leaves at [train_leave] .", "state": {"train": RIDE}}
        ],
    }


def scored(folder: Path, content: object, **named: bool) -> dict[str, Any]:
    tiny_multiwoz(folder / "corpus")
    file = folder / "predictions.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return run_predictions(file, folder / "scores.json", folder / "corpus", **named)


def test_file_of_any_style_is_scored(tmp_path: Path) -> None:
    figures = scored(tmp_path, whole())
    # both offers are right, but the taxi's phone number is never told
    assert (figures["inform"], figures["success"]) == (100.0, 50.0)
    assert figures["combined"] == pytest.approx(75 + figures["bleu"])
    assert figures["flips"] == 0
    assert figures["counts"] == {
        "dialogues": 2,
        "turns": 3,
        "missing_dialogues": 0,
        "missing_turns": 0,
    }
    assert figures["domains"]["restaurant"]["losses"] == {}
    assert figures["domains"]["taxi"]["losses"] == {"not_told": 1}
    assert figures["signature"].startswith("multiwoz21|test|all|checkpoint:predictions-")
    assert "states:predicted,domains:estimated,bleu:surrogate" in figures["signature"]
    assert figures["bleu_note"].startswith("surrogate")
    assert json.loads((tmp_path / "scores.json").read_text()) == figures


def test_unheard_of_placeholders_and_wrong_states_show_in_the_detail(tmp_path: Path) -> None:
    predictions = whole()
    predictions["MUL0001.json"][0] = {
        "response": "[restaurant_name] at [restaurant_where]",
        "state": {"restaurant": {"area": "centre"}},
    }
    figures = scored(tmp_path, predictions)
    assert figures["inform"] == 50.0
    assert figures["domains"]["restaurant"]["losses"] == {"wrong_venue": 1}
    assert figures["uncounted_placeholders"] == {"restaurant_where": 1}


def test_without_states_there_are_no_flips_and_a_warning_says_gold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = whole()
    del predictions["pmul0002"][0]["state"]
    figures = scored(tmp_path, predictions)
    assert figures["flips"] is None
    assert figures["inform"] == 100.0
    assert "states:GOLD" in figures["signature"]
    assert "gold states are used" in capsys.readouterr().err


def test_dev_predictions_are_told_by_their_ids(tmp_path: Path) -> None:
    predictions = {f"sng{name.lower()}": turns for name, turns in whole().items()}
    assert scored(tmp_path, predictions)["signature"].startswith("multiwoz21|dev|all|")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "are not JSON: .*expected {"),
        ([], "hold empty"),
        (["a"], "hold an array"),
        ({"mul0001": {}}, "dialogue 'mul0001' is empty; expected a list of turns"),
        ({"mul0001": ["hello"]}, "dialogue 'mul0001', turn 0 is a text; expected an object"),
        (
            {"mul0001": [{"resp": "hi", "state": {}}]},
            "turn 0: key 'response' is missing, among the keys 'resp', 'state'",
        ),
        ({"mul0001": [{"response": None}]}, "key 'response' is missing"),
        ({"mul0001": [{"response": "hi", "state": ["x"]}]}, "'state' is no object of domain"),
        (
            {"mul0001": [{"response": "hi", "state": {"hotel": {"area": ["north"]}}}]},
            "turn 0: state hotel.area is an array; expected a text",
        ),
        (
            {"mul0001": [{"response": "hi", "active_domains": "hotel"}]},
            "'active_domains' is no list of names",
        ),
        ({**whole(), "mul0001": []}, "dialogue 'mul0001' stands there twice"),
        ({**whole(), "mul9999": []}, "1 of 3 predicted dialogues are not in the split"),
        ({"pmul0002": whole()["pmul0002"]}, "1 of 2 dialogues are missing, first 'mul0001'"),
        (
            {**whole(), "pmul0002": whole()["pmul0002"] * 2},
            "dialogue 'pmul0002' has 2 predicted turns; expected 1",
        ),
        (
            {**whole(), "MUL0001.json": whole()["MUL0001.json"][:1]},
            "1 of 3 turns are missing, first in dialogue 'mul0001' with 1 of 2",
        ),
    ],
)
def test_bad_files_are_refused_with_the_fix(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        scored(tmp_path, content)
    assert not (tmp_path / "scores.json").exists()


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read predictions .*nowhere.json: No such file"):
        run_predictions(tmp_path / "nowhere.json", None, tmp_path)


def test_partial_predictions_are_scored_on_demand_and_signed_so(tmp_path: Path) -> None:
    figures = scored(tmp_path, {"pmul0002": whole()["pmul0002"]}, allow_partial=True)
    assert "|PARTIAL-1-of-2|" in figures["signature"]
    assert figures["counts"]["missing_dialogues"] == 1
    assert figures["inform"] == 100.0


def test_saved_predictions_read_back_equal(tmp_path: Path) -> None:
    predictions = {
        "mul0001": [
            PredictedTurn(response="hi", state={"hotel": {"area": "north"}}, active_domains=["x"]),
            PredictedTurn(response="bye"),
        ]
    }
    save_predictions(predictions, tmp_path / "new" / "predictions.json")
    assert read_predictions(tmp_path / "new" / "predictions.json") == predictions


def test_bleu_counts_neither_case_nor_tokenisation_nor_placeholder_style() -> None:
    pair = ("[restaurant_name] isn't far , you 're welcome !", "[name] is n't far, You're welcome!")
    assert standard_bleu([pair]).score == pytest.approx(100)
    assert "tok:13a" in standard_bleu([pair]).signature


@pytest.mark.corpora
@pytest.mark.skipif(not os.environ.get(TOD_DATA), reason=f"{TOD_DATA} is not set")
class TestPublished:
    def test_published_pptod_predictions_score_as_published(self, tmp_path: Path) -> None:
        archive = Path(os.environ[TOD_DATA]) / "mwzeval-predictions-pptod.tar.xz"
        if not archive.is_file():
            pytest.skip(f"no {archive.name} in {TOD_DATA}")
        with tarfile.open(archive) as opened:
            opened.extractall(tmp_path, filter="data")
        figures = run_predictions(next(tmp_path.rglob("pptod.json")))
        assert (figures["inform"], figures["success"]) == (83.1, 72.7)
        assert figures["bleu"] == pytest.approx(18.2, abs=0.4)  # a surrogate
        assert figures["flips"] < 25
        assert figures["counts"]["missing_turns"] == 1

    def test_corpus_s_own_replies_come_near_their_published_scores(self) -> None:
        source = find("multiwoz21")
        tasks = read_tasks(source, "test")
        predictions = {
            name: [PredictedTurn(response=turn.reply, state=turn.state) for turn in one.turns]
            for name, one in tasks.items()
        }
        scores = score_predictions(predictions, tasks, Venues.read(source))
        # Published with MultiWOZ 2.2's states and spans: 93.7 and 90.9.
        assert scores.inform == pytest.approx(92.5)
        assert scores.success == pytest.approx(88.8)
