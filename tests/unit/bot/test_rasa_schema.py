"""Every key of a Rasa project is carried over or named: none changes nothing at all."""

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
    report = convert_rasa(project, folder / "out")
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
