"""Repairs, the entity at hand, bookings' references, and the choice among several replies."""

import pytest

from tests.support.reply_talk import BOOKING, Talk
from todserve.runtime.language.dialogue import DialogueAct
from todserve.runtime.language.formats import placeholders
from todserve.runtime.reply.plain_reply import doubtful_reply, out_of_scope_reply, plain_reply
from todserve.runtime.reply.reply_stage import Source, Start


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Talk:
    return Talk(tmp_path_factory.mktemp("reply"))


@pytest.mark.parametrize(
    ("domain", "state", "reply", "text"),
    [
        ("hotel", {}, "i have [value_choice] guesthouses.", "I have 3 places to stay."),
        ("hotel", {}, "i have [value_choice] [value_type].", "I have 3 places to stay."),
        (
            *("hotel", {"hotel": {"type": "guesthouse"}}),
            *("i have [value_choice] [value_type].", "I have 2 guesthouses."),
        ),
        (
            *("hotel", {"hotel": {"pricerange": "cheap"}}),
            "i have [value_choice] [value_pricerange] places in the [value_area].",
            "I have 2 cheap places.",
        ),
        (
            *("restaurant", {"restaurant": {"area": "west", "food": "italian"}}),
            "i am sorry, there are no [value_food] restaurants.",
            "I am sorry, there are no Italian restaurants that meet all your criteria.",
        ),
        (
            *("restaurant", {"restaurant": {"food": "thai"}}),
            "there are no [value_food] restaurants in the [value_area].",
            "There are no Thai restaurants.",
        ),
    ],
)
def test_a_claim_about_many_is_widened_until_it_is_true_of_all(
    talk: Talk, domain: str, state: dict[str, dict[str, str]], reply: str, text: str
) -> None:
    said = talk.candidate(reply, talk.facts(domain, state))
    assert said.filled.text.startswith(text)
    assert said.holds
    assert said.repaired or said.filled.fillings


def test_a_part_of_what_was_found_is_counted(talk: Talk) -> None:
    reply = "i have [value_choice]. [value_choice] is [value_pricerange] and [value_choice] is "
    said = talk.candidate(f"{reply}[value_pricerange].", talk.facts())
    assert said.filled.text.startswith("I have 3. 1 is moderately priced and 2 are cheap.")
    assert said.holds


def test_what_the_last_reply_named_is_spoken_of(talk: Talk) -> None:
    facts = talk.facts(user="where is it?", said=["i have the cambridge belfry for you."])
    assert talk.candidate("it is at [value_address].", facts).filled.text == (
        "It is at Back Lane, Cambourne."
    )


def test_another_one_is_one_that_was_not_named(talk: Talk) -> None:
    facts = talk.facts(user="a different one please", said=["acorn guest house is nice."])
    assert "Acorn" not in talk.candidate("try [value_name].", facts).filled.text


def test_a_booking_keeps_its_reference_when_wishes_come_later(talk: Talk) -> None:
    reply = "booked. the reference number is [value_reference]."
    first = talk.candidate(reply, talk.facts("hotel", BOOKING)).filled.text
    assert first.startswith(sent := first.split(". This is")[0])
    later = {"hotel": {**BOOKING["hotel"], "name": "acorn guest house", "internet": "yes"}}
    facts = talk.facts("hotel", later, user="what was my reference?", said=[first])
    assert talk.candidate(reply, facts).filled.text == f"{sent}."


def test_another_booking_has_another_reference(talk: Talk) -> None:
    reply = "booked. the reference number is [value_reference]."
    other = {"hotel": {**BOOKING["hotel"], "day": "friday"}}
    texts = {
        talk.candidate(reply, talk.facts("hotel", state)).filled.text for state in (BOOKING, other)
    }
    assert len(texts) == 2


def told(
    talk: Talk, reply: str = "i have booked it. the reference number is [value_reference]."
) -> str:
    return talk.candidate(reply, talk.facts("hotel", BOOKING)).filled.text


MOVED = {"hotel": {**BOOKING["hotel"], "day": "friday"}}
REFERENCE = [DialogueAct(domain="hotel", act="book", slot="reference")]


@pytest.mark.parametrize(
    ("reply", "struck"),
    [
        ("yes, i will book it now. the reference number is [value_reference].", True),
        ("the reference number is [value_reference].", True),
        ("i have booked it. the reference number is [value_reference].", False),
    ],
)
def test_a_changed_booking_has_a_new_reference_only_beside_words_of_booking(
    talk: Talk, reply: str, struck: bool
) -> None:
    facts = talk.facts("hotel", MOVED, said=[told(talk)], intent="book_hotel")
    assert ("reference" in talk.candidate(reply, facts).strikes) is struck


def test_a_reference_without_words_of_booking_gives_way_to_a_plain_sentence(talk: Talk) -> None:
    facts = talk.facts("hotel", MOVED, said=[told(talk)], intent="book_hotel")
    reply = "yes, i will book it now. the reference number is [value_reference]."
    sent = talk.chosen(reply, facts, acts=REFERENCE, intent="book_hotel")
    assert sent.candidate.filled.text.startswith("It is booked: Acorn Guest House. The reference")


def test_a_reference_that_was_promised_is_added_with_words_of_booking(talk: Talk) -> None:
    facts = talk.facts("hotel", MOVED, said=[told(talk)], intent="book_hotel")
    said = talk.candidate("sure, [value_name].", facts, REFERENCE)
    assert said.filled.text.startswith(
        "Sure, Acorn Guest House. It is booked and the reference number is "
    )
    assert said.holds


@pytest.mark.parametrize("booked", [False, True])
def test_no_reference_is_told_to_a_user_who_wants_and_asks_none(talk: Talk, booked: bool) -> None:
    said = ["the reference number is aaaaaaa1."] if booked else []
    facts = talk.facts("hotel", BOOKING, user="other days?", said=said, intent="find_hotel")
    reply = "[value_name] is free. the reference number is [value_reference]."
    assert talk.candidate("[value_name] is free.", facts, REFERENCE).completed == ()
    sent = talk.chosen(reply, facts, acts=REFERENCE, intent="find_hotel")
    assert sent.rules == ("booking", "reference")
    assert "reference" not in sent.candidate.filled.text


def test_a_booking_keeps_its_reference_when_its_name_is_taken_back(talk: Talk) -> None:
    named = {"hotel": {**BOOKING["hotel"], "name": "the cambridge belfry"}}
    named["hotel"].pop("area")
    facts = talk.facts("hotel", named, intent="book_hotel")
    reply = "i have booked [value_name]. the reference number is [value_reference]."
    first = talk.candidate(reply, facts).filled.text
    asked = talk.facts("hotel", BOOKING, user="my reference?", said=[first], intent="find_hotel")
    assert asked.row["name"] == "acorn guest house"
    sent = talk.candidate("here it is.", asked, REFERENCE).filled.text
    assert sent.split(" ")[-1] == first.split(" ")[-1]


def test_what_is_booked_like_another_one_before_it_has_a_reference_of_its_own(talk: Talk) -> None:
    first = told(talk)
    both = {"hotel": {**BOOKING["hotel"], "stars": "4"}}
    both["hotel"].pop("area")
    said = [first, "the cambridge belfry is nice too."]
    anew = talk.facts("hotel", both, user="book it too", said=said, intent="book_hotel")
    assert (anew.row["name"], anew.reference) == ("the cambridge belfry", None)
    asked = talk.facts("hotel", both, user="my reference?", said=said, intent="find_hotel")
    assert asked.booked_name == "acorn guest house"
    beside_another = "[value_name] has the reference number [value_reference]."
    assert talk.candidate(beside_another, asked).strikes == ("reference",)


def test_a_first_reply_that_holds_and_names_is_sent_without_another_call(talk: Talk) -> None:
    facts = talk.facts("hotel", {"hotel": {"area": "north"}})
    first = talk.candidate("[value_name] is in the north.", facts)
    assert talk.stage.variations(first, facts) == ()
    sent = talk.stage.chosen(first, [], facts, (), intent=None)
    assert (sent.candidate, sent.rules) == (first, ())


def test_a_train_without_its_id_gives_way_to_one_with_it(talk: Talk) -> None:
    state = {"train": {"departure": "ely", "destination": "cambridge", "day": "monday"}}
    facts = talk.facts("train", state)
    count, named = "i have [value_choice] trains.", "[value_id] leaves at [value_leave]."
    first = talk.candidate(count, facts)
    assert [(one.start, one.forced) for one in talk.stage.variations(first, facts)] == [
        (Start.NAMED, "[value_id]")
    ]
    sent = talk.chosen(count, facts, named)
    assert sent.candidate.filled.text == "TR0994 leaves at 05:35."
    assert sent.rules == ("unnamed",)


def test_a_name_alone_does_not_displace_what_was_asked_for(talk: Talk) -> None:
    state = {"train": {"departure": "ely", "destination": "cambridge", "day": "monday"}}
    sent = talk.chosen("it takes [value_time].", talk.facts("train", state), "[value_id] it is.")
    assert sent.candidate.filled.text == "It takes 17 minutes."


def test_the_first_alternative_that_holds_is_sent(talk: Talk) -> None:
    facts = talk.facts("hotel", {"hotel": {"area": "north"}}, user="any?")
    sent = talk.chosen(
        "there are none.",
        facts,
        "[value_name] is expensive.",
        "[value_name] is [value_pricerange].",
    )
    assert sent.candidate.filled.text == "Acorn Guest House is moderately priced."
    assert sent.rules == ("none",)


def test_where_nothing_holds_the_look_up_speaks(talk: Talk) -> None:
    facts = talk.facts("hotel", {"hotel": {"area": "north"}}, user="any?")
    sent = talk.chosen("there are none.", facts, "it is expensive.")
    assert sent.candidate.source is Source.PLAIN
    assert sent.candidate.filled.text == (
        "I have found Acorn Guest House. Is there anything else I can do for you?"
    )


def test_a_booking_that_can_be_made_is_made_or_asked_for(talk: Talk) -> None:
    refused = "i am sorry, i was unable to book that."
    made = talk.chosen(refused, talk.facts("hotel", BOOKING), intent="book_hotel")
    assert made.candidate.filled.text.startswith("It is booked: Acorn Guest House. The reference")
    incomplete = {"hotel": {"area": "north", "day": "monday", "stay": "2"}}
    claim = "i have booked it. your reference number is [value_reference]."
    asked = talk.chosen(claim, talk.facts("hotel", incomplete), intent="book_hotel")
    assert asked.candidate.filled.text == "For how many people?"
    assert set(asked.rules) >= {"booking", "reference"}


def test_a_plain_sentence_asks_what_the_acts_ask(talk: Talk) -> None:
    acts = [DialogueAct(domain="hotel", act="request", slot="area")]
    said = plain_reply(talk.facts(), acts, books=False)
    assert said.endswith("which part of town would you like?")


@pytest.mark.parametrize(
    ("domain", "state", "books"),
    [
        (None, {}, False),
        ("hotel", {}, False),
        ("hotel", {"hotel": {"area": "south"}}, False),
        ("hotel", {"hotel": {"area": "north"}}, True),
        ("hotel", BOOKING, True),
        ("attraction", {"attraction": {"area": "east"}}, True),
        ("train", {"train": {"departure": "ely"}}, False),
        ("taxi", {"taxi": {"destination": "ely"}}, False),
        ("taxi", {"taxi": {"destination": "a", "departure": "b", "arrive": "09:00"}}, True),
        ("police", {}, False),
    ],
)
def test_plain_sentences_hold(
    talk: Talk, domain: str | None, state: dict[str, dict[str, str]], books: bool
) -> None:
    facts = talk.facts(domain, state)
    said = talk.candidate(plain_reply(facts, [], books=books), facts)
    assert said.filled.text
    assert said.strikes == ()


def test_outside_every_service_it_says_what_it_can_do_and_goes_back(talk: Talk) -> None:
    facts = talk.facts("hotel", {"hotel": {"area": "north"}}, user="will it rain?")
    said = out_of_scope_reply(facts)
    assert "restaurants" in said
    assert "trains" in said
    assert said.endswith("Shall we go on with the place to stay?")
    assert placeholders(said) == ()
    assert not out_of_scope_reply(talk.facts(None)).endswith("?")


def test_a_doubtful_value_is_asked_for(talk: Talk) -> None:
    said = doubtful_reply(talk.facts(), "hotel", "day")
    assert said == "I am not sure that I understood that. from which day?"


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("[value_id] leaves at [value_leave].", True),
        ("[value_id] trains that day.", False),
        ("[value_id]", True),
    ],
)
def test_a_sentence_made_to_begin_with_a_name_must_go_on_as_one_does(
    talk: Talk, text: str, sound: bool
) -> None:
    assert talk.style.goes_on(text, "[value_id]") is sound
    assert talk.style.goes_on(text, "")


def test_a_second_service_of_the_same_breath_is_answered_behind_the_reply(talk: Talk) -> None:
    state = {"hotel": {"area": "north"}, "restaurant": {"food": "italian", "area": "centre"}}
    first = talk.chosen("[value_name] is in the north.", talk.facts("hotel", state))
    both = talk.stage.with_another(first, talk.facts("restaurant", state))
    assert both.candidate.filled.text == (
        "Acorn Guest House is in the north. As for the restaurant: I have found 2 restaurants. "
        "One of them is Ask Restaurant."
    )
    assert placeholders(both.candidate.delexicalised) == ("name",)
    assert both.rules == ("beside",)
    state["restaurant"]["food"] = "thai"
    none = talk.stage.with_another(first, talk.facts("restaurant", state))
    assert "I have found no restaurant that meets all your wishes." in none.candidate.filled.text


def test_where_nobody_knows_which_one_is_meant_it_asks(talk: Talk) -> None:
    facts = talk.facts("hotel", {}, user="what is the postcode?")
    sent = talk.chosen("it is [value_postcode].", facts)
    assert sent.candidate.filled.text == "Which one do you mean?"
    named = talk.facts("hotel", {}, user="and the postcode?", said=["try acorn guest house."])
    assert talk.chosen("it is [value_postcode].", named).candidate.filled.text == "It is CB4 1DA."
