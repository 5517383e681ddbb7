import json
from pathlib import Path

import pytest

from tests.support.corpora_fixtures import tiny
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.star.star_reader import query_slots, read_star, star_services
from todserve.corpora.registry import find
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue, DialogueAct
from todserve.runtime.language.schema import Schema


@pytest.fixture
def dialogues() -> dict[str, Dialogue]:
    return {one.dialogue_id: one for one in read_star(tiny("star"), "train")}


def test_acts_are_the_labels_of_picked_replies_in_the_domain_they_name(
    dialogues: dict[str, Dialogue],
) -> None:
    assert [turn.dialogue_acts for turn in dialogues["1"].turns] == [
        (DialogueAct(domain="general", act="ask_name"),),
        (DialogueAct(domain="hotel", act="hotel_ask_confirm_booking"),),
        None,  # typed, not picked
        None,  # no reply at all
    ]
    assert [turn.system for turn in dialogues["1"].turns] == [
        "Your name?",
        "Shall I book the Blue Inn?",
        "It is yours.",
        None,
    ]


def test_states_stand_only_where_the_wizard_queried(dialogues: dict[str, Dialogue]) -> None:
    assert [turn.belief_state for turn in dialogues["1"].turns] == [
        None,
        {
            "hotel": {
                "Name": "blue inn",
                "Time": "17:00",
                "CustomerName": "ada",
                "RequestType": "check",
            }
        },
        None,
        None,
    ]


def test_a_state_holds_the_latest_query_of_every_api(dialogues: dict[str, Dialogue]) -> None:
    hotel = {"AverageRating": "at least 4", "Pool": "true", "Name": "old mill"}
    assert [turn.belief_state for turn in dialogues["2"].turns] == [
        None,
        {"hotel": hotel},
        None,
        {"hotel": hotel, "weather": {"City": "rome", "Day": "monday"}},
    ]


def test_the_domain_is_the_scenarios_or_in_several_the_wizards_last(
    dialogues: dict[str, Dialogue],
) -> None:
    assert [turn.active_domain for turn in dialogues["1"].turns] == ["hotel"] * 4
    assert [turn.active_domain for turn in dialogues["2"].turns] == [
        None,
        "hotel",
        "hotel",
        "weather",
    ]


def test_matches_are_counted_where_the_api_counts(dialogues: dict[str, Dialogue]) -> None:
    assert [turn.database_matches for turn in dialogues["2"].turns] == [None, 3, None, None]


def test_intents_and_placeholders_are_not_annotated(dialogues: dict[str, Dialogue]) -> None:
    for dialogue in dialogues.values():
        for turn in dialogue.turns:
            assert turn.intent is None
            assert turn.delexicalised_response is None


def test_everything_left_out_or_changed_is_counted() -> None:
    report = ReadReport()
    list(read_star(tiny("star"), "train", report=report))
    assert {reason: (note.count, note.examples) for reason, note in report.notes.items()} == {
        "constraint: no input of its API": (1, ["1 turn 1 hotel_book Stars"]),
        "acts: reply typed, not picked": (1, ["1 turn 2"]),
        "turn: user turn without a reply": (2, ["1", "2"]),
        "value: first of several kept": (1, ["2 turn 1 hotel_search Name"]),
        "constraint: given twice, last kept": (1, ["2 turn 3 weather City"]),
        "value: spelled as the schema does": (1, ["2 turn 3 weather Day 'Mondy'"]),
        "turn: system turn without a user turn before it": (1, ["3"]),
        "dialogue: no turns": (1, ["dialogues/3.json"]),
    }


def test_a_service_has_the_inputs_of_all_apis_of_its_domain() -> None:
    hotel, weather = star_services(tiny("star"))
    assert (hotel.name, weather.name) == ("hotel", "weather")
    slots = {slot.name: slot for slot in hotel.slots}
    assert slots["Name"].values == ("blue inn", "red inn", "old mill")
    assert slots["Name"].categorical
    assert slots["Pool"].values == ("true", "false")
    # Closed in one API, free text in the other.
    assert not slots["Time"].categorical
    assert slots["Time"].values == ("17:00", "18:00")
    assert not slots["CustomerName"].categorical
    assert not slots["CustomerName"].values


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ('"Ada Byron"', "ada byron"),
        ("0314", "0314"),
        ("79", "79"),
        ("True", "true"),
        ('api.is_equal_to("Bo")', "bo"),
        ('api.is_one_of(["Bo"])', "bo"),
        ("api.is_one_of([])", None),
        ("api.is_at_most(288)", "at most 288"),
        ("api.is_less_than(5)", "less than 5"),
        ("api.is_greater_than(5)", "greater than 5"),
        ("api.is_not(3)", "not 3"),
        ('api.contains("Park")', "park"),
        ('api.contains_not("Park")', "not park"),
        ("null", None),
        ("", None),
        ('""', None),
    ],
)
def test_constraints_become_values(raw: str, value: str | None) -> None:
    schema = Schema(services=star_services(tiny("star")))
    report = ReadReport()
    slots = query_slots("hotel_book", [{"CustomerName": raw}], schema, "here", report)
    assert slots.get("CustomerName") == value
    assert report.notes == {}


@pytest.mark.parametrize("content", ["{", "{}", json.dumps({"DialogueID": 1, "Events": []})])
def test_other_json_is_rejected_with_its_file(tmp_path: Path, content: str) -> None:
    for path in ("apis/apis/weather.json", "dialogues/1.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes((tiny("star").location / path).read_bytes())
    (tmp_path / "dialogues" / "9.json").write_text(content, "utf-8")
    with pytest.raises(CorpusError, match=r"dialogues/9\.json"):
        list(read_star(find("star", tmp_path), "train"))


def test_a_copy_without_apis_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "dialogues").mkdir()
    (tmp_path / "dialogues" / "1.json").write_text("{}", "utf-8")
    with pytest.raises(CorpusError, match=r"has no apis/apis/\*\.json"):
        list(read_star(find("star", tmp_path), "train"))
