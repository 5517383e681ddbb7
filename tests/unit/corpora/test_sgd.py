import json
from pathlib import Path

import pytest

from tests.support.corpora_fixtures import archived, tiny
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.sgd.sgd_frames import delexicalise_frames
from todserve.corpora.readers.sgd.sgd_reader import read_sgd, sgd_schema
from todserve.corpora.registry import find
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import DialogueAct, Turn


@pytest.fixture
def turns() -> tuple[Turn, ...]:
    return next(read_sgd(tiny("sgd"), "dev")).turns


def test_schema_has_the_publishers_services() -> None:
    schema = sgd_schema(tiny("sgd"), "dev")
    assert schema.domains == ("Restaurants_9", "Taxis_9")
    assert schema.values("Restaurants_9", "price_range") == ("cheap", "moderate", "expensive")


def test_states_grow_by_service_and_prefer_canonical_variants(turns: tuple[Turn, ...]) -> None:
    assert turns[0].belief_state == {"Restaurants_9": {"city": "palo alto", "party_size": "2"}}
    assert turns[1].belief_state == {
        "Restaurants_9": {
            "city": "palo alto",
            "party_size": "2",
            "restaurant_name": "cafe uno",
            # "half past 6" is what was said first; "6:30 pm" what the action calls canonical.
            "time": "18:30",
            "price_range": "moderate",
            "has_live_music": "maybe",
        }
    }
    assert turns[2].belief_state is not None
    assert set(turns[2].belief_state) == {"Restaurants_9", "Taxis_9"}
    assert turns[3].belief_state == turns[2].belief_state


def test_a_value_the_schema_lacks_is_kept_and_counted() -> None:
    report = ReadReport()
    list(read_sgd(tiny("sgd"), "dev", report=report))
    note = report.notes["value: not in the schema, kept as said"]
    assert note.count == 1
    assert note.examples == ["1_00000 turn 1 Restaurants_9 has_live_music 'maybe'"]


def test_intent_and_domain_come_from_the_frame_that_starts_something(
    turns: tuple[Turn, ...],
) -> None:
    assert [turn.intent for turn in turns] == [
        "FindRestaurants",
        "ReserveRestaurant",
        "GetRide",
        "general",
    ]
    assert [turn.active_domain for turn in turns] == [
        "Restaurants_9",
        "Restaurants_9",
        "Taxis_9",
        "Taxis_9",
    ]


def test_acts_keep_the_publishers_names_but_for_general_ones(turns: tuple[Turn, ...]) -> None:
    assert turns[2].dialogue_acts == (
        DialogueAct(domain="Restaurants_9", act="notify_success"),
        DialogueAct(domain="general", act="reqmore"),
    )
    assert turns[3].dialogue_acts == (DialogueAct(domain="general", act="bye"),)


def test_replies_are_delexicalised_by_spans_and_action_values(turns: tuple[Turn, ...]) -> None:
    assert turns[0].delexicalised_response == (
        "There are [value_count] places for [value_party_size]. "
        "[value_restaurant_name] in [value_city] is [value_price_range]."
    )
    assert turns[0].placeholders == (
        ("count", "2"),
        ("party_size", "2"),
        ("restaurant_name", "Cafe Uno"),
        ("city", "Palo Alto"),
        ("price_range", "moderate"),
    )


def test_matches_are_the_services_results_where_it_was_called(turns: tuple[Turn, ...]) -> None:
    assert [turn.database_matches for turn in turns] == [2, None, 1, None]


def test_the_first_releases_files_lack_what_they_lack() -> None:
    report = ReadReport()
    (dialogue,) = read_sgd(tiny("sgd"), "train", report=report)
    first, last = dialogue.turns
    assert (first.intent, first.active_domain) == ("GetRide", "Taxis_9")
    assert first.delexicalised_response == "To [value_destination]?"
    assert first.database_matches is None
    assert last.system is None
    assert last.dialogue_acts is None
    assert {reason: note.count for reason, note in report.notes.items()} == {
        "user actions: not in the corpus's first release": 2,
        "span: outside its text or overlapping another": 1,
        "turn: user turn without a reply": 1,
    }


def test_an_archive_is_streamed_like_a_folder(tmp_path: Path) -> None:
    archive = archived("sgd", tmp_path, inside=".")
    assert list(read_sgd(archive, "dev")) == list(read_sgd(tiny("sgd"), "dev"))


def test_a_value_is_found_as_a_whole_word_outside_spans_only() -> None:
    text = "Table 12 at Cafe 2, for 2."
    frame = {
        "service": "Cafes",
        "slots": [{"slot": "name", "start": 12, "exclusive_end": 18}],
        "actions": [{"act": "INFORM", "slot": "people", "values": ["2"]}],
    }
    found, placeholders, _ = delexicalise_frames(text, [frame])
    assert found == "Table 12 at [value_name], for [value_people]."
    assert placeholders == (("name", "Cafe 2"), ("people", "2"))


@pytest.mark.parametrize("content", ["{", json.dumps([{"dialogue_id": "1"}])])
def test_other_json_is_rejected_with_its_file(tmp_path: Path, content: str) -> None:
    schema = tiny("sgd").location / "dev" / "schema.json"
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "schema.json").write_bytes(schema.read_bytes())
    (tmp_path / "dev" / "dialogues_001.json").write_text(content, "utf-8")
    with pytest.raises(CorpusError, match=r"dev/dialogues_001\.json"):
        list(read_sgd(find("sgd", tmp_path), "dev"))


def test_test_split_is_not_offered() -> None:
    with pytest.raises(CorpusError, match="unknown split 'test' of sgd"):
        list(read_sgd(tiny("sgd"), "test"))
