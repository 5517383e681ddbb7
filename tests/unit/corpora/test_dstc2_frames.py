from tests.support.corpora_fixtures import TINY, tiny
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.dstc2.dstc2_reader import dstc2_services
from todserve.corpora.readers.frames.frames_reader import frames_services
from todserve.corpora.registry import load
from todserve.runtime.language.schema import Schema


def test_a_call_is_what_was_said_with_the_goal_as_its_state() -> None:
    report = ReadReport()
    (call,) = load("dstc2", "train", TINY, report=report)
    first, last = call.turns
    assert call.dialogue_id == "voip-1"
    assert (first.user, last.user) == ("cheap thai food", "any area then european")
    assert first.belief_state == {"restaurant": {"food": "thai", "pricerange": "cheap"}}
    assert last.belief_state == {
        "restaurant": {"food": "european", "pricerange": "cheap", "area": "dontcare"}
    }
    assert report.count("turn: nothing was said") == 1


def test_the_reply_and_its_acts_are_those_of_the_next_turn() -> None:
    (call,) = load("dstc2", "train", TINY)
    first, last = call.turns
    assert first.system == "There is no cheap thai restaurant . What area would you like?"
    assert [(act.act, act.slot) for act in first.dialogue_acts or ()] == [
        *(("canthelp", "food"), ("canthelp", "pricerange"), ("request", "area")),
    ]
    assert (last.system, last.dialogue_acts) == (None, None)


def test_a_goal_that_is_no_slot_is_counted_and_the_ontology_gives_the_values() -> None:
    report = ReadReport()
    (call,) = load("dstc2", "dev", TINY, report=report)
    assert call.turns[0].belief_state == {"restaurant": {"name": "curry garden"}}
    assert report.count("slot: not one that a restaurant is searched by") == 1
    schema = Schema(services=dstc2_services(tiny("dstc2")))
    assert schema.values("restaurant", "food") == ("european", "thai")
    assert schema.values("restaurant", "name") == ("curry garden",)


def test_the_active_frame_is_the_state_and_frames_may_be_changed() -> None:
    report = ReadReport()
    (dialogue,) = load("frames", "train", TINY, report=report)
    first, second = dialogue.turns
    assert first.belief_state == {
        "travel": {"dst_city": "mannheim", "n_adults": "2", "budget": "dontcare", "flex": "yes"}
    }
    assert second.belief_state == {"travel": {"dst_city": "rome"}}
    assert report.count("value: negated, no place in the state") == 1
    assert report.count("value: first of several kept") == 1


def test_acts_are_the_wizards_with_their_keys_as_slots() -> None:
    (dialogue,) = load("frames", "train", TINY)
    assert [
        [(act.domain, act.act, act.slot) for act in turn.dialogue_acts or ()]
        for turn in dialogue.turns
    ] == [
        [("travel", "offer", "dst_city"), ("travel", "offer", "price"), ("travel", "sorry", "")],
        [("travel", "no_result", ""), ("general", "bye", "")],
    ]
    (service,) = frames_services(tiny("frames"))
    assert [slot.name for slot in service.slots] == ["budget", "dst_city", "flex", "n_adults"]
