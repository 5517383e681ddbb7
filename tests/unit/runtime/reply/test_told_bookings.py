"""What was booked before stays booked: nothing here cancels or changes it, and each is told."""

import pytest

from tests.support.reply_talk import BOOKING, Talk
from todserve.runtime.reply.plain_reply import out_of_scope_reply
from todserve.runtime.reply.reply_stage import Source
from todserve.runtime.reply.told_bookings import ToldBooking, told_bookings

ACORN = "it is booked: acorn guest house. the reference number is aaaaaaa2."
SHADDAI = "it is booked: el shaddai. the reference number is bbbbbbb2."
NIRALA = "i have booked the nirala. your reference number is ccccccc3."
WAY = {"taxi": {"departure": "ely", "destination": "cambridge", "leave": "09:00"}}


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Talk:
    return Talk(tmp_path_factory.mktemp("reply"))


def test_a_booking_is_of_what_its_reply_names_or_was_named_last() -> None:
    hotels = ["el shaddai", "acorn guest house"]
    said = ["acorn guest house is nice.", "done. the reference is aaaaaaa2.", SHADDAI]
    found = told_bookings(
        said, ["", "", ""], lambda text: [("hotel", one) for one in hotels if one in text]
    )
    assert found == (
        ToldBooking(code="aaaaaaa2", domain="hotel", name="acorn guest house"),
        ToldBooking(code="bbbbbbb2", domain="hotel", name="el shaddai"),
    )


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ("what was the reference of the first booking?", "Acorn Guest House is AAAAAAA2"),
        ("and the reference of the second one?", "El Shaddai is BBBBBBB2"),
        ("the reference for the acorn guest house again?", "Acorn Guest House is AAAAAAA2"),
        (
            "give me both reference numbers",
            "Acorn Guest House is AAAAAAA2 and the reference number for El Shaddai is BBBBBBB2",
        ),
        (
            "how many bookings do i have now?",
            "Acorn Guest House is AAAAAAA2 and the reference number for El Shaddai is BBBBBBB2",
        ),
    ],
)
def test_the_reference_of_the_booking_that_is_asked_for_is_told(
    talk: Talk, user: str, told: str
) -> None:
    facts = talk.facts("hotel", BOOKING, user=user, said=[ACORN, SHADDAI], intent="book_hotel")
    sent = talk.chosen("it is [value_reference].", facts, intent="book_hotel")
    assert sent.candidate.source is Source.PLAIN
    assert sent.candidate.filled.text == f"The reference number for {told}."


@pytest.mark.parametrize(
    "user", ["cancel it", "i don't need the room any more", "call it off", "unbook the hotel"]
)
def test_what_is_booked_is_not_said_to_be_cancelled(talk: Talk, user: str) -> None:
    facts = talk.facts("hotel", {}, user=user, said=[NIRALA, ACORN], before=BOOKING)
    sent = talk.chosen("ok, i have cancelled it for you.", facts)
    assert sent.candidate.filled.text == (
        "I cannot cancel what is booked: Acorn Guest House, reference number AAAAAAA2. "
        "The phone number of Acorn Guest House is 01223353888."
    )


def test_who_cancels_without_a_name_hears_of_all_that_is_booked(talk: Talk) -> None:
    both = {**BOOKING, "restaurant": {"name": "the nirala"}}
    for user in ("cancel it", "i didn't ask you to book that"):
        facts = talk.facts("hotel", both, user=user, said=[NIRALA, ACORN], before=both)
        text = talk.chosen("ok, it is cancelled.", facts).candidate.filled.text
        assert "the Nirala, reference number CCCCCCC3" in text
        assert "Acorn Guest House, reference number AAAAAAA2" in text


@pytest.mark.parametrize(
    "user",
    ["cancel my booking", "what is my reference", "did you book it", "what have i booked so far"],
)
def test_who_speaks_of_a_booking_where_there_is_none_is_told_so(talk: Talk, user: str) -> None:
    facts = talk.facts("", {}, user=user)
    assert talk.chosen("hello.", facts).candidate.filled.text.startswith("Nothing is booked yet.")
    assert out_of_scope_reply(facts).startswith("nothing is booked yet.")


def test_a_reference_is_told_though_the_question_was_taken_for_nobodys(talk: Talk) -> None:
    facts = talk.facts("hotel", {}, user="what was my reference", said=[ACORN])
    said = talk.stage.plain(out_of_scope_reply(facts), facts).filled.text
    assert "AAAAAAA2" in said
    assert "I can only" not in said


def test_who_asks_for_a_reference_books_nothing_by_it(talk: Talk) -> None:
    said = ["i have found 2."]
    facts = talk.facts("hotel", BOOKING, user="whats the ref", said=said, intent="find_hotel")
    text = talk.chosen("the [value_reference].", facts, intent="find_hotel").candidate.filled.text
    assert text == "Nothing is booked yet. Shall I book it?"
    again = talk.facts("hotel", BOOKING, user="my ref?", said=[*said, text], intent="find_hotel")
    assert again.seeks_booking


def test_what_stands_behind_an_earlier_reply_is_not_said_as_if_it_were_a_name(talk: Talk) -> None:
    facts = talk.facts("hotel", MOVED, user="on friday", said=[ACORN], before=BOOKING)
    text = "it is booked: the earlier booking stands as well: [value_reference]."
    assert "garbled" in talk.candidate(text, facts).strikes


def test_a_taxi_that_was_sent_is_something_booked(talk: Talk) -> None:
    sent = "i have booked you a red skoda."
    assert not talk.facts("taxi", {}, user="what is my reference", said=[sent]).seeks_booking


def test_who_gives_up_one_thing_for_another_hears_of_both(talk: Talk) -> None:
    state = {"restaurant": {"name": "the nirala"}}
    user = "forget the hotel, what about the nirala?"
    facts = talk.facts("restaurant", state, user=user, said=[ACORN], before=BOOKING)
    sent = talk.chosen("[value_name] is in the [value_area].", facts)
    text = talk.stage.with_kept(sent, facts).candidate.filled.text
    assert text.startswith("I cannot cancel what is booked: Acorn Guest House")
    assert text.endswith("The Nirala is in the north.")


def test_nothing_is_cancelled_where_nothing_is_booked(talk: Talk) -> None:
    facts = talk.facts("hotel", {"hotel": {}}, user="cancel my booking")
    sent = talk.chosen("i have cancelled it for you.", facts)
    assert sent.candidate.filled.text.startswith("Nothing is booked yet.")


BOOKS = "i have booked [value_name]. the reference number is [value_reference]."
MOVED = {"hotel": {**BOOKING["hotel"], "day": "friday"}}


@pytest.mark.parametrize(
    ("user", "stands"), [("make it friday instead", True), ("another room for friday too", False)]
)
def test_a_booking_made_otherwise_is_a_new_one_beside_the_earlier(
    talk: Talk, user: str, stands: bool
) -> None:
    facts = talk.facts("hotel", MOVED, user=user, said=[ACORN], before=BOOKING, intent="book_hotel")
    said = talk.candidate(BOOKS, facts)
    assert said.holds
    assert ("The earlier booking stands as well" in said.filled.text) is stands


def test_a_change_that_books_nothing_leaves_what_is_booked(talk: Talk) -> None:
    facts = talk.facts("hotel", MOVED, user="make it friday", said=[ACORN], before=BOOKING)
    said = talk.candidate("sure, anything else?", facts)
    assert "What is booked stays as it was" in said.filled.text


def test_a_taxi_that_was_sent_is_not_called_back(talk: Talk) -> None:
    facts = talk.facts("taxi", WAY, user="a taxi from ely to cambridge at 9")
    sent = talk.candidate("i have booked a [value_car], [value_phone].", facts).filled.text
    gone = talk.facts("taxi", {}, user="cancel the taxi", said=[sent], before=WAY)
    said = talk.chosen("ok, no problem.", gone).candidate.filled.text
    assert said.startswith("I cannot cancel what is booked: ")
    assert facts.row["phone"] in said


def test_who_says_to_book_it_wants_it_booked_whatever_the_intent(talk: Talk) -> None:
    facts = talk.facts("hotel", BOOKING, user="book that too", intent="find_hotel")
    assert talk.candidate(BOOKS, facts).holds


def test_who_cancels_books_nothing(talk: Talk) -> None:
    user = "cancel the second one"
    facts = talk.facts("hotel", MOVED, user=user, said=[ACORN], before=BOOKING, intent="book_hotel")
    assert "booking" in talk.candidate(BOOKS, facts).strikes


def test_who_asks_for_the_reference_after_a_change_books_nothing_anew(talk: Talk) -> None:
    user = "what is my booking reference?"
    facts = talk.facts("hotel", MOVED, user=user, said=[ACORN], before=MOVED, intent="book_hotel")
    sent = talk.chosen(BOOKS, facts, intent="book_hotel").candidate.filled.text
    assert sent == "The reference number for Acorn Guest House is AAAAAAA2."


def test_who_needs_no_table_and_asks_something_is_answered(talk: Talk) -> None:
    user = "i do not need a room right now, but what is the postcode?"
    facts = talk.facts("hotel", {"hotel": {"name": "el shaddai"}}, user=user)
    assert talk.candidate("[value_name] has the postcode [value_postcode].", facts).holds
