"""A turn whose schema gives slots a type: the words, and what they mean beside them."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.scripted_engine import Asked, ScriptedEngine
from tests.support.tiny_checkpoint import SCHEMA
from todserve.corpora.services import described, merged
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.checkpoint_description import describe
from todserve.runtime.errors import ConfigError, RequestError
from todserve.runtime.language.schema import Schema, Service, Slot, ValueType
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.reply.reply_style import REPLY_FILE
from todserve.runtime.tracking.ways_of_saying import WAYS_FILE
from todserve.runtime.wire.request import parse_request, request_body
from todserve.runtime.wire.response import (
    ModelIdentity,
    SlotPrediction,
    TurnResponse,
    decode,
    encode,
)

VISIT = Service(
    name="visit",
    slots=(
        Slot(name="day", type=ValueType.DATE),
        Slot(name="phone", type=ValueType.PHONE),
        Slot(name="note"),
    ),
    intents=("book_visit",),
)
TYPED = Schema(services=(*SCHEMA.services, VISIT))
NOW = "2026-11-28T18:30:00+01:00"
Talk = Callable[..., TurnResponse]


def pipeline(folder: Path, written: str) -> Pipeline:
    """Return a pipeline whose network writes this of every utterance."""
    said = {
        TaskName.BELIEF_STATE: written,
        TaskName.INTENT: "[book_visit]",
        TaskName.DIALOGUE_ACT: "[visit] [request] note",
        TaskName.RESPONSE: "anything else?",
    }

    def script(asked: Asked) -> str:
        return said[asked.task]

    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1.0", checkpoint=checkpoint.checksum)
    return Pipeline(checkpoint, ScriptedEngine(checkpoint, script), identity)


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    typed = Path(shutil.copytree(tiny_checkpoint, tmp_path / "typed"))
    TYPED.save(typed / "schema.json")
    (typed / WAYS_FILE).write_text('{"checked": true}', encoding="utf-8")
    return typed


@pytest.fixture
def talk(folder: Path) -> Talk:
    def answered(written: str, user: str, **body: object) -> TurnResponse:
        request = parse_request({"user": user, "now": NOW, **body})
        (answer,) = pipeline(folder, written).answer([request])
        assert isinstance(answer, TurnResponse), answer
        return answer

    return answered


def slot(answer: TurnResponse, name: str) -> SlotPrediction:
    assert answer.belief_state is not None
    return answer.belief_state["visit"][name]


def test_what_a_value_means_stands_beside_the_words(talk: Talk) -> None:
    answer = talk("[visit] day next friday note hello", "next friday, hello")
    day = encode(answer)["belief_state"]["visit"]["day"]  # type: ignore[index]
    assert day["value"] == "next friday"
    assert day["normalised"] == {"type": "date", "value": "2026-12-04"}
    assert "normalised" not in encode(answer)["belief_state"]["visit"]["note"]  # type: ignore[index]
    assert encode(answer)["now"] == NOW
    assert decode(json.dumps(encode(answer))) == answer


def test_an_answer_of_a_schema_without_types_says_nothing_of_them(tiny_checkpoint: Path) -> None:
    request = parse_request({"user": "somewhere cheap", "now": NOW})
    (answer,) = pipeline(tiny_checkpoint, "[restaurant] pricerange cheap").answer([request])
    assert isinstance(answer, TurnResponse)
    told = json.dumps(encode(answer))
    assert "normalised" not in told
    assert '"now"' not in told
    assert '"detail"' not in told


def test_tomorrow_stays_the_day_that_it_was_until_it_is_said_again(talk: Talk) -> None:
    first = talk("[visit] day tomorrow", "tomorrow please")
    assert str(slot(first, "day").normalised) == "2026-11-29"
    state = encode(first)["belief_state"]
    monday = "2026-11-30T09:00:00+01:00"
    later = talk("[visit] note hello", "hello", state=state, now=monday)
    assert str(slot(later, "day").normalised) == "2026-11-29"
    again = talk("[visit] day tomorrow", "tomorrow", state=state, now=monday)
    assert str(slot(again, "day").normalised) == "2026-12-01"


def test_a_state_of_plain_words_is_read_anew(talk: Talk) -> None:
    answer = talk("[visit] note hello", "hello", state={"visit": {"day": "friday", "phone": "no"}})
    assert str(slot(answer, "day").normalised) == "2026-12-04"
    assert slot(answer, "phone").normalised is None


def test_a_value_that_is_none_of_its_type_is_refused_and_asked_for(talk: Talk) -> None:
    answer = talk("[visit] phone 12345", "my number is 12345")
    assert not answer.belief_state
    (refused,) = answer.refused
    assert (refused.slot, refused.value) == ("phone", "12345")
    assert (refused.reason, refused.detail) == ("unreadable", "it has too few digits")
    assert answer.response is not None
    assert answer.response.rules == ("unreadable",)
    assert answer.response.text.startswith("I am not sure that I understood that.")


def test_a_value_that_cannot_be_read_does_not_drive_out_the_one_before(talk: Talk) -> None:
    before = {"visit": {"phone": "01223 365555"}}
    answer = talk("[visit] phone 12345", "no, 12345", state=before)
    assert str(slot(answer, "phone").normalised) == "+441223365555"


def test_a_value_in_another_form_is_borne_out_by_what_it_means(talk: Talk) -> None:
    answer = talk("[visit] day 2026-12-04", "could i come next friday")
    assert slot(answer, "day").value == "2026-12-04"
    assert not answer.refused


def test_a_number_with_a_wrong_digit_is_nothing_that_was_said(talk: Talk) -> None:
    answer = talk("[visit] phone 01223 365556", "it is 01223 365555")
    assert [one.reason for one in answer.refused] == ["not said"]


def test_the_words_that_bear_a_typed_value_out_are_told(folder: Path) -> None:
    request = parse_request({"user": "could i come next friday", "now": NOW})
    (told,) = pipeline(folder, "[visit] day 2026-12-04").explain([request])
    assert not isinstance(told, RequestError)
    (day,) = told.slots
    assert day.source == "utterance"
    assert day.words is not None
    assert "friday" in day.words


def test_without_a_time_in_the_request_the_servers_clock_counts(talk: Talk) -> None:
    before = datetime.now(UTC).date()
    answer = talk("[visit] day today", "today", now=None)
    assert str(slot(answer, "day").normalised) in {str(before), str(datetime.now(UTC).date())}


def test_values_are_read_in_the_language_of_the_checkpoint(folder: Path) -> None:
    (folder / REPLY_FILE).write_text('{"language": "german"}', encoding="utf-8")
    request = parse_request({"user": "freitag in einer woche", "now": NOW})
    (answer,) = pipeline(folder, "[visit] day freitag in einer woche").answer([request])
    assert isinstance(answer, TurnResponse)
    assert str(slot(answer, "day").normalised) == "2026-12-11"


def test_a_request_goes_over_the_wire_with_what_it_knows(talk: Talk) -> None:
    answer = talk("[visit] day next friday", "next friday")
    request = parse_request({"user": "hi", "now": NOW, "state": encode(answer)["belief_state"]})
    assert parse_request(request_body(request)) == request
    assert request.state_meant["visit"]["day"] == slot(answer, "day").normalised


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"now": "yesterday"}, "now: got 'yesterday'; expected date and time as ISO 8601"),
        ({"now": "2026-11-28T18:30:00"}, "without its distance from UTC"),
        ({"now": 5}, "now: got a number; expected date and time"),
        (
            {"state": {"visit": {"day": {"value": "x", "normalised": "y"}}}},
            "state.visit.day.normalised: got a text; expected an object",
        ),
        (
            {"state": {"visit": {"day": {"value": "x", "normalised": {"type": 1, "value": "y"}}}}},
            "got an object of other types",
        ),
        (
            {"state": {"visit": {"day": {"value": "x", "normalised": {"typ": "date"}}}}},
            "unknown key 'typ'",
        ),
    ],
)
def test_a_wrong_time_and_a_wrong_meaning_are_refused(
    body: dict[str, object], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        parse_request({"user": "hi", **body})


def test_types_are_kept_in_the_schemas_file_and_told_of_a_served_model(folder: Path) -> None:
    assert Schema.load(folder / "schema.json").types == TYPED.types
    checkpoint = Checkpoint.open(folder)
    identity = ModelIdentity(name="tod", version="1.0", checkpoint=checkpoint.checksum)
    told = describe(checkpoint, identity)
    assert told.types == {"visit": {"day": "date", "phone": "phone"}}
    assert Schema(services=merged(described(told))).types == TYPED.types


def test_an_unknown_type_is_named_with_its_slot(folder: Path) -> None:
    path = folder / "schema.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"phone"\n', '"fax"\n'))
    with pytest.raises(ConfigError, match=r"slot visit.phone: got the type 'fax'; .* one of date"):
        Schema.load(path)
