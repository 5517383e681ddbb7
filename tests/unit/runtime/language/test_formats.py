from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todserve.runtime.language.dialogue import DialogueAct, apply_update, state_update
from todserve.runtime.language.formats import (
    ParsedBeliefState,
    parse_belief_state,
    parse_dialogue_acts,
    parse_intent,
    parse_response,
    placeholders,
    serialize_belief_state,
    serialize_dialogue_acts,
    serialize_intent,
    serialize_response,
)
from todserve.runtime.language.schema import Schema, Service, Slot

SLOTS = {
    "train": ("arrive", "day", "departure", "destination", "leave", "people"),
    "hotel": ("area", "name", "people", "stay", "type"),
}
SCHEMA = Schema(
    services=tuple(
        Service(
            name=domain,
            slots=tuple(Slot(name=slot) for slot in slots),
            intents=(f"find_{domain}", f"book_{domain}"),
        )
        for domain, slots in SLOTS.items()
    )
)

_values = st.lists(
    st.one_of(
        st.sampled_from(["stay", "inn", "people", "12:45", "[train]", "\\stay", "[x]", "\\"]),
        st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=4,
).map(" ".join)


@st.composite
def _states(draw: st.DrawFn) -> dict[str, dict[str, str]]:
    state: dict[str, dict[str, str]] = {}
    for domain in draw(st.permutations(sorted(SLOTS))):
        chosen = draw(st.lists(st.sampled_from(SLOTS[domain]), unique=True))
        if chosen:
            state[domain] = {slot: draw(_values) for slot in chosen}
    return state


_acts = st.lists(
    st.builds(
        DialogueAct,
        domain=st.sampled_from(["train", "hotel", "general", "booking"]),
        act=st.sampled_from(["inform", "request", "bye", "hotel"]),
        slot=st.sampled_from(["", "leave", "choice", "people"]),
    ),
    max_size=6,
)


@given(_states())
def test_belief_state_survives_the_round_trip(state: dict[str, dict[str, str]]) -> None:
    parsed = parse_belief_state(serialize_belief_state(state, SCHEMA), SCHEMA)
    assert parsed.state == state
    assert list(parsed.state) == list(state)
    assert parsed.unparsed == ()


@given(_acts)
def test_dialogue_acts_survive_the_round_trip(acts: list[DialogueAct]) -> None:
    acts = [act for act in acts if act.act not in SLOTS]
    parsed = parse_dialogue_acts(serialize_dialogue_acts(acts), SCHEMA)
    assert parsed.acts == tuple(acts)
    assert parsed.unparsed == ()


@pytest.mark.parametrize("intent", ["find_train", "book_hotel", "general"])
def test_intent_survives_the_round_trip(intent: str) -> None:
    assert parse_intent(serialize_intent(intent), SCHEMA).intent == intent


@given(st.text(st.characters(exclude_characters="<>[]"), max_size=40))
def test_response_survives_the_round_trip(text: str) -> None:
    text = " ".join(text.split())
    assert parse_response(serialize_response(text), SCHEMA).text == text


@given(_states(), _states())
def test_update_turns_the_previous_state_into_the_next(
    previous: dict[str, dict[str, str]], current: dict[str, dict[str, str]]
) -> None:
    assert apply_update(previous, state_update(previous, current)) == current


def test_belief_state_reads_as_pptod_writes_it() -> None:
    state = {"train": {"day": "wednesday", "departure": "cambridge", "leave": "12:45"}}
    text = "[train] day wednesday departure cambridge leave 12:45"
    assert serialize_belief_state(state, SCHEMA) == text


def test_dialogue_acts_read_as_pptod_writes_them() -> None:
    acts = [
        DialogueAct(domain="train", act="inform", slot="choice"),
        DialogueAct(domain="train", act="inform", slot="departure"),
        DialogueAct(domain="train", act="request", slot="leave"),
    ]
    text = "[train] [inform] choice departure [request] leave"
    assert serialize_dialogue_acts(acts) == text


def test_belief_state_spans_point_at_the_values() -> None:
    text = "[train] day friday departure king s lynn"
    spans = parse_belief_state(text, SCHEMA).spans
    assert [text[span.start : span.end] for span in spans] == ["friday", "king s lynn"]


@pytest.mark.parametrize(
    ("text", "state", "unparsed"),
    [
        ("[train] day friday leave", {"train": {"day": "friday"}}, ("leave",)),
        ("[train] soon day friday", {"train": {"day": "friday"}}, ("soon",)),
        ("[plane] day friday", {}, ("[plane]", "day friday")),
        ("day friday", {}, ("day friday",)),
        ("[db_1] [train] day friday", {"train": {"day": "friday"}}, ("[db_1]",)),
        ("", {}, ()),
    ],
)
def test_parse_belief_state_reports_what_it_did_not_understand(
    text: str, state: dict[str, Any], unparsed: tuple[str, ...]
) -> None:
    parsed = parse_belief_state(text, SCHEMA)
    assert isinstance(parsed, ParsedBeliefState)
    assert parsed.state == state
    assert parsed.unparsed == unparsed


@pytest.mark.parametrize(
    ("text", "count", "unparsed"),
    [
        ("[train] [inform] leave [hotel]", 1, ("[hotel]",)),
        ("inform leave", 0, ("inform", "leave")),
        ("[inform] leave", 0, ("[inform]", "leave")),
        ("[train] [value_name] [inform]", 1, ("[value_name]",)),
        ("[general] [bye] [reqmore]", 2, ()),
    ],
)
def test_parse_dialogue_acts_reports_what_it_did_not_understand(
    text: str, count: int, unparsed: tuple[str, ...]
) -> None:
    parsed = parse_dialogue_acts(text, SCHEMA)
    assert len(parsed.acts) == count
    assert parsed.unparsed == unparsed


def test_parse_intent_refuses_an_invented_intent() -> None:
    parsed = parse_intent("[fly_plane]", SCHEMA)
    assert parsed.intent is None
    assert parsed.unparsed == ("[fly_plane]",)


def test_parse_response_takes_out_control_tokens_and_keeps_placeholders() -> None:
    parsed = parse_response("[value_name] is <eos_r> nice [train] .", SCHEMA)
    assert parsed.text == "[value_name] is nice ."
    assert parsed.unparsed == ("<eos_r>", "[train]")
    assert placeholders(parsed.text) == ("name",)


def test_a_control_token_written_over_and_over_is_reported_once() -> None:
    parsed = parse_response("<eos_d> nice [command] <eos_d> <eos_d> <eos_d>", SCHEMA)
    assert (parsed.text, parsed.unparsed) == ("nice", ("<eos_d>", "[command]"))


@pytest.mark.parametrize(
    ("generated", "text", "rounds"),
    [
        (
            "songs by " + "[value_singer], " * 9 + "[value_singer]",
            "songs by [value_singer]",
            "[value_singer], " * 8 + "[value_singer]",
        ),
        ("so " + "it is so " * 8, "so it is", "so it is " * 7 + "so"),
        # What people write in a row is none.
        ("haha" * 4, "haha" * 4, ""),
        ("yes. yes. yes.", "yes. yes. yes.", ""),
        ("wait " + "." * 30, "wait " + "." * 30, ""),
        ("[value_name], [value_name] and [value_name].",) * 2 + ("",),
    ],
)
def test_a_reply_leaves_the_loop_it_ends_in(generated: str, text: str, rounds: str) -> None:
    parsed = parse_response(generated, SCHEMA)
    assert (parsed.text, "".join(parsed.unparsed)) == (text, rounds.strip())


@given(st.text(alphabet=st.characters(exclude_characters="<["), max_size=39))
def test_a_short_reply_is_no_loop(text: str) -> None:
    parsed = parse_response(text, SCHEMA)
    assert (parsed.text, parsed.unparsed) == (" ".join(text.split()), ())
