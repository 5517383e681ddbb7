import random
import re
from collections.abc import Iterator

import pytest

from tests.support.spoken_corpus import FAR, SCHEMA, SPOKEN_CORPUS
from todserve.corpora.spoken.spoken_kinds import KINDS
from todserve.corpora.spoken.spoken_maker import SpokenTurns
from todserve.corpora.spoken.spoken_settings import Spoken
from todserve.corpora.spoken.spoken_turns import SpokenTurn, State
from todserve.corpora.spoken.spoken_values import Speech
from todserve.corpora.spoken.spoken_vocabulary import DAYS, Vocabulary
from todserve.corpora.spoken.wordings import Wordings
from todserve.runtime.language.dialogue import DELETED, DONTCARE, OUT_OF_SCOPE, state_update
from todserve.runtime.language.text import normalise

WARDS = {("hospital", "department"): ("cardiology", "neurology", "urology")}
MAKE = SpokenTurns([*SPOKEN_CORPUS, *FAR], SCHEMA, Spoken(rough=0.0), known=WARDS)
ROUGH = SpokenTurns([*SPOKEN_CORPUS, *FAR], SCHEMA, Spoken(rough=1.0), known=WARDS)
ENGLISH = Wordings.load("en")
VOCABULARY = Vocabulary(SCHEMA, SPOKEN_CORPUS, ENGLISH, WARDS)
SPEECH = Speech(VOCABULARY)

UNCHANGED = ("greet", "thank", "bye", "bare", "outside", "ask", "nothing_yet")


def _made(kind: str, count: int = 150) -> Iterator[SpokenTurn]:
    made = 0
    for number in range(count):
        turn = MAKE(random.Random(f"{kind}/{number}"), kind)
        if turn is not None:
            made += 1
            yield turn
    assert made > count / 3, f"{kind}: {made} of {count}"


def _update(turn: SpokenTurn) -> State:
    assert turn.state is not None
    return state_update(turn.previous_state, turn.state)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_made_of_a_small_corpus_with_values_of_the_schema(kind: str) -> None:
    for turn in _made(kind):
        assert turn.kind == kind
        assert turn.user
        assert turn.user == normalise(turn.user)
        assert not re.search(r"\{[a-z]+\}", turn.user), "a wording was not filled in"
        for state in (turn.state, turn.previous_state):
            for domain, slots in (state or {}).items():
                assert slots, "a domain without slots has no place in a state"
                for slot, value in slots.items():
                    assert SCHEMA.normalise_value(domain, slot, value) == value


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_chance_makes_the_same_turn_and_another_one_another(kind: str) -> None:
    first = [MAKE(random.Random(f"{kind}/{number}"), kind) for number in range(20)]
    assert first == [MAKE(random.Random(f"{kind}/{number}"), kind) for number in range(20)]
    assert len({turn.user for turn in first if turn}) > 3


@pytest.mark.parametrize("kind", KINDS)
def test_intents_are_the_schema_s_or_out_of_scope(kind: str) -> None:
    known = {None, OUT_OF_SCOPE, *SCHEMA.intents}
    assert {turn.intent for turn in _made(kind)} <= known


@pytest.mark.parametrize("kind", UNCHANGED)
def test_small_talk_and_questions_leave_the_state_as_it_is(kind: str) -> None:
    for turn in _made(kind):
        assert turn.state == turn.previous_state


def test_what_lies_outside_says_so_in_intent_and_act() -> None:
    for turn in _made("outside"):
        assert turn.intent == OUT_OF_SCOPE
        assert turn.acts == (("general", OUT_OF_SCOPE, ""),)


def test_outside_and_greetings_come_from_other_corpora_too() -> None:
    users = {turn.user for turn in _made("outside")}
    assert "translate cat into french" in users
    assert "book me a hotel in boston" not in users  # of a service that is one's own
    assert "good day to you" in {turn.user for turn in _made("greet")}


@pytest.mark.parametrize("kind", ["correct", "correct_service"])
def test_a_correction_changes_one_or_two_slots_that_were_there(kind: str) -> None:
    counts = set()
    for turn in _made(kind):
        update = _update(turn)
        places = [(domain, slot) for domain, slots in update.items() for slot in slots]
        counts.add(len(places))
        for domain, slot in places:
            assert slot in turn.previous_state[domain]
            assert update[domain][slot] != DELETED
    assert counts == ({1, 2} if kind == "correct" else {1})


def test_the_wrong_service_loses_what_the_right_one_gets() -> None:
    for turn in _made("wrong_service"):
        slots = [
            (slot, value) for changes in _update(turn).values() for slot, value in changes.items()
        ]
        assert len(slots) == 2
        assert slots[0][0] == slots[1][0]
        assert [value for _, value in slots].count(DELETED) == 1


def test_the_way_round_exchanges_both_ends() -> None:
    for turn in _made("way_round"):
        (domain, changes), *others = _update(turn).items()
        assert not others
        before = turn.previous_state[domain]
        assert changes == {
            "departure": before["destination"],
            "destination": before["departure"],
        }


def test_swapped_services_exchange_one_slot() -> None:
    for turn in _made("swap_services"):
        (one, first), (other, second) = _update(turn).items()
        (slot,) = first
        assert first == {slot: turn.previous_state[other][slot]}
        assert second == {slot: turn.previous_state[one][slot]}


def test_a_time_moves_from_leaving_to_arriving_or_back() -> None:
    seen = set()
    for turn in _made("leave_or_arrive"):
        ((domain, changes),) = _update(turn).items()
        old, new = sorted(changes, key=lambda slot: changes[slot] != DELETED)
        assert {old, new} == {"leave", "arrive"}
        assert changes[new] == turn.previous_state[domain][old]
        seen.add(new)
    assert seen == {"leave", "arrive"}


def test_a_withdrawn_slot_is_gone_and_the_rest_stays() -> None:
    for turn in _made("withdraw"):
        gone = [value for changes in _update(turn).values() for value in changes.values()]
        assert set(gone) == {DELETED}
        assert len(gone) in (1, 2)


def test_a_withdrawn_service_is_gone_with_all_its_slots() -> None:
    for turn in _made("withdraw_service"):
        assert turn.state is not None
        gone = set(turn.previous_state) - set(turn.state)
        assert len(gone) == 1
        for domain in set(turn.previous_state) - gone:
            assert turn.state[domain] == turn.previous_state[domain]


def test_starting_over_keeps_nothing() -> None:
    for turn in _made("restart"):
        assert turn.state is not None
        if turn.intent == "general":
            assert turn.state == {}
            assert turn.acts == (("general", "greet", ""),)


def test_one_venue_ruled_out_leaves_what_it_was_looked_for_by() -> None:
    for turn in _made("rule_out"):
        ((domain, changes),) = _update(turn).items()
        assert changes == {"name": DELETED}
        assert turn.state is not None
        assert turn.state[domain]


@pytest.mark.parametrize("kind", ["indifferent", "indifferent_to"])
def test_indifference_makes_every_value_do(kind: str) -> None:
    sizes = set()
    for turn in _made(kind):
        ((_, changes),) = _update(turn).items()
        assert set(changes.values()) == {DONTCARE}
        sizes.add(len(changes))
    assert sizes == {1} if kind == "indifferent" else {1, 2, 3} <= sizes | {3}


@pytest.mark.parametrize("kind", ["at_once", "wish", "listed", "mended_inside", "story"])
def test_a_request_is_for_one_service_that_was_not_spoken_of(kind: str) -> None:
    for turn in _made(kind):
        (domain,) = _update(turn)
        assert domain not in turn.previous_state


def test_two_services_have_their_own_slots() -> None:
    for turn in _made("two_services"):
        assert len(_update(turn)) == 2


def test_what_is_said_wrong_inside_a_sentence_is_not_in_the_state() -> None:
    wrong = 0
    for turn in _made("mended_inside", 300):
        ((domain, slots),) = _update(turn).items()
        for slot in ("area", "day", "type"):
            if slot in slots and domain != "taxi":
                others = set(VOCABULARY.values(domain, slot)) - {slots[slot]}
                wrong += any(re.search(rf"\b{other}\b", turn.user) for other in others)
    assert wrong > 20


def test_a_value_carried_over_is_the_one_of_the_other_service() -> None:
    for turn in _made("carry"):
        ((domain, slots),) = _update(turn).items()
        assert domain not in turn.previous_state
        carried = {
            slot: value
            for slot, value in slots.items()
            if value in {v for other in turn.previous_state.values() for v in other.values()}
        }
        assert carried


def test_a_ride_between_two_venues_goes_by_their_names() -> None:
    for turn in _made("between"):
        taxi = _update(turn)["taxi"]
        names = {slots["name"] for slots in turn.previous_state.values() if "name" in slots}
        assert {taxi["departure"], taxi["destination"]} <= names
        assert taxi["departure"] != taxi["destination"]


def test_the_way_back_goes_the_other_way_on_another_day() -> None:
    for turn in _made("way_back"):
        assert turn.state is not None
        before, after = turn.previous_state["train"], turn.state["train"]
        assert after["departure"] == before["destination"]
        assert after["destination"] == before["departure"]
        assert after["day"] != before.get("day")


def test_a_question_names_no_other_venue_than_the_one_spoken_of() -> None:
    for turn in _made("ask"):
        assert turn.acts is None or turn.acts[0][1] == "inform"
        said = " ".join(turn.history[-1][:2])
        names = ("golden wok", "curry garden", "kohinoor", "acorn guest house", "kirkwood house")
        assert any(name in said for name in (*names, "galleria", "byard art", "vue cinema"))


def test_a_mistake_in_the_state_is_put_right_by_what_the_last_exchange_shows() -> None:
    for turn in _made("mistaken"):
        assert turn.state is not None
        said = turn.history[-1][0]
        assert any(
            value in said for domain, changes in _update(turn).items() for value in changes.values()
        )


def test_a_misspelt_name_has_the_known_value() -> None:
    misspelt = 0
    for turn in _made("misspelt_name"):
        ((domain, slots),) = _update(turn).items()
        known = [
            value
            for slot, value in slots.items()
            if VOCABULARY.family(domain, slot).name in ("name", "food", "departure", "destination")
        ]
        assert all(
            value == DONTCARE or value in VOCABULARY.values(domain, slot)
            for slot, value in slots.items()
            if slot in ("name", "food")
        )
        misspelt += any(value not in turn.user for value in known)
    assert misspelt > 30


GROUNDED = (
    *("correct", "correct_service", "mended_inside", "at_once", "wish", "listed"),
    *("two_services", "story", "restart_with", "withdraw_service", "department"),
)


@pytest.mark.parametrize("kind", GROUNDED)
def test_every_new_value_is_said_in_a_known_way(kind: str) -> None:
    for turn in _made(kind):
        for domain, changes in _update(turn).items():
            for slot, value in changes.items():
                if value != DELETED:
                    assert _said(domain, slot, value, turn.user), (turn.user, slot, value)


def _said(domain: str, slot: str, value: str, user: str) -> bool:
    """Say whether ``user`` says a value: as it is, in one of the data's ways, or counted."""
    if re.search(rf"(?<![a-z0-9]){re.escape(value)}(?![0-9])", user):
        return True
    ways = SPEECH.ways(domain, slot, value)
    if any(
        normalise(way) in user
        for part in (ways.alone, ways.before, ways.after, ways.noun)
        for way in part
    ):
        return True
    family = VOCABULARY.family(domain, slot)
    if value == DONTCARE:
        return any(normalise(way) in user for way in family.any)
    if family.shape == "flag":
        return any(
            word in user for word in ("park", "car", "driv", "wifi", "internet", "online", "net")
        )
    if family.name == "people":
        people = ENGLISH.people
        mixed = [name for names in (*people["adults"], *people["kids"]) for name in names]
        if any(re.search(rf"\b{name}\b", user) for name in mixed):
            return True
        who = [one for size in ("one", "two", "three", "four") for one in people[size]]
        return any(normalise(one) in user for one in who)
    if family.name in ("stay", "day"):
        return any(day[:3] in user for day in DAYS)
    if family.shape == "clock":
        hour, minute = int(value[:2]), int(value[3:])
        hours = {str(h) for h in (hour, (hour + 1) % 24, (hour - 1) % 12 + 1, hour % 12 + 1)}
        spoken = {
            f"{hour:02d}{minute:02d}",
            f"{hour:02d}.{minute:02d}",
            "noon",
            "midday",
            "midnight",
            "lunchtime",
        }
        return any(re.search(rf"(?<!\d){h}(?!\d)|(?<!\d)0?{h}:00", user) for h in hours) or any(
            text in user for text in spoken
        )
    return False


@pytest.mark.parametrize("kind", ["at_once", "correct", "withdraw", "merged", "story"])
def test_roughness_changes_the_text_and_nothing_else(kind: str) -> None:
    changed = 0
    for number in range(60):
        plain = MAKE(random.Random(f"{kind}/{number}"), kind)
        rough = ROUGH(random.Random(f"{kind}/{number}"), kind)
        if plain is None or rough is None:
            assert plain is rough
            continue
        assert (rough.state, rough.previous_state) == (plain.state, plain.previous_state)
        assert (rough.intent, rough.acts, rough.response) == (
            plain.intent,
            plain.acts,
            plain.response,
        )
        changed += rough.user != plain.user
    assert changed > 15


def test_names_stay_as_they_are_under_roughness() -> None:
    named = 0
    for number in range(400):
        turn = ROUGH(random.Random(number), "at_once")
        assert turn is not None
        name = _update(turn).get("restaurant", {}).get("name")
        if name is not None:
            named += 1
            assert name in turn.user
    assert named > 5
