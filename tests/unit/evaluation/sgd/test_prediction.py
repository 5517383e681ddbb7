import pytest

from todserve.evaluation.suites.sgd.sgd_metrics import PredictedFrame, ReferenceFrame
from todserve.evaluation.suites.sgd.sgd_prediction import FrameTracker, TurnLabels, as_said
from todserve.evaluation.suites.sgd.sgd_split import ReferenceTurn
from todserve.runtime.language.dialogue import DialogueAct
from todserve.runtime.language.schema import Schema, Service, Slot

HOTELS, TRAINS = "Hotels_1", "Trains_1"
SCHEMA = Schema(
    services=(
        Service(
            name=HOTELS,
            slots=(Slot(name="city"), Slot(name="phone")),
            intents=("FindHotel", "ReserveHotel"),
        ),
        Service(name=TRAINS, slots=(Slot(name="to"),), intents=("FindTrains",)),
    )
)


def turn(*services: str, user: str = "hm", system: str = "ok") -> ReferenceTurn:
    return ReferenceTurn(
        user=user,
        system=system,
        frames=tuple(
            ReferenceFrame(service=one, active_intent="?", requested_slots=(), slot_values={})
            for one in services
        ),
    )


def labels(intent: str | None = None, **values: str) -> TurnLabels:
    return TurnLabels(state={TRAINS: values} if values else {}, intent=intent, acts=())


@pytest.mark.parametrize(
    ("intents", "hotels", "trains"),
    [
        ([None], "NONE", "NONE"),
        (["FindHotel"], "FindHotel", "NONE"),
        # Held until the service gets another one.
        (["FindHotel", None], "FindHotel", "NONE"),
        (["FindHotel", "ReserveHotel"], "ReserveHotel", "NONE"),
        (["FindHotel", "FindTrains"], "FindHotel", "FindTrains"),
        (["FindHotel", "FindTrains", "general"], "NONE", "NONE"),
        (["general", "FindHotel"], "FindHotel", "NONE"),
        (["find_train"], "NONE", "NONE"),
    ],
)
def test_a_service_keeps_its_intent_until_it_gets_another(
    intents: list[str | None], hotels: str, trains: str
) -> None:
    tracker = FrameTracker(schema=SCHEMA)
    frames: list[PredictedFrame | None] = []
    for intent in intents:
        frames = tracker.frames(turn(HOTELS, TRAINS), labels(intent))
    assert [one.active_intent for one in frames if one] == [hotels, trains]


def test_requested_slots_are_what_the_predicted_reply_informs() -> None:
    acts = [
        DialogueAct(domain=HOTELS, act="inform", slot="phone"),
        DialogueAct(domain=HOTELS, act="inform", slot="phone"),
        DialogueAct(domain=HOTELS, act="offer", slot="city"),
        DialogueAct(domain=TRAINS, act="inform", slot="to"),
        DialogueAct(domain="general", act="reqmore"),
        DialogueAct(domain=HOTELS, act="inform", slot=""),
    ]
    predicted = FrameTracker(schema=SCHEMA).frames(
        turn(HOTELS), TurnLabels(state={}, intent=None, acts=acts)
    )
    assert predicted == [
        PredictedFrame(active_intent="NONE", requested_slots=("phone",), slot_values={})
    ]


def test_a_refused_turn_predicts_nothing_and_keeps_the_intents() -> None:
    tracker = FrameTracker(schema=SCHEMA)
    tracker.frames(turn(HOTELS), labels("FindHotel"))
    assert tracker.frames(turn(HOTELS, TRAINS), None) == [None, None]
    (after,) = tracker.frames(turn(HOTELS), labels())
    assert after is not None
    assert after.active_intent == "FindHotel"


@pytest.mark.parametrize(
    ("value", "texts", "spelled"),
    [
        ("17:30", ["At 5:30 pm, please"], "5:30 pm"),
        ("17:30", ["At 5:30 PM."], "5:30 PM"),
        ("17:00", ["5pm"], "5pm"),
        ("17:30", ["at 5:30 am or 5.30 p.m"], "5.30 p.m"),
        # The newest mention counts.
        ("17:30", ["5:30 pm", "17:30 it is"], "17:30"),
        ("07:30", ["7:30 in the evening"], "7:30"),
        ("07:30 in the evening", ["7:30 in the evening"], "7:30 in the evening"),
        # Nobody said it: it stays.
        ("17:30", ["soon", "for 17 people"], "17:30"),
        ("17:00", ["$17:00"], "17:00"),
        ("half past 5", ["5:30 pm"], "half past 5"),
    ],
)
def test_times_are_written_as_they_were_said(value: str, texts: list[str], spelled: str) -> None:
    assert as_said({"time": value}, texts) == {"time": spelled}


def test_only_what_was_said_so_far_spells_a_value() -> None:
    tracker = FrameTracker(schema=SCHEMA)
    (first,) = tracker.frames(turn(TRAINS, system="At 5:30 pm?"), labels(to="17:30"))
    (second,) = tracker.frames(turn(TRAINS), labels(to="17:30"))
    assert first is not None
    assert second is not None
    assert first.slot_values == {"to": "17:30"}
    assert second.slot_values == {"to": "5:30 pm"}
