"""Standing: what people made of a dialogue, as labels that may be learnt from."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todserve.gateway.conversations.corrected_dialogue import (
    as_answered,
    as_corrected,
    vouched,
    worded,
)
from todserve.gateway.store.records import TurnRecord
from todserve.runtime.language.dialogue import DELETED, DialogueAct, apply_update, state_update

State = dict[str, dict[str, str]]


def answer(state: State | None = None, **parts: Any) -> dict[str, Any]:
    return {
        "intent": {"name": "find_train", "confidence": 0.9},
        "belief_state": None
        if state is None
        else {
            domain: {slot: {"value": value, "confidence": 0.9} for slot, value in slots.items()}
            for domain, slots in state.items()
        },
        "domain": {"active": "train", "switched": False, "reason": ""},
        "database": {"domain": "train", "matches": 2, "results": [{"id": "tr1", "leave": "09:00"}]},
        "dialogue_act": [{"domain": "train", "act": "inform", "slot": "id"}],
        "response": {"text": "TR1 leaves at 09:00.", "delexicalised": "[value_id] leaves."},
        **parts,
    }


def turns(
    *states: State | None, corrections: Mapping[int, Mapping[str, Any]] | None = None
) -> tuple[TurnRecord, ...]:
    return tuple(
        TurnRecord(
            index=index,
            user=f"turn {index}",
            message_id=str(index),
            answer=answer(state),
            timing_ms={},
            created_at=0,
            correction=(corrections or {}).get(index, {}),
        )
        for index, state in enumerate(states)
    )


def states(*found: TurnRecord) -> list[Any]:
    return [turn.belief_state for turn in as_corrected(found)]


def test_a_corrected_state_goes_on_into_later_turns_that_only_carried_it() -> None:
    said = turns(
        {"train": {"people": "6", "day": "friday"}},
        {"train": {"people": "6", "day": "friday", "destination": "ely"}},
        {"train": {"people": "6", "day": "monday", "destination": "ely"}},
        corrections={0: {"belief_state": {"train": {"people": "2", "day": "friday"}}}},
    )
    assert states(*said) == [
        {"train": {"people": "2", "day": "friday"}},
        {"train": {"people": "2", "day": "friday", "destination": "ely"}},
        {"train": {"people": "2", "day": "monday", "destination": "ely"}},
    ]


def test_the_update_that_a_markov_model_learns_is_what_the_turn_itself_said() -> None:
    said = turns(
        {"train": {"people": "6"}},
        {"train": {"people": "6", "day": "friday"}},
        {"train": {"day": "friday"}},
        corrections={0: {"belief_state": {"train": {"people": "2"}, "hotel": {"area": "north"}}}},
    )
    first, second, third = states(*said)
    assert state_update({}, first) == {"train": {"people": "2"}, "hotel": {"area": "north"}}
    assert state_update(first, second) == {"train": {"day": "friday"}}
    assert state_update(second, third) == {"train": {"people": DELETED}}


def test_a_slot_that_was_never_meant_is_taken_out_of_every_later_turn() -> None:
    said = turns(
        {"hotel": {"area": "north"}},
        {"hotel": {"area": "north"}, "train": {"day": "friday"}},
        corrections={0: {"belief_state": {}}},
    )
    assert states(*said) == [{}, {"train": {"day": "friday"}}]


def test_a_turn_that_was_run_again_has_its_new_answer() -> None:
    again = answer({"train": {"people": "2", "day": "monday"}}, intent={"name": "book_train"})
    said = turns(
        {"train": {"people": "6"}},
        {"train": {"people": "6", "day": "friday"}},
        corrections={0: {"belief_state": {"train": {"people": "2"}}}, 1: {"answer": again}},
    )
    first, second = as_corrected(said)
    assert (first.intent, second.intent) == ("find_train", "book_train")
    assert second.belief_state == {"train": {"people": "2", "day": "monday"}}
    plain = list(as_answered(said))
    assert [turn.intent for turn in plain] == ["find_train", "find_train"]
    assert plain[1].belief_state == {"train": {"people": "6", "day": "friday"}}


values = st.sampled_from(["1", "2", "3"])
slots = st.dictionaries(st.sampled_from(["day", "people", "leave"]), values, max_size=3)
any_state = st.dictionaries(st.sampled_from(["train", "hotel"]), slots, max_size=2).map(
    lambda state: {domain: found for domain, found in state.items() if found}
)
updates = st.dictionaries(
    st.sampled_from(["train", "hotel"]),
    st.dictionaries(st.sampled_from(["day", "people"]), st.sampled_from(["4", "5"]), min_size=1),
    max_size=2,
)


@given(first=any_state, right=any_state, said=st.lists(updates, min_size=1, max_size=4))
def test_what_a_turn_newly_said_stands_whether_it_was_said_before_or_after_the_correction(
    first: State, right: State, said: list[State]
) -> None:
    before, after, wanted = [first], [first], [right]
    known: State = right
    for update in said:
        # Before: the model went on from its own state. After: from the corrected one.
        before.append(apply_update(before[-1], update))
        known = apply_update(known, update)
        after.append(known)
        wanted.append(known)
    corrections = {0: {"belief_state": right}}
    for answers in (before, after):
        assert states(*turns(*answers, corrections=corrections)) == wanted


@given(given_states=st.lists(st.none() | any_state, max_size=5))
def test_states_that_nobody_corrected_are_the_models(given_states: list[State | None]) -> None:
    assert states(*turns(*given_states)) == given_states


@pytest.mark.parametrize(
    ("corrections", "kept"),
    [
        ({}, 0),
        ({1: {"verdict": "right"}}, 3),
        ({1: {"intent": "book_train"}}, 3),
        ({1: {"verdict": "wrong"}}, 0),
        ({1: {"verdict": "wrong", "intent": "book_train"}}, 3),
        ({0: {"verdict": "right"}, 1: {"verdict": "wrong"}}, 1),
        ({1: {"verdict": "wrong"}, 2: {"verdict": "right"}}, 0),
        ({0: {"verdict": "wrong", "response": "Hello."}, 2: {"verdict": "wrong"}}, 2),
        ({0: {"belief_state": {}}, 1: {"answer": answer({}), "verdict": "wrong"}}, 1),
    ],
)
def test_only_what_somebody_stands_for_is_learnt(
    corrections: dict[int, dict[str, Any]], kept: int
) -> None:
    assert len(vouched(turns({}, {}, {}, corrections=corrections))) == kept


@pytest.mark.parametrize(
    ("template", "text", "placeholders"),
    [
        ("[value_id] leaves at [value_leave] .", "TR1 leaves at 09:00.", ("TR1", "09:00")),
        ("it is a [value_id]", "It is a TR1", ("TR1",)),
        ("goodbye", "Goodbye!", ()),
        ("", "", ()),
    ],
)
def test_a_reply_has_its_placeholders_where_its_values_stand(
    template: str, text: str, placeholders: tuple[str, ...]
) -> None:
    (said,) = turns({})
    reply = {"response": {"text": text, "delexicalised": template}}
    (plain,) = as_answered([TurnRecord(**{**fields(said), "answer": answer({}, **reply)})])
    assert (plain.system, plain.delexicalised_response) == (text, template)
    turn = worded(plain)
    assert tuple(surface for _, surface in turn.placeholders) == placeholders
    assert filled(turn) == turn.system
    if text != "Goodbye!":
        assert turn.system == text


def test_a_reply_that_cannot_be_aligned_still_has_every_placeholder() -> None:
    said = turns({}, corrections={0: {"response": "a [value_id] and [value_reference] , no less"}})
    turn = worded(*as_corrected(said))
    assert [slot for slot, _ in turn.placeholders] == ["id", "reference"]
    assert filled(turn) == turn.system


def test_a_long_reply_of_many_placeholders_is_aligned_or_given_up_at_once() -> None:
    (said,) = turns({})
    text = "many words , " * 300 + "and an"
    template = "[value_id] , " * 30 + "and an [value_name]"
    reply = {"response": {"text": text, "delexicalised": template}}
    (plain,) = as_answered([TurnRecord(**{**fields(said), "answer": answer({}, **reply)})])
    assert worded(plain).system == "id , " * 30 + "and an name"


def test_what_a_bot_said_is_what_the_next_turn_rests_on_and_the_model_keeps_its_own_words() -> None:
    (said,) = turns({}, corrections={0: {"verdict": "right"}})
    spoken = TurnRecord(**{**fields(said), "bot": {"messages": ["For how many?", "And when?"]}})
    for turn in (*as_corrected([spoken]), *as_answered([spoken])):
        assert turn.system == "For how many?\nAnd when?"
        assert turn.delexicalised_response == "[value_id] leaves."
        marked = worded(turn)
        assert (marked.system, marked.placeholders) == ("For how many?\nAnd when?", ())
        assert marked.delexicalised_response == marked.system


def test_while_a_person_has_taken_over_from_a_bot_the_reply_is_the_models() -> None:
    (said,) = turns({})
    (turn,) = as_answered([TurnRecord(**{**fields(said), "bot": {"messages": []}})])
    assert turn.system == "TR1 leaves at 09:00."


def test_a_turn_that_was_run_again_rests_on_the_new_reply() -> None:
    new = answer({}, response={"text": "TR2 it is.", "delexicalised": "[value_id] it is."})
    (said,) = turns({}, corrections={0: {"answer": new, "verdict": "right"}})
    spoken = TurnRecord(**{**fields(said), "bot": {"messages": ["For how many?"]}})
    (turn,) = as_corrected([spoken])
    assert turn.system == "TR2 it is."


def test_acts_and_the_domain_follow_the_correction() -> None:
    acts = [{"domain": "hotel", "act": "inform", "slot": "area"}, {"domain": "general", "act": "x"}]
    (turn,) = as_corrected(turns({}, corrections={0: {"dialogue_act": acts}}))
    assert turn.dialogue_acts == (
        DialogueAct(domain="hotel", act="inform", slot="area"),
        DialogueAct(domain="general", act="x"),
    )
    assert (turn.active_domain, turn.database_matches) == ("hotel", None)
    state = {"belief_state": {"hotel": {"area": "north"}}}
    (turn,) = as_corrected(turns({}, corrections={0: state}))
    assert turn.active_domain == "hotel"
    (turn,) = as_corrected(turns({}, corrections={0: {"intent": "book_train"}}))
    assert (turn.active_domain, turn.database_matches) == ("train", 2)


def fields(turn: TurnRecord) -> dict[str, Any]:
    return {name: getattr(turn, name) for name in TurnRecord.__slots__}


def filled(turn: Any) -> str:
    text = str(turn.delexicalised_response)
    for slot, surface in turn.placeholders:
        text = text.replace(f"[value_{slot}]", surface, 1)
    return text
