"""Every key of a Rasa project is carried over or named: none changes nothing at all."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from todserve.bot.conversion.rasa_conversion import convert_rasa

BASE: dict[str, dict[str, Any]] = {
    "domain": {
        "intents": ["book", "faq", "affirm"],
        "entities": ["city"],
        "slots": {
            "city": {"type": "text", "mappings": [{"type": "from_entity", "entity": "city"}]}
        },
        "forms": {"f": {"required_slots": ["city"]}},
        "responses": {"utter_ask_city": [{"text": "Where?"}], "utter_b": [{"text": "B."}]},
        "actions": ["action_a"],
    },
    "nlu": {
        "nlu": [
            {"intent": "book", "examples": [{"text": "book it"}]},
            {"intent": "affirm", "examples": "- to [ely](city)\n"},
        ]
    },
    "rules": {
        "rules": [
            {"rule": "r", "steps": [{"intent": "book"}, {"action": "f"}, {"active_loop": "f"}]},
            {"rule": "s", "steps": [{"intent": "affirm"}, {"action": "utter_b"}]},
            {
                "rule": "e",
                "condition": [{"active_loop": "f"}],
                "steps": [{"action": "f"}, {"active_loop": None}, {"action": "action_a"}],
            },
        ]
    },
    "stories": {
        "stories": [{"story": "t", "steps": [{"intent": "affirm"}, {"action": "utter_b"}]}]
    },
    "config": {"language": "en", "pipeline": [{"name": "P"}, {"name": "FallbackClassifier"}]},
    "endpoints": {"action_endpoint": {"url": "http://127.0.0.1:5055/webhook"}},
    "credentials": {"rest": None},
}
MAPPING = ("domain", "slots", "city", "mappings", 0)
SLOT = ("domain", "slots", "city")
SAID = ("domain", "responses", "utter_b", 0)
RULE = ("rules", "rules", 1)
STORY = ("stories", "stories", 0)

KEYS: list[tuple[tuple[str | int, ...], Any]] = [
    (("domain", "session_config"), {"session_expiration_time": 90}),
    (("domain", "e2e_actions"), ["Hello"]),
    (("domain", "config"), {"store_entities_as_slots": False}),
    (("domain", "intents", 0), {"book": {"use_entities": []}}),
    (("domain", "intents", 0), {"book": {"ignore_entities": ["city"]}}),
    (("domain", "intents", 0), {"book": {"triggers": "action_a"}}),
    (("domain", "entities", 0), {"city": {"influence_conversation": False}}),
    ((*SLOT, "type"), "float"),
    ((*SLOT, "type"), "my.Slot"),
    ((*SLOT, "initial_value"), "ely"),
    ((*SLOT, "influence_conversation"), False),
    ((*SLOT, "min_value"), 1),
    ((*SLOT, "max_value"), 9),
    ((*SLOT, "value_reset_delay"), 5),
    ((*MAPPING, "type"), "from_text"),
    ((*MAPPING, "type"), "custom"),
    ((*MAPPING, "role"), "to"),
    ((*MAPPING, "group"), "1"),
    ((*MAPPING, "intent"), "book"),
    ((*MAPPING, "not_intent"), "affirm"),
    ((*MAPPING, "conditions"), [{"active_loop": None}]),
    ((*MAPPING, "action"), "action_a"),
    (("domain", "slots", "city", "mappings"), [{"type": "from_intent", "intent": "affirm"}]),
    (
        ("domain", "slots", "city", "mappings"),
        [{"type": "from_trigger_intent", "intent": "book", "value": "ely"}],
    ),
    (("domain", "forms", "f", "ignored_intents"), ["affirm"]),
    (("domain", "forms", "f", "extra"), "x"),
    ((*SAID, "buttons"), [{"title": "a", "payload": "/affirm"}]),
    ((*SAID, "image"), "http://a/b.png"),
    ((*SAID, "custom"), {"a": "b"}),
    ((*SAID, "attachment"), "x"),
    ((*SAID, "elements"), [{"title": "a"}]),
    ((*SAID, "quick_replies"), [{"title": "a", "payload": "/affirm"}]),
    ((*SAID, "metadata"), {"a": 1}),
    ((*SAID, "channel"), "slack"),
    ((*SAID, "condition"), [{"type": "slot", "name": "city", "value": "ely"}]),
    (("domain", "actions", 0), {"action_a": {"send_domain": False}}),
    (("domain", "session_config"), {"carry_over_slots_to_new_session": True}),
    ((*SLOT, "values"), ["ely", "york"]),
    ((*MAPPING, "conditions"), [{"active_loop": "f", "requested_slot": "city"}]),
    ((*MAPPING, "value"), "ely"),
    (("domain", "forms"), {"f": {"required_slots": {"city": [{"type": "from_text"}]}}}),
    (("domain", "forms"), {"f": {"city": [{"type": "from_text"}]}}),
    (("domain", "forms"), ["f"]),
    (("domain", "templates"), {"utter_c": [{"text": "C."}]}),
    (("nlu", "responses"), {"utter_c": [{"text": "C."}]}),
    (("nlu", "nlu", 1, "examples"), '- to [ely]{"entity": "city", "role": "to"}\n'),
    (("nlu", "nlu", 1, "examples"), '- to [ely]{"entity": "city", "group": "1"}\n'),
    (("nlu", "nlu", 1, "examples"), '- to [ely]{"entity": "city", "value": "york"}\n'),
    (("nlu", "nlu", 0, "metadata"), {"a": "b"}),
    (("nlu", "nlu", 0, "examples", 0, "metadata"), {"a": "b"}),
    (("nlu", "nlu", 1), {"synonym": "ely", "examples": "- that town\n"}),
    (("nlu", "nlu", 1), {"regex": "zip", "examples": "- [0-9]{5}\n"}),
    (("nlu", "nlu", 1), {"lookup": "city", "examples": "- york\n"}),
    ((*RULE, "condition"), [{"active_loop": "f"}]),
    ((*RULE, "condition"), [{"slot_was_set": [{"city": "ely"}]}]),
    ((*RULE, "condition"), [{"what": "ely"}]),
    ((*RULE, "conversation_start"), True),
    ((*RULE, "wait_for_user_input"), False),
    ((*RULE, "metadata"), {"a": 1}),
    ((*RULE, "steps", 0), {"action": "utter_b"}),
    ((*STORY, "metadata"), {"a": 1}),
    ((*STORY, "steps", 0, "entities"), [{"city": "york"}]),
    ((*STORY, "steps", 0, "metadata"), {"a": 1}),
    ((*STORY, "steps", 0), {"user": "yes", "intent": "affirm"}),
    ((*STORY, "steps", 0), {"or": [{"intent": "affirm"}, {"intent": "book"}]}),
    ((*STORY, "steps", 0), {"checkpoint": "c"}),
    ((*STORY, "steps", 1), {"bot": "Hello"}),
    ((*STORY, "steps", 1), {"active_loop": "f"}),
    ((*STORY, "steps", 1), {"form": {"name": "f"}}),
    ((*STORY, "steps", 0), {"or": [{"slot_was_set": [{"city": "ely"}]}, {"intent": "book"}]}),
    ((*STORY, "steps", 0, "entities"), [{"city": "york", "role": "to", "group": "1"}]),
    ((*STORY, "steps", 1), {"slot_was_set": [{"city": "ely"}]}),
    (("config", "language"), "ko"),
    (("config", "recipe"), "default.v1"),
    (("config", "assistant_id"), "x"),
    (("config", "policies"), [{"name": "TEDPolicy"}]),
    (("config", "importers"), [{"name": "x"}]),
    (("config", "pipeline", 0, "name"), "DIETClassifier"),
    (("config", "pipeline", 1, "threshold"), 0.3),
    (("config", "pipeline", 1, "ambiguity_threshold"), 0.1),
    (("endpoints", "action_endpoint", "url"), "http://127.0.0.1:5056/webhook"),
    (("endpoints", "action_endpoint", "token"), "x"),
    *(
        (("endpoints", name), {"type": "x"})
        for name in ("tracker_store", "event_broker", "lock_store", "nlg", "nlu", "models")
    ),
    (("credentials", "slack"), {"slack_token": "x"}),
    (("credentials", "socketio"), {"user_message_evt": "x"}),
]


def outcome(folder: Path, tree: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """Return everything a conversion writes and says."""
    project = folder / "bot"
    project.mkdir(parents=True)
    for name, keys in tree.items():
        (project / f"{name}.yml").write_text(yaml.safe_dump(keys, sort_keys=False), "utf-8")
    return written_and_told(folder)


def written_and_told(folder: Path) -> tuple[str, ...]:
    report = convert_rasa(folder / "bot", folder / "out")
    written = [
        file.read_text("utf-8")
        for file in sorted(report.out.rglob("*"))
        if file.is_file() and file.suffix != ".txt" and file.name != "training.yaml"
    ]
    notes = [f"{note.reason} {note.count}" for note in report.notes.notes.values()]
    return (*written, *notes)


def changed(tree: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    if isinstance(tree, list):
        at = int(path[0])
        return [changed(one, path[1:], value) if i == at else one for i, one in enumerate(tree)]
    return {**tree, path[0]: changed(tree.get(path[0], {}), path[1:], value)}


@pytest.mark.parametrize(("path", "value"), KEYS, ids=[str(one) for one in range(len(KEYS))])
def test_no_key_is_dropped_in_silence(
    tmp_path: Path, path: tuple[str | int, ...], value: Any
) -> None:
    with_key = changed(BASE, path, value)
    assert outcome(tmp_path / "without", BASE) != outcome(tmp_path / "with", with_key)


ONE: dict[str, str] = {
    "domain.yml": "intents: [book, affirm]\nentities: [city]\nslots: {city: {type: text}}\n"
    "templates: {utter_b: [{text: B.}]}\nactions: [utter_b, action_a]\nforms: [f]\n",
    "data/nlu.md": "## intent:book\n- book it\n- to [ely](city)\n\n## intent:affirm\n- yes\n",
    "data/stories.md": "## one\n* book\n  - utter_b\n* affirm\n  - action_a\n",
}
"""A project as Rasa 1 has it."""

LINES: list[tuple[str, str, str]] = [
    ("data/nlu.md", "- yes\n", "- yes\n\n## synonym:ely\n- that town\n"),
    ("data/nlu.md", "- yes\n", "- yes\n\n## regex:zip\n- [0-9]{5}\n"),
    ("data/nlu.md", "- yes\n", "- yes\n\n## lookup:city\n- york\n"),
    ("data/nlu.md", "- yes\n", "- yes\n\n## lookup:city\ndata/cities.txt\n"),
    ("data/nlu.md", "[ely](city)", "[ely](city:york)"),
    ("data/nlu.md", "[ely](city)", "[ely](broken"),
    ("data/stories.md", "* affirm\n", "* affirm OR book\n"),
    ("data/stories.md", "* affirm\n", '* affirm{"city": "ely"}\n'),
    ("data/stories.md", "* affirm\n", "* affirm: yes please\n"),
    ("data/stories.md", "  - action_a\n", "  - f\n"),
    ("data/stories.md", "  - action_a\n", '  - f\n  - form{"name": "f"}\n  - form{"name": null}\n'),
    ("data/stories.md", "  - action_a\n", '  - slot{"city": "ely"}\n  - action_a\n'),
    ("data/stories.md", "- action_a\n", "- action_a\n> x\n\n## two\n> x\n* book\n  - action_a\n"),
    ("data/stories.md", "## one\n", "## one\n> before\n"),
    ("data/stories.md", "  - action_a\n", "  - action_restart\n"),
    ("data/stories.md", "  - action_a\n", "  - action_deactivate_form\n"),
    ("domain.yml", "type: text", "type: unfeaturized"),
    ("domain.yml", "type: text", "type: text, auto_fill: false"),
    ("domain.yml", "[{text: B.}]", "[B., C.]"),
    ("domain.yml", "[{text: B.}]", "[{text: B., channel: slack}]"),
    ("domain.yml", "[{text: B.}]", "[{text: B., quick_replies: [{title: a, payload: /affirm}]}]"),
    ("domain.yml", "forms: [f]", "forms: [{f: {required_slots: [city]}}]"),
    ("domain.yml", "forms: [f]", "session_config: {session_expiration_time: 5}"),
    ("domain.yml", "[book, affirm]", "[{book: {use_entities: false}}, affirm]"),
    ("domain.yml", "[book, affirm]", "[book, {affirm: {triggers: action_a}}]"),
]
POLICIES = [
    {"name": "FallbackPolicy", "nlu_threshold": 0.3},
    {"name": "FallbackPolicy", "core_threshold": 0.3},
    {"name": "TwoStageFallbackPolicy", "nlu_threshold": 0.3},
    {"name": "MappingPolicy"},
    {"name": "FormPolicy"},
    {"name": "KerasPolicy", "epochs": 3},
]
OLD_JSON: list[dict[str, Any]] = [
    {"common_examples": [{"text": "a new one", "intent": "book", "entities": []}]},
    {"entity_synonyms": [{"value": "ely", "synonyms": ["that town"]}]},
    {"regex_features": [{"name": "zip", "pattern": "[0-9]{5}"}]},
    {"lookup_tables": [{"name": "city", "elements": ["york"]}]},
    {"lookup_tables": [{"name": "city", "elements": "data/cities.txt"}]},
    {"gazette": [{"value": "x"}]},
]


def old_outcome(folder: Path, files: dict[str, str]) -> tuple[str, ...]:
    for name, text in {"data/cities.txt": "bath\n", **files}.items():
        (folder / "bot" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "bot" / name).write_text(text, "utf-8")
    return written_and_told(folder)


@pytest.mark.parametrize(("file", "line", "other"), LINES)
def test_no_line_of_rasa_one_is_dropped_in_silence(
    tmp_path: Path, file: str, line: str, other: str
) -> None:
    assert line in ONE[file]
    changed_files = {**ONE, file: ONE[file].replace(line, other, 1)}
    before = old_outcome(tmp_path / "without", ONE)
    assert before != old_outcome(tmp_path / "with", changed_files)


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_is_dropped_in_silence(tmp_path: Path, policy: dict[str, Any]) -> None:
    config = yaml.safe_dump({"policies": [policy]})
    before = old_outcome(tmp_path / "without", ONE)
    assert before != old_outcome(tmp_path / "with", {**ONE, "config.yml": config})


@pytest.mark.parametrize("content", OLD_JSON)
def test_no_key_of_the_old_json_is_dropped_in_silence(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    base = {"common_examples": [{"text": "so be it", "intent": "affirm", "entities": []}]}
    both = {key: [*base.get(key, []), *more] for key, more in content.items()}
    trees = [{"rasa_nlu_data": base}, {"rasa_nlu_data": {**base, **both}}]
    one, other = (
        old_outcome(tmp_path / str(place), {**ONE, "data/old.json": json.dumps(tree)})
        for place, tree in enumerate(trees)
    )
    assert one != other
