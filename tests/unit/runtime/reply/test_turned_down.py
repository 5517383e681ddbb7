"""What the user has turned down is not offered again, and a venue is told as its service's own."""

from dataclasses import replace

import pytest

from tests.support.reply_talk import Talk

SHADDAI = "el shaddai is a nice place."
ACORN = "how about the acorn guest house?"


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Talk:
    return Talk(tmp_path_factory.mktemp("reply"))


@pytest.mark.parametrize("no", ["not that one", "i don't like it", "something else?", "another"])
def test_what_was_turned_down_comes_last_ever_after(talk: Talk, no: str) -> None:
    first = talk.facts("hotel", {}).row["name"]
    said = [f"{first} is nice.", "what price range would you like?"]
    facts = talk.facts("hotel", {}, user="i don't mind", said=said, heard=["a hotel", no])
    assert facts.result is not None
    assert facts.row["name"] != first == facts.result.results[-1]["name"]


def test_a_name_that_is_excluded_is_not_offered(talk: Talk) -> None:
    first = talk.facts("hotel", {}).row["name"]
    assert talk.facts("hotel", {}, user=f"a hotel, but not the {first}").row["name"] != first


def test_who_names_it_himself_wants_it_after_all(talk: Talk) -> None:
    first = talk.facts("hotel", {}).row["name"]
    said = [f"{first} is nice.", "this is another one."]
    heard = ["a hotel", "not that one"]
    facts = talk.facts("hotel", {}, user=f"ok, {first} then", said=said, heard=heard)
    assert facts.row["name"] == first


def test_where_all_were_turned_down_there_is_nothing_else(talk: Talk) -> None:
    state = {"hotel": {"area": "north"}}
    facts = talk.facts("hotel", state)
    assert facts.result is not None
    names = [row["name"] for row in facts.result.results]
    said = [f"{name} is nice." for name in names]
    heard = ["a hotel", *["not that one"] * (len(names) - 1)]
    last = talk.facts(
        "hotel", state, user="any others?", said=said, heard=heard, intent="find_hotel"
    )
    sent = talk.chosen("how about [value_name]?", last, intent="find_hotel")
    assert sent.candidate.filled.text.endswith("Shall I look for something else?")
    assert not any(name in sent.candidate.filled.text.lower() for name in names)


@pytest.mark.parametrize(
    "reply",
    ["[value_name] is a great [value_food] place.", "[value_name] is a nice restaurant."],
)
def test_a_venue_is_not_told_with_what_only_another_service_has(talk: Talk, reply: str) -> None:
    state = {"hotel": {"area": "north"}, "restaurant": {"food": "indian"}}
    assert "kind" in talk.candidate(reply, talk.facts("hotel", state)).strikes


@pytest.mark.parametrize(
    ("slots", "text"),
    [
        ({}, "This is Addenbrookes Hospital, Hills Rd"),
        ({"department": "cardiology"}, "The department for that: "),
    ],
)
def test_the_hospital_is_told_of_and_its_department_where_one_is_wished(
    talk: Talk, slots: dict[str, str], text: str
) -> None:
    facts = talk.facts("hospital", {"hospital": slots}, user="where is the hospital?")
    sent = talk.chosen("i am sorry, i cannot help with that.", facts)
    assert sent.candidate.filled.text.startswith(text)


def test_who_turns_it_down_is_told_of_another_one(talk: Talk) -> None:
    first = talk.facts("hotel", {}).row["name"]
    facts = talk.facts("hotel", {}, user="no, not that", said=[f"{first} is nice."])
    sent = talk.chosen("you are welcome. goodbye!", facts)
    assert sent.rules == ("only",)
    assert sent.candidate.filled.text.startswith("I have found 3 places to stay. One of them is")
    assert first not in sent.candidate.filled.text.lower()


def test_a_kind_that_was_turned_down_is_not_offered_until_it_is_asked_for(talk: Talk) -> None:
    first = talk.facts("hotel", {}).row["type"]
    heard = ["a place to stay", f"neither a hostel nor a {first}"]
    said = ["what area?", "what price range?"]
    facts = talk.facts("hotel", {}, user="anywhere", said=said, heard=heard)
    assert facts.row["type"] != first
    after_all = talk.facts("hotel", {}, user=f"ok, a {first} then", said=said, heard=heard)
    assert after_all.row["type"] == first


@pytest.mark.parametrize("user", ["i don't want a hotel", "no hotels please"])
def test_a_service_that_is_only_turned_down_is_not_offered(talk: Talk, user: str) -> None:
    facts = talk.facts("hotel", {}, user=user)
    sent = talk.chosen("what area would you like to stay in?", facts)
    assert sent.candidate.filled.text.startswith("I can help you with")


def test_nothing_found_has_nothing(talk: Talk) -> None:
    state = {"hotel": {"area": "west", "stars": "1"}}
    facts = talk.facts("hotel", state, user="wait does it do parking?", intent="find_hotel")
    assert facts.matches == 0
    assert "answer" in talk.candidate("no, it does not. another area?", facts).strikes


def test_a_venue_is_not_the_second_of_a_list_that_nobody_told(talk: Talk) -> None:
    facts = talk.facts("hotel", {"hotel": {"area": "north"}}, user="what is the second called?")
    assert "venue" in talk.candidate("the second one is [value_name].", facts).strikes


def test_nobody_is_greeted_in_the_middle_of_a_dialogue(talk: Talk) -> None:
    said, state = ["what time would you like?"], {"hotel": {"area": "north"}}
    hello = "hello! how can i help you?"
    for user, is_struck in (("now", True), ("hello again", False)):
        facts = talk.facts("hotel", state, user=user, said=said)
        assert ("helpless" in talk.candidate(hello, facts).strikes) is is_struck
    assert "helpless" not in talk.candidate(hello, talk.facts("hotel", state, user="hey")).strikes


def test_nothing_is_booked_of_which_nobody_has_said_anything(talk: Talk) -> None:
    booking = {"day": "monday", "stay": "2", "people": "3"}
    facts = talk.facts("hotel", {"hotel": booking}, user="a room for 3", intent="book_hotel")
    facts = replace(facts, result=replace(facts.result, matches=30) if facts.result else None)
    assert not facts.bookable
    assert not replace(facts, state={"hotel": {**booking, "type": "hotel"}}).bookable
    picky = replace(facts, state={"hotel": {**booking, "area": "dontcare"}})
    assert picky.bookable
    named = replace(facts, said=[f"{facts.name} is nice."])
    assert named.bookable


def test_one_of_many_is_booked_only_by_its_name(talk: Talk) -> None:
    state = {"hotel": {"day": "monday", "stay": "2", "people": "3", "stars": "4"}}
    facts = talk.facts("hotel", state, user="a room for 3 on monday", intent="book_hotel")
    many = replace(facts, result=replace(facts.result, matches=30) if facts.result else None)
    told = {}
    for name, said in (("any", ()), ("named", (f"{facts.name} is nice.",))):
        asked = replace(many, said=said)
        sent = talk.chosen("i was unable to book it.", asked, intent="book_hotel")
        told[name] = sent.candidate.filled.text
    assert told["any"].startswith("I have found 30 places to stay. ")
    assert told["any"].endswith("?")
    assert told["named"].startswith("It is booked: ")
