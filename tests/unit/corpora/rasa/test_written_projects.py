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
        "utter_pic": [{"text": "", "image": "http://a/b.png"}],
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


def written(tmp_path: Path, tree: dict[str, Any]) -> str:
    """Return all files of a project of one file, written again, as text."""
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "all.yml").write_text(yaml.safe_dump(tree, sort_keys=False), "utf-8")
    arguments = ["data", "convert", str(tmp_path / "bot"), "--to", "rasa"]
    assert main.main([*arguments, "--out", str(tmp_path / "out")]) == 0
    return "\n".join(one.read_text("utf-8") for one in sorted((tmp_path / "out").rglob("*.yml")))


@pytest.mark.parametrize(
    ("domain", "line"),
    [
        # Rasa takes an unquoted ${NAME} for a variable of the environment, and 1e5 for a number.
        ({"responses": {"utter_a": [{"text": "That is ${sum}."}]}}, "- text: 'That is ${sum}.'"),
        ({"responses": {"utter_a": [{"text": "1e5"}]}}, "- text: '1e5'"),
        (
            {"responses": {"utter_a": [{"image": "http://a/b"}]}},
            "- text: ''\n    image: http://a/b",
        ),
        ({"slots": {"a": {"type": "unfeaturized"}}}, "  a:\n    type: any\n"),
    ],
)
def test_rasa_three_can_open_what_is_written(
    tmp_path: Path, domain: dict[str, Any], line: str
) -> None:
    assert line in written(tmp_path, {"version": "2.0", "intents": ["greet"], **domain})


def test_a_key_of_a_form_that_rasa_three_refuses_is_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form = {"required_slots": {"a": [{"type": "from_text"}]}, "b": [{"type": "from_text"}]}
    slots = {"a": {"type": "text"}, "b": {"type": "text"}}
    text = written(tmp_path, {"version": "2.0", "slots": slots, "forms": {"f": form}})
    assert yaml.safe_load(text)["forms"] == {"f": {"required_slots": ["a"]}}
    assert "form: a key that Rasa 3 refuses" in capsys.readouterr().out


def test_two_spaces_inside_an_example_stay_two(tmp_path: Path) -> None:
    entries = [{"intent": "greet", "examples": "- hello  there\n"}]
    assert "    - hello  there\n" in written(tmp_path, {"version": "2.0", "nlu": entries})


def test_every_branch_of_an_or_in_markdown_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "domain.yml").write_text("intents: [a, b]\nactions: [action_x]\n", "utf-8")
    (tmp_path / "bot" / "stories.md").write_text(
        '## s\n* a OR b{"city": "ely"}\n  - action_x\n', "utf-8"
    )
    arguments = ["data", "convert", str(tmp_path / "bot"), "--to", "rasa"]
    assert main.main([*arguments, "--out", str(tmp_path / "out")]) == 0
    file = tmp_path / "out" / "data" / "stories.yml"
    (story,) = yaml.safe_load(file.read_text("utf-8"))["stories"]
    assert story["steps"][0] == {
        "or": [{"intent": "a"}, {"intent": "b", "entities": [{"city": "ely"}]}]
    }
    assert "first branch" not in capsys.readouterr().out
