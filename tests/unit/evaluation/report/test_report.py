import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.support.report_page import Page, read_page
from tests.support.tiny_checkpoint import SCHEMA
from todserve.evaluation.calibration.reliability import Judged, reliability
from todserve.evaluation.report.html_report import ReportedRollout, write_report
from todserve.evaluation.rollout import Outcome
from todserve.evaluation.suites.multiwoz.multiwoz_inform_success import (
    DialogueOutcome,
    DomainOutcome,
    Loss,
)
from todserve.evaluation.suites.multiwoz.multiwoz_predictions import PredictedTurn
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import DialogueAct, Turn
from todserve.runtime.wire.response import (
    ActPrediction,
    IntentPrediction,
    ModelIdentity,
    ResponsePrediction,
    TurnResponse,
)

MODEL = ModelIdentity(name="tod", version="1", checkpoint="abc")
SIGNED = "multiwoz21|test|all|checkpoint:abc|todserve:0.1.0|made-up"
CARD: dict[str, object] = {
    "dialogues": 2,
    "seconds": 12.5,
    "figures": {
        "joint_goal_accuracy": {
            "value": 0.375,
            "of": 8,
            "unit": "turns",
            "note": "whole state exactly right",
            "signature": SIGNED,
        },
        "inform": {"value": None, "of": 0, "unit": "dialogues", "note": "", "signature": SIGNED},
    },
}
DANGER = "<script>alert('ely')</script> & a train"


def outcome(
    name: str, index: int, day: str, *, user: str = "a train to ely", intent: str = "find_train"
) -> Outcome:
    """A turn whose state says friday and which the model took for ``day``."""
    return Outcome(
        dialogue_id=name,
        index=index,
        turn=Turn(
            user=user,
            belief_state={"train": {"destination": "ely", "day": "friday"}},
            intent="find_train",
            dialogue_acts=(DialogueAct(domain="train", act="request", slot="leave"),),
            system="when would you like to leave?",
        ),
        answer=TurnResponse(
            intent=IntentPrediction(name=intent),
            dialogue_act=(ActPrediction(domain="train", act="inform", slot="id"),),
            response=ResponsePrediction(text="tr0001 would you like to book?", delexicalised=""),
            model=MODEL,
        ),
        state={"train": {"destination": "ely", "day": day}},
    )


def outcomes() -> list[Outcome]:
    """Two dialogues of four turns, three and two of them wrong, and a short one, all wrong."""
    bad = [
        outcome("bad", 0, "monday", user=DANGER, intent="book_train"),
        outcome("bad", 1, "monday"),
        outcome("bad", 2, "monday", intent="book_train"),
        outcome("bad", 3, "friday"),
    ]
    fair = [outcome("fair", index, "friday" if index < 2 else "sunday") for index in range(4)]
    short = [outcome("short", index, "monday") for index in range(3)]
    right = [outcome("right", index, "friday") for index in range(5)]
    return [*right, *short, *fair, *bad]


ENDINGS = {
    "bad": DialogueOutcome(
        domains={
            "train": DomainOutcome(
                inform=False, success=None, loss=Loss.WRONG_VENUE, untold=frozenset()
            ),
            "taxi": DomainOutcome(inform=True, success=None, loss=None, untold=frozenset()),
        }
    ),
    "fair": DialogueOutcome(
        domains={
            "train": DomainOutcome(inform=True, success=True, loss=None, untold=frozenset()),
        }
    ),
}
ROLLED = ReportedRollout(
    outcomes=outcomes(),
    schema=SCHEMA,
    split="test",
    endings=ENDINGS,
    predictions={"bad": [PredictedTurn(response="[value_id] it is, <b>end to end</b>.")]},
)


def calibration() -> dict[str, Any]:
    before = [Judged(confidence=0.9, right=number < 2) for number in range(4)]
    after = [Judged(confidence=0.5, right=number < 2) for number in range(4)]
    return {
        "signature": "multiwoz21|dev|report",
        "tasks": {
            "intent": {
                "temperature": 2.5,
                "claims": {
                    "intent": {
                        "before": asdict(reliability(before)),
                        "after": asdict(reliability(after)),
                    }
                },
            }
        },
    }


def written(folder: Path, **given: Any) -> tuple[str, Page]:
    path = folder / "new" / "report.html"
    write_report(path, title="multiwoz21 & test", card=CARD, **given)
    text = path.read_text(encoding="utf-8")
    return text, read_page(text)


def test_figures_stand_in_a_table_with_their_signature(tmp_path: Path) -> None:
    _, page = written(tmp_path)
    assert page.rows["figures"][1:] == [
        ["dialogues", "2", "", "", ""],
        ["seconds", "12.50", "", "", ""],
        ["joint_goal_accuracy", "0.3750", "8 turns", "[1]", "whole state exactly right"],
        ["inform", "–", "0 dialogues", "[1]", ""],
    ]
    assert SIGNED in page.texts["figures"]
    assert set(page.rows) == {"figures"}
    assert page.tags["svg"] == 0


def test_text_of_users_and_models_stays_text(tmp_path: Path) -> None:
    text, page = written(tmp_path, rolled_out=ROLLED)
    assert page.tags["script"] == page.tags["b"] == 0
    assert DANGER in page.texts["dialogues"]
    assert "end to end: [value_id] it is, <b>end to end</b>." in page.texts["dialogues"]
    assert "<script" not in text


def test_nothing_is_fetched_from_anywhere(tmp_path: Path) -> None:
    text, page = written(tmp_path, rolled_out=ROLLED, calibration=calibration())
    assert page.tags["svg"] == 2
    assert page.references  # marks of the plots
    assert all(one.startswith("#") for one in page.references)
    assert {one[1:] for one in page.references} <= set(page.ids)
    assert re.findall(r"url\((?!#)", text) == []
    assert "://" not in text
    assert "@import" not in text
    assert page.tags["link"] == page.tags["img"] == page.tags["iframe"] == 0


def test_no_id_stands_twice(tmp_path: Path) -> None:
    _, page = written(tmp_path, rolled_out=ROLLED, calibration=calibration())
    assert [one for one, count in page.ids.items() if count > 1] == []


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    first, _ = written(tmp_path / "a", rolled_out=ROLLED, calibration=calibration())
    second, _ = written(tmp_path / "b", rolled_out=ROLLED, calibration=calibration())
    assert first == second


def test_plots_take_the_colour_of_the_page(tmp_path: Path) -> None:
    text, _ = written(tmp_path, rolled_out=ROLLED)
    plot = text[text.index("<svg") : text.index("</svg>")]
    assert "currentColor" in plot
    assert "#000000" not in plot
    assert "#123456" not in plot
    assert "turn" in plot


def test_domains_and_turns_have_their_own_figures(tmp_path: Path) -> None:
    _, page = written(tmp_path, rolled_out=ROLLED)
    # 16 turns, 2 slots each; 8 days are wrong. Of 3 goals, 2 are the train's.
    assert page.rows["domains"][1:] == [
        ["taxi", "0", "–", "–", "1", "1.0000", "0.0000"],
        ["train", "16", "0.5000", "0.7500", "2", "0.5000", "0.5000"],
    ]
    assert page.rows["turns"][1:] == [
        ["1", "4", "0.5000"],
        ["2", "4", "0.5000"],
        ["3", "4", "0.2500"],
        ["4", "3", "0.6667"],
        ["5", "1", "1.0000"],
    ]


def test_confusion_counts_every_scored_turn(tmp_path: Path) -> None:
    _, page = written(tmp_path, rolled_out=ROLLED)
    assert "find_train taken for find_train: 14 of 16" in page.titles
    assert "find_train taken for (other): 2 of 16" in page.titles
    assert ["1 find_train", "16", "88", "12"] in page.rows["intents"]
    assert page.rows["intents"][-1] == ["find_train", "book_train", "2"]


def test_intents_of_single_utterances_need_no_dialogues(tmp_path: Path) -> None:
    _, page = written(
        tmp_path, intents=[("card_lost", "card_lost"), ("card_lost", None), ("pin", "card_lost")]
    )
    assert page.rows["intents"][1:3] == [
        ["1 card_lost", "2", "50", "", "50"],
        ["2 pin", "1", "100", "", ""],
    ]
    assert ["card_lost", "(none)", "1"] in page.rows["intents"]
    assert "dialogues" not in page.texts


def test_worst_dialogues_come_first_and_what_differs_is_marked(tmp_path: Path) -> None:
    _, page = written(tmp_path, rolled_out=ROLLED)
    heads = [one for one in page.texts["dialogues"] if "turns wrong" in one]
    assert heads == ["bad: 3 of 4 turns wrong", "fair: 2 of 4 turns wrong"]
    assert page.marks["del"][1:5] == [
        "find_train",
        "train day = friday",
        "train request leave",
        "when",
    ]
    assert page.marks["ins"][1:5] == [
        "book_train",
        "train day = monday",
        "train inform id",
        "tr0001",
    ]
    first = page.rows["dialogues"][1]
    assert first[:2] == ["1", DANGER]
    assert "train day = friday ; train destination = ely" in first[2]


def test_no_more_dialogues_than_asked_for_are_shown(tmp_path: Path) -> None:
    _, page = written(tmp_path, rolled_out=ROLLED, most_dialogues=1)
    heads = [one for one in page.texts["dialogues"] if "turns wrong" in one]
    assert heads == ["bad: 3 of 4 turns wrong"]
    assert any("at most 1" in one for one in page.texts["dialogues"])


def test_a_refused_turn_says_so(tmp_path: Path) -> None:
    turns = [outcome("bad", index, "monday") for index in range(4)]
    refused = Outcome(dialogue_id="bad", index=0, turn=turns[0].turn, answer=None, state={})
    rolled_out = ReportedRollout(outcomes=[refused, *turns[1:]], schema=SCHEMA, split="test")
    _, page = written(tmp_path, rolled_out=rolled_out)
    assert "refused; the state before it was kept" in page.texts["dialogues"]
    assert page.rows["domains"][0] == ["domain", "turns", "joint goal accuracy", "slot F1"]


def test_calibration_stands_before_and_after(tmp_path: Path) -> None:
    _, page = written(tmp_path, calibration=calibration())
    # Two of four right: at 0.9 the gap is 0.4, at 0.5 none; -ln 0.5 is 0.6931.
    assert page.rows["calibration"][1] == [
        *("intent", "intent", "2.500", "4", "0.5000", "0.4000", "0.0000", "1.20", "0.6931"),
    ]
    assert "multiwoz21|dev|report" in page.texts["calibration"]
    assert "intent: intent" in page.texts["calibration"]


def test_a_calibration_of_another_form_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lack 'tasks'; expected the JSON that a calibration"):
        written(tmp_path, calibration={"ece": 0.1})


def test_a_failed_report_leaves_the_last_one(tmp_path: Path) -> None:
    before, _ = written(tmp_path)
    with pytest.raises(ConfigError):
        written(tmp_path, run=tmp_path / "no-run")
    assert (tmp_path / "new" / "report.html").read_text(encoding="utf-8") == before
    assert [one.name for one in (tmp_path / "new").iterdir()] == ["report.html"]
