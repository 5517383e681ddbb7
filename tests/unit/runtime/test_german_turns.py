"""A German service from its schema to its replies: hand-made dialogues, and a network that obeys.

No network has learnt German here; what it would write is what the dialogues are labelled with.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scripted_engine import Asked, ScriptedEngine
from tests.support.source_tree import ROOT
from todserve.corpora.files.dialogue_layouts import open_dialogues
from todserve.corpora.validation import run_validate
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.schema import Schema, ValueType
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.reply.reply_style import REPLY_FILE
from todserve.runtime.tracking.ways_of_saying import WAYS_FILE
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import ModelIdentity, TurnResponse, encode

CORPUS = ROOT / "tests" / "fixtures" / "german_appointments"
NOW = "2026-11-28T10:00:00+01:00"
DIALOGUES = {one.dialogue_id: one for one in open_dialogues(str(CORPUS))[1]}


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    german = Path(shutil.copytree(tiny_checkpoint, tmp_path / "german"))
    shutil.copyfile(CORPUS / "schema.json", german / "schema.json")
    (german / REPLY_FILE).write_text('{"language": "german"}', encoding="utf-8")
    (german / WAYS_FILE).write_text('{"checked": true}', encoding="utf-8")
    return german


def held(folder: Path, dialogue: Dialogue, *, intent: str | None = None) -> Iterator[TurnResponse]:
    """Yield the answers to a dialogue whose labels a network writes."""
    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1.0", checkpoint=checkpoint.checksum)
    state: object = {}
    history: list[dict[str, str]] = []
    before: dict[str, str] = {}
    for turn in dialogue.turns:
        now = dict((turn.belief_state or {}).get("appointment", {}))
        new = [f"{slot} {value}" for slot, value in now.items() if before.get(slot) != value]
        said = {
            TaskName.BELIEF_STATE: " ".join(["[appointment]", *new]) if new else "",
            TaskName.INTENT: f"[{intent or turn.intent}]",
            TaskName.DIALOGUE_ACT: "[general] [reqmore]",
            TaskName.RESPONSE: turn.delexicalised_response or "",
        }

        def script(asked: Asked, said: dict[TaskName, str] = said) -> str:
            return said[asked.task]

        pipeline = Pipeline(checkpoint, ScriptedEngine(checkpoint, script), identity)
        body = {"user": turn.user, "history": history, "state": state, "now": NOW}
        (answer,) = pipeline.answer([parse_request(body)])
        assert isinstance(answer, TurnResponse), answer
        yield answer
        state, before = encode(answer)["belief_state"], now
        history = [*history, {"user": turn.user, "system": turn.system or ""}]


def meanings(answer: TurnResponse) -> dict[str, str]:
    slots = (answer.belief_state or {}).get("appointment", {})
    return {name: str(one.normalised) for name, one in slots.items() if one.normalised}


def test_the_dialogues_are_without_fault_and_their_slots_keep_their_types() -> None:
    assert run_validate(CORPUS) == []
    services, _ = open_dialogues(str(CORPUS))
    assert Schema(services=tuple(services)).types == {
        ("appointment", "day"): ValueType.DATE,
        ("appointment", "time"): ValueType.TIME,
        ("appointment", "phone"): ValueType.PHONE,
    }


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("termin-0", {"day": "2026-12-04", "time": "09:30", "phone": "+4930901820"}),
        ("termin-1", {"day": "2026-12-03", "time": "14:30", "phone": "+491711234567"}),
        ("termin-2", {"day": "2026-11-28", "time": "16:00", "phone": "+4989233000"}),
        ("termin-4", {"day": "2026-11-30", "time": "10:00"}),
    ],
)
def test_a_german_dialogue_ends_with_what_was_meant(
    folder: Path, name: str, meant: dict[str, str]
) -> None:
    *_, last = held(folder, DIALOGUES[name])
    assert meanings(last) == meant
    assert not last.refused


def test_outside_of_its_services_it_says_in_german_what_it_can_do(folder: Path) -> None:
    first, *_ = held(folder, DIALOGUES["termin-0"], intent="out_of_scope")
    assert first.response is not None
    assert first.response.text == "Es tut mir leid, ich kann Ihnen nur mit Terminen helfen."


def test_a_value_that_cannot_be_read_is_asked_for_in_german(folder: Path) -> None:
    odd = {"appointment": {"day": "irgendwann"}}
    turn = Turn(user="Irgendwann.", intent="book_appointment", belief_state=odd)
    one = Dialogue(dialogue_id="odd", corpus="german", split="train", turns=(turn,))
    (answer,) = held(folder, one)
    (refused,) = answer.refused
    assert (refused.reason, refused.detail) == ("unreadable", "it names no day")
    assert answer.response is not None
    assert answer.response.text == (
        "Ich bin nicht sicher, ob ich das verstanden habe. An welchem Tag?"
    )
