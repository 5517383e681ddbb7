"""Every rule of the reply stage: what it strikes, and what is like it and holds."""

import pytest

from tests.support.reply_talk import BOOKING, Talk
from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.reply.reply_rules import RULES
from todserve.runtime.reply.reply_stage import Source


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Talk:
    return Talk(tmp_path_factory.mktemp("reply"))


Case = tuple[str, str, BeliefState, str, str]
"""Rule, domain, state, utterance, reply."""

STRUCK: tuple[Case, ...] = (
    ("empty", "hotel", {}, "hello", ""),
    ("unfilled", "hotel", {}, "a party", "i have your [value_people] guesthouse."),
    ("unfilled", "hotel", {}, "rain?", "it will be around [value_humidity] percent."),
    # One hotel is cheap; none is expensive.
    ("none", "hotel", {}, "cheap ones?", "i am sorry, there are no cheap hotels."),
    ("none", "hotel", {}, "any?", "there are none."),
    (
        *("none", "hotel", {"hotel": {"pricerange": "cheap"}}, "and another?"),
        "i am sorry, there are no [value_pricerange] [value_type].",
    ),
    ("none", "hotel", {"hotel": {"area": "north"}}, "and?", "i do not have any in the north."),
    ("none", "hotel", {"hotel": {"area": "north"}}, "is there one?", "no, i am sorry."),
    ("refusal", "hotel", BOOKING, "book it", "i am sorry, i was unable to book that."),
    ("refusal", "hotel", BOOKING, "book it", "there are no rooms available for that day."),
    (
        *("refusal", "hotel", BOOKING, "book it"),
        "the booking was unsuccessful. the reference number is [value_reference].",
    ),
    ("count", "hotel", {}, "hotels", "there are 33 places to stay."),
    ("count", "hotel", {}, "hotels", "i have seven places to stay."),
    ("kind", "hotel", {"hotel": {"area": "west"}}, "lunch", "i have [value_choice] restaurants."),
    ("kind", "hotel", {"hotel": {"area": "south"}}, "lunch", "there are no restaurants."),
    ("kind", "hotel", {"hotel": {"area": "west"}}, "any?", "[value_name] is a place to dine."),
    ("shared", "hotel", {}, "hotels", "all of them are cheap."),
    ("shared", "hotel", {}, "hotels", "i have [value_choice] places with free parking."),
    ("some", "hotel", {}, "hotels", "there are several moderate places."),
    ("row", "hotel", {"hotel": {"name": "el shaddai"}}, "is it dear?", "it is expensive."),
    ("row", "hotel", {"hotel": {"name": "acorn"}}, "more?", "[value_name] has free parking."),
    ("row", "hotel", {"hotel": {"name": "acorn"}}, "does it have parking?", "yes, it does."),
    ("row", "hotel", {"hotel": {"name": "el shaddai"}}, "is there wifi?", "no, i am sorry."),
    (
        *("row", "hotel", {"hotel": {"name": "el shaddai"}}, "cheap?"),
        "no, it is not in the [value_pricerange] range.",
    ),
    (
        *("booking", "hotel", {"hotel": {"area": "north", "day": "monday"}}, "book it"),
        "i have booked [value_name] for you.",
    ),
    (
        *("booking", "hotel", BOOKING, "book it"),
        "would you like me to book it for you? it is booked. the reference is [value_reference].",
    ),
    ("booking", "attraction", {}, "book it", "i have booked it for you."),
    ("booking", "taxi", {"taxi": {"destination": "ely"}}, "a taxi", "it is a [value_car]."),
    (
        *("reference", "hotel", {"hotel": {"area": "north"}}, "the number?"),
        "the reference number is [value_reference].",
    ),
    ("undone", "hotel", BOOKING, "more people", "ok, i have updated your reservation."),
    ("undone", "hotel", {}, "cancel it", "ok, no problem."),
    ("venue", "hotel", {"hotel": {"area": "north"}}, "where?", "try the cambridge belfry."),
    ("invented", "train", {}, "when?", "it leaves at 10:17."),
    ("invented", "hotel", {"hotel": {"area": "north"}}, "phone?", "call 01223999999."),
    ("which", "hotel", {}, "what is the phone number?", "it is [value_phone]."),
    (
        "count",
        "hotel",
        {},
        "more?",
        "i have [value_choice]. [value_choice] have [value_internet] wifi and the other is nice.",
    ),
    (
        "row",
        "restaurant",
        {"restaurant": {"name": "the nirala"}},
        "parking?",
        "yes, there is parking.",
    ),
    ("garbled", "hotel", {}, "more?", "i have [value_name] and el shaddai. postcode c. b 2."),
    ("row", "restaurant", {"restaurant": {"food": "thai"}}, "thai?", "it has [value_food] food."),
    ("nowhere", "hotel", {"hotel": {"name": "hilton"}}, "the hilton", "for how many nights?"),
    (
        *("answer", "restaurant", {"restaurant": {"name": "the nirala", "food": "thai"}}),
        *("does it serve thai food?", "yes, it does."),
    ),
    ("answer", "hotel", {"hotel": {"name": "el shaddai"}}, "is it expensive?", "yes, it is."),
    ("answer", "hotel", {"hotel": {"name": "el shaddai"}}, "is it cheap?", "no, it is not."),
    (
        *("unknown", "hotel", {"hotel": {"name": "el shaddai"}}, "the phone number?"),
        "i do not have that information. it is [value_phone].",
    ),
    ("garbled", "hotel", {}, "all of them?", "both are."),
    ("garbled", "hotel", {}, "help", "i know hotels, taxis, trains, taxis, and more."),
    ("shared", "hotel", {"hotel": {"name": "acorn"}}, "and these?", "they both have wifi."),
    ("untold", "hospital", {"hospital": {"department": "cardiology"}}, "my heart", "i can help."),
    ("helpless", "hotel", {"hotel": {"area": "north"}}, "north", "i am sorry, i cannot help you."),
    ("garbled", "hotel", {"hotel": {"area": "north"}}, "?", "it is it is nice nice."),
)

HOLDS: tuple[Case, ...] = (
    ("none", "hotel", {}, "dear ones?", "there are no expensive hotels."),
    ("none", "hotel", {"hotel": {"area": "south"}}, "any?", "there are no hotels in the south."),
    ("none", "hotel", {}, "hotels", "would you like one if there are no cheap ones?"),
    ("refusal", "hotel", BOOKING, "book it", "would you like to book another day?"),
    ("count", "hotel", {}, "hotels", "i have [value_choice] places to stay."),
    ("count", "hotel", {}, "hotels", "there are 3 places to stay."),
    ("count", "hotel", BOOKING, "book", "[value_name] is for [value_people] people."),
    (
        *("shared", "hotel", {"hotel": {"pricerange": "cheap"}}, "cheap"),
        "i have [value_choice] cheap places with free parking.",
    ),
    ("some", "hotel", {}, "hotels", "there are several cheap places."),
    ("row", "hotel", {"hotel": {"name": "acorn"}}, "more?", "[value_name] has no parking."),
    ("row", "hotel", {"hotel": {"name": "acorn"}}, "does it have parking?", "no, it does not."),
    ("row", "hotel", {"hotel": {"name": "el shaddai"}}, "dear?", "it is not expensive."),
    ("which", "hotel", {"hotel": {"area": "north"}}, "phone?", "it is [value_phone]."),
    ("row", "hotel", {"hotel": {"name": "acorn"}}, "a bed", "[value_name] is moderate."),
    (
        *("booking", "hotel", BOOKING, "book it"),
        "i have booked [value_name]. the reference number is [value_reference].",
    ),
    (
        *("booking", "hotel", BOOKING, "book it"),
        "i have booked it. the reference is [value_reference]. shall i book a taxi for you?",
    ),
    (
        *("booking", "taxi", {"taxi": {"destination": "ely", "departure": "x", "leave": "09:00"}}),
        *("a taxi", "i have booked a [value_car]."),
    ),
    ("venue", "hotel", {}, "is the cambridge belfry any good?", "the cambridge belfry is nice."),
    ("invented", "train", {"train": {"leave": "10:17"}}, "when?", "nothing before 10:17, then."),
    ("unfilled", "attraction", {"attraction": {"area": "east"}}, "fee?", "it is [value_fee]."),
)


def struck(talk: Talk, domain: str, state: BeliefState, user: str, reply: str) -> set[str]:
    facts = talk.facts(domain, state, user=user, understood=True)
    return set(talk.candidate(reply, facts).strikes)


@pytest.mark.parametrize(("rule", "domain", "state", "user", "reply"), STRUCK)
def test_what_the_facts_do_not_bear_out_is_struck(
    talk: Talk, rule: str, domain: str, state: BeliefState, user: str, reply: str
) -> None:
    assert rule in struck(talk, domain, state, user, reply)


@pytest.mark.parametrize(("rule", "domain", "state", "user", "reply"), HOLDS)
def test_what_the_facts_bear_out_holds(
    talk: Talk, rule: str, domain: str, state: BeliefState, user: str, reply: str
) -> None:
    assert struck(talk, domain, state, user, reply) == set()


def test_every_rule_has_a_case() -> None:
    assert {rule for rule, *_ in STRUCK} | {"only", "rank"} == set(RULES)


def test_the_only_one_there_is_is_no_other(talk: Talk) -> None:
    said = ["el shaddai is in the centre."]
    state = {"hotel": {"area": "centre"}}
    facts = talk.facts("hotel", state, user="is there another one?", said=said, intent="find_hotel")
    assert talk.candidate("how about [value_name]?", facts).strikes == ("only",)
    sent = talk.chosen("how about [value_name]?", facts, intent="find_hotel")
    assert sent.candidate.filled.text.startswith("That is the only place to stay that meets all")


ROUTE = {"train": {"departure": "ely", "destination": "cambridge", "day": "monday"}}


@pytest.mark.parametrize(
    ("user", "said", "leaves"),
    [
        ("what is the last train?", "", "greatest"),
        ("and the first one?", "", "least"),
        ("is there a later one?", "least", "above"),
        ("an earlier train please", "greatest", "below"),
    ],
)
def test_a_train_is_found_by_its_place_among_the_others(
    talk: Talk, user: str, said: str, leaves: str
) -> None:
    trains = sorted(
        talk.knowledge.query("train", ROUTE["train"]).results, key=lambda row: row["leave"]
    )
    wanted = {"least": 0, "greatest": -1, "above": 1, "below": -2}
    assert len({row["leave"] for row in trains}) == len(trains) > 2
    before = [f"how about the {trains[wanted[said]]['id']} train?"] if said else []
    facts = talk.facts("train", ROUTE, user=user, said=before, intent="find_train")
    assert facts.row["id"] == trains[wanted[leaves]]["id"]


def test_the_train_that_was_booked_is_spoken_of_after_it(talk: Talk) -> None:
    booking = {"train": {**ROUTE["train"], "people": "2"}}
    last = talk.facts("train", booking, user="book the last train", intent="book_train")
    booked = talk.candidate("booked. the reference number is [value_reference].", last)
    said = ["how about another train?", booked.filled.text]
    facts = talk.facts("train", booking, user="when does it leave?", said=said, intent="find_train")
    assert facts.row["id"] == last.row["id"] != talk.facts("train", booking).row["id"]


def test_there_is_nothing_later_than_the_last_train(talk: Talk) -> None:
    facts = talk.facts("train", ROUTE, user="the last train?", intent="find_train")
    before = [f"{facts.row['id']} is the last one."]
    later = talk.facts("train", ROUTE, user="a later one?", said=before, intent="find_train")
    sent = talk.chosen("[value_id] leaves at [value_leave].", later, intent="find_train")
    assert sent.rules == ("rank",)
    assert sent.candidate.filled.text.startswith("I have found no train that is later and meets")


def test_where_nothing_was_understood_it_says_what_it_can_do(talk: Talk) -> None:
    facts = talk.facts("hotel", {"hotel": {"area": "north"}}, user="sing a song")
    sent = talk.chosen("i am sorry, i can only help with hotels and taxis.", facts)
    assert sent.rules == ("helpless",)
    assert sent.candidate.filled.text.startswith("I can help you with things to see, places")
    assert sent.candidate.filled.text.endswith("Shall we go on with the place to stay?")


@pytest.mark.parametrize(
    ("domain", "slots", "user", "reply", "text"),
    [
        (
            *("hotel", {"name": "acorn guest house"}, "is breakfast included?", "yes it is."),
            "That I do not know. The phone number of Acorn Guest House is 01223353888.",
        ),
        (
            *("train", {"destination": "cambridge"}, "which platform?", "it is [value_price]."),
            "That I do not know.",
        ),
        (
            *("hotel", {"name": "acorn guest house", "area": "south"}),
            *("is the acorn guest house in the south?", "yes, it is in the [value_area]."),
            "This is Acorn Guest House. It is in the north.",
        ),
        (
            *("hotel", {"name": "acorn guest house", "parking": "yes"}),
            *("does acorn guest house have parking?", "yes, it has free parking."),
            "This is Acorn Guest House. It does not have parking.",
        ),
        (
            *("hotel", {"name": "the hilton"}, "a room at the hilton", "for which day?"),
            "I know no place to stay called the Hilton. Shall I look for something else?",
        ),
    ],
)
def test_a_question_is_answered_by_what_is_known_or_not_at_all(
    talk: Talk, domain: str, slots: dict[str, str], user: str, reply: str, text: str
) -> None:
    facts = talk.facts(domain, {domain: slots}, user=user, intent=f"find_{domain}")
    sent = talk.chosen(reply, facts, intent=f"find_{domain}")
    assert sent.candidate.source is Source.PLAIN
    assert sent.candidate.filled.text == text


def test_who_asks_what_was_booked_is_told(talk: Talk) -> None:
    facts = talk.facts("hotel", BOOKING, user="how many people is it for?", intent="find_hotel")
    sent = talk.chosen("it is a nice place.", facts, intent="find_hotel")
    assert sent.rules == ("untold",)
    told = "What I have: Acorn Guest House, on Monday, for 2 nights and for 3 people."
    assert sent.candidate.filled.text == told


def test_a_named_place_is_spoken_of_though_an_older_wish_denies_it(talk: Talk) -> None:
    state = {"hotel": {"area": "west", "name": "acorn guest house"}}
    facts = talk.facts("hotel", state, user="and the acorn guest house?")
    assert facts.matches == 1
    assert facts.denied == ("area",)
    said = talk.candidate("[value_name] is in the [value_area].", facts)
    assert said.filled.text == "Acorn Guest House is in the north."
    assert said.holds


def test_who_asks_something_else_has_booked_nothing(talk: Talk) -> None:
    facts = talk.facts("hotel", BOOKING, user="is there one at all?", intent="find_hotel")
    reply = "yes, i was able to book [value_name]. your reference number is [value_reference]."
    sent = talk.chosen(reply, facts, intent="find_hotel")
    assert "booking" in sent.rules
    assert "reference" not in sent.candidate.filled.text


def test_it_can_be_of_no_help_and_help_in_one_reply_is_struck(talk: Talk) -> None:
    facts = talk.facts("police", {}, user="the number of the police?")
    both = "i did not understand that. the phone number is [value_phone]."
    assert talk.candidate(both, facts).strikes == ("helpless",)
