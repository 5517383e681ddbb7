"""A project written as Rasa's again keeps all that Rasa can hold."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from todserve.cli import main

OLD: dict[str, Any] = {
    "version": "2.0",
    "intents": [{"greet": {"use_entities": []}}, "book"],
    "entities": ["number", {"city": {"roles": ["from", "to"]}}],
    "slots": {
        "seats": {"type": "float", "initial_value": 2, "influence_conversation": False},
        "number": {"type": "rasa.shared.core.slots.CategoricalSlot", "values": ["1", "2"]},
        "outdoor": {"type": "bool"},
        "way": {
            "type": "text",
            "mappings": [
                {"type": "from_entity", "entity": "city", "role": "to"},
                {"type": "from_intent", "intent": ["greet", "book"], "value": "taxi"},
                {"type": "from_text", "conditions": [{"active_loop": "f"}]},
            ],
        },
    },
    "forms": {
        "f": {
            "ignored_intents": ["greet"],
            "required_slots": {
                "outdoor": [{"type": "from_intent", "intent": "book", "value": True}],
            },
        }
    },
    "responses": {
        "utter_pic": [{"image": "http://a/b.png"}],
        "utter_hi": [
            {"text": "Hi.", "buttons": [{"title": "1", "payload": "/book"}]},
            {"text": "Slack.", "channel": "slack"},
            {"text": "Two.", "condition": [{"type": "slot", "name": "outdoor", "value": True}]},
            {"custom": {"a": [1, "x"]}},
        ],
    },
    "session_config": {"session_expiration_time": 60, "carry_over_slots_to_new_session": True},
    "rules": [
        {
            "rule": "r",
            "condition": [{"active_loop": "f"}],
            "steps": [{"intent": "greet"}, {"action": "utter_hi"}, {"active_loop": None}],
        }
    ],
    "stories": [
        {
            "story": "s",
            "steps": [
                {"or": [{"intent": "greet"}, {"intent": "book"}]},
                {"action": "f"},
                {"active_loop": "f"},
                {"checkpoint": "c"},
            ],
        }
    ],
    "nlu": [{"intent": "greet", "examples": "- hi\n- a [broken](mark\n"}],
}


@pytest.fixture
def again(tmp_path: Path) -> dict[str, Any]:
    """The project as it is written, all files in one."""
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "all.yml").write_text(yaml.safe_dump(OLD, sort_keys=False), "utf-8")
    out = tmp_path / "out"
    assert (
        main.main(["data", "convert", str(tmp_path / "bot"), "--to", "rasa", "--out", str(out)])
        == 0
    )
    found: dict[str, Any] = {}
    for file in sorted(out.rglob("*.yml")):
        found |= yaml.safe_load(file.read_text("utf-8"))
    return found


@pytest.mark.parametrize(
    "key", ["intents", "entities", "responses", "session_config", "rules", "stories"]
)
def test_what_rasa_says_the_same_way_today_stands_as_it_stood(
    again: dict[str, Any], key: str
) -> None:
    assert again[key] == OLD[key]


def test_slots_say_what_fills_them_in_the_words_of_rasa_three(again: dict[str, Any]) -> None:
    inside = {
        "type": "from_intent",
        "intent": "book",
        "value": True,
        "conditions": [{"active_loop": "f"}],
    }
    assert again["slots"] == {
        "seats": {
            "type": "float",
            "initial_value": 2.0,
            "influence_conversation": False,
            # Rasa 3 fills it from no entity that its domain does not list.
            "mappings": [{"type": "custom"}],
        },
        "number": {
            "type": "categorical",
            "values": ["1", "2"],
            "mappings": [{"type": "from_entity", "entity": "number"}],
        },
        "outdoor": {"type": "bool", "mappings": [inside]},
        "way": OLD["slots"]["way"],
    }
    assert again["forms"] == {"f": {"required_slots": ["outdoor"], "ignored_intents": ["greet"]}}
    assert again["version"] == "3.1"


def test_a_broken_mark_is_written_as_words(again: dict[str, Any]) -> None:
    assert again["nlu"][0]["examples"].startswith("- hi\n")
