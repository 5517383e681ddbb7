import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.corpora_fixtures import TINY
from todserve.evaluation.suites.sgd.sgd_metrics import ReferenceFrame
from todserve.evaluation.suites.sgd.sgd_split import read_split, service_names
from todserve.runtime.errors import ConfigError, CorpusError

SCHEMA = [
    {
        "service_name": "Trains_1",
        "slots": [{"name": "to", "is_categorical": False, "possible_values": []}],
        "intents": [{"name": "FindTrains"}],
    }
]


def dialogue() -> dict[str, Any]:
    state = {
        "active_intent": "FindTrains",
        "requested_slots": ["fare"],
        "slot_values": {"to": ["Ely", "ely city"]},
    }
    return {
        "dialogue_id": "9_00001",
        "turns": [
            {
                "speaker": "USER",
                "utterance": "To Ely, how much?",
                "frames": [{"service": "Trains_1", "state": state}],
            },
            {"speaker": "SYSTEM", "utterance": "5 pounds.", "frames": []},
            {"speaker": "USER", "utterance": "Fine. Bye!", "frames": []},
        ],
    }


def folder(scratch: Path, *dialogues: Any) -> Path:
    (scratch / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    (scratch / "dialogues_001.json").write_text(json.dumps(dialogues), encoding="utf-8")
    return scratch


def test_every_spelling_of_a_value_is_kept(tmp_path: Path) -> None:
    split = read_split(folder(tmp_path, dialogue()))
    first, last = split.dialogues["9_00001"]
    assert (first.user, first.system) == ("To Ely, how much?", "5 pounds.")
    assert first.frames == (
        ReferenceFrame(
            service="Trains_1",
            active_intent="FindTrains",
            requested_slots=("fare",),
            slot_values={"to": ("Ely", "ely city")},
        ),
    )
    assert (last.user, last.system, last.frames) == ("Fine. Bye!", "", ())
    assert split.name == tmp_path.name
    assert list(split.services) == ["Trains_1"]


def test_a_rollout_sees_texts_alone(tmp_path: Path) -> None:
    (plain,) = read_split(folder(tmp_path, dialogue())).plain_dialogues()
    assert plain.dialogue_id == "9_00001"
    assert [(turn.user, turn.system) for turn in plain.turns] == [
        ("To Ely, how much?", "5 pounds."),
        ("Fine. Bye!", ""),
    ]
    for turn in plain.turns:
        labels = (turn.belief_state, turn.intent, turn.active_domain, turn.dialogue_acts)
        assert labels == (None, None, None, None)


def test_the_publishers_layout_is_read() -> None:
    split = read_split(TINY / "sgd" / "dev")
    assert split.name == "dev"
    assert all(turns for turns in split.dialogues.values())


def test_the_checksum_changes_with_the_content_alone(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("one", "two", "three")]
    for place in places:
        place.mkdir()
    other = dialogue()
    other["turns"][0]["frames"][0]["state"]["slot_values"]["to"] = ["Norwich"]
    first, second, third = (
        read_split(folder(place, content)).checksum
        for place, content in zip(places, (dialogue(), dialogue(), other), strict=True)
    )
    assert first == second != third


def _state(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    return lambda one: change(one["turns"][0]["frames"][0]["state"])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda one: one.pop("dialogue_id"), "dialogue 0 has no dialogue_id"),
        (lambda one: one.pop("turns"), "9_00001 has no list of turns"),
        (lambda one: one["turns"].clear(), "9_00001 has no list of turns"),
        (lambda one: one["turns"].pop(0), "turn 0 is neither a user turn"),
        (lambda one: one["turns"][1].pop("utterance"), "turn 1 is neither"),
        (lambda one: one["turns"][2].update(speaker="BOT"), "turn 2 is neither"),
        (lambda one: one["turns"][0].update(utterance=" "), "turn 0 is neither"),
        (lambda one: one["turns"][0]["frames"][0].pop("state"), "turn 0: a frame lacks"),
        (lambda one: one["turns"][0]["frames"][0].update(service="Bus_1"), "'Bus_1' is not in"),
        (_state(lambda state: state.pop("active_intent")), "turn 0: a frame lacks"),
        (_state(lambda state: state.update(requested_slots="fare")), "turn 0: a frame lacks"),
        (_state(lambda state: state["slot_values"].update(to=[])), "turn 0: a frame lacks"),
        (_state(lambda state: state["slot_values"].update(to="Ely")), "turn 0: a frame lacks"),
    ],
)
def test_a_malformed_dialogue_is_named_with_its_file(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], object], message: str
) -> None:
    spoilt = dialogue()
    spoil(spoilt)
    with pytest.raises(CorpusError, match=message) as caught:
        read_split(folder(tmp_path, spoilt))
    assert "dialogues_001.json" in str(caught.value)
    assert "how much" not in str(caught.value)


def test_other_faults_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is no split of Schema-Guided Dialogue"):
        read_split(tmp_path)
    with pytest.raises(CorpusError, match="9_00001 stands in the split twice"):
        read_split(folder(tmp_path, dialogue(), dialogue()))
    (tmp_path / "dialogues_001.json").write_text("[", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"dialogues_001\.json is not JSON"):
        read_split(tmp_path)
    (tmp_path / "dialogues_001.json").write_text("{}", encoding="utf-8")
    with pytest.raises(CorpusError, match="expected a list of dialogues"):
        read_split(tmp_path)
    (tmp_path / "schema.json").write_text("{}[", encoding="utf-8")
    with pytest.raises(CorpusError, match="cannot read schema"):
        read_split(tmp_path)


def test_services_of_a_schema_are_named(tmp_path: Path) -> None:
    assert service_names(folder(tmp_path) / "schema.json") == {"Trains_1"}
    with pytest.raises(ConfigError, match="cannot read schema"):
        service_names(tmp_path / "nowhere.json")
