"""What the user asked for, or the acts promise, is told; nothing else is added."""

import pytest

from todserve.corpora.knowledge_file import write_knowledge
from todserve.runtime.knowledge.knowledge_base import (
    Comparison,
    DatabaseResult,
    DomainTable,
    KnowledgeBase,
)
from todserve.runtime.language.dialogue import DialogueAct
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.runtime.reply.completion import Completion, complete
from todserve.runtime.reply.facts import Facts
from todserve.runtime.reply.reply_style import ReplyStyle

PLACE = {
    "name": "Green Door",
    "phone": "01223000111",
    "address": "1 Mill Lane",
    "postcode": "cb11aa",
    "pricerange": "cheap",
}
BOOKED = {"restaurant": {"day": "friday", "time": "18:00", "people": "2"}}
SCHEMA = Schema(
    services=tuple(
        Service(name=name, slots=tuple(Slot(name=slot) for slot in slots))
        for name, slots in (
            ("restaurant", ("name", "day", "time", "people")),
            ("train", ("id", "day", "people")),
        )
    )
)
TABLES = (
    DomainTable(
        domain="restaurant",
        columns=("name", "phone", "address", "postcode", "pricerange", "price"),
        comparisons={"name": Comparison.NAME},
    ),
    DomainTable(
        domain="train",
        columns=("id", "price"),
        comparisons={"id": Comparison.EQUAL},
        order=("id",),
    ),
)


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    path = tmp_path_factory.mktemp("completion") / "knowledge.sqlite"
    write_knowledge(TABLES, {"restaurant": [], "train": []}, path)
    return KnowledgeBase.open(path)


@pytest.fixture
def completed(knowledge: KnowledgeBase) -> "Completing":
    return Completing(knowledge)


class Completing:
    def __init__(self, knowledge: KnowledgeBase) -> None:
        self._knowledge = knowledge
        self._style = ReplyStyle.of(None, SCHEMA, knowledge)

    def __call__(
        self,
        reply: str,
        utterance: str,
        *,
        domain: str = "restaurant",
        entity: dict[str, str] | None = None,
        matches: int = 1,
        acts: tuple[DialogueAct, ...] = (),
        state: dict[str, dict[str, str]] | None = None,
        said: str = "",
    ) -> Completion:
        results = (entity or PLACE,) if matches else ()
        facts = Facts.of(
            domain=domain,
            state=state or {},
            found=DatabaseResult(domain=domain, matches=matches, results=results),
            utterance=utterance,
            said=[said],
            knowledge=self._knowledge,
            schema=SCHEMA,
            style=self._style,
        )
        return complete(reply, facts, acts)


@pytest.mark.parametrize(
    ("utterance", "told"),
    [
        ("what is the phone number?", "the phone number is [value_phone]"),
        ("and their Postcode please", "the postcode is [value_postcode]"),
        (
            "can i get the address, phone number and post code",
            "the phone number is [value_phone], the address is [value_address] and "
            "the postcode is [value_postcode]",
        ),
    ],
)
def test_what_was_asked_for_is_told(completed: Completing, utterance: str, told: str) -> None:
    assert completed("it is nice.", utterance, said="try green door.").text == (
        f"it is nice. {told}."
    )


@pytest.mark.parametrize(
    ("reply", "utterance"),
    [
        ("it is [value_phone].", "phone number?"),
        ("you are welcome.", "thanks, i don't need the phone number"),
        ("it is nice.", "tell me more about it"),
        ("it is [value_pricerange].", "what price range is it?"),
    ],
)
def test_nothing_is_added_without_need(completed: Completing, reply: str, utterance: str) -> None:
    assert completed(reply, utterance, said="green door").text == reply


def test_an_unnamed_place_is_named_beside_its_phone_number(completed: Completing) -> None:
    done = completed("sure.", "phone number please")
    assert done.text == "sure. this is [value_name] and the phone number is [value_phone]."
    assert done.added == ("name", "phone")


def test_what_the_acts_promise_is_told_in_their_own_domain_alone(completed: Completing) -> None:
    promised = (
        DialogueAct(domain="restaurant", act="inform", slot="address"),
        DialogueAct(domain="hotel", act="inform", slot="phone"),
        DialogueAct(domain="restaurant", act="request", slot="postcode"),
    )
    done = completed("[value_name] is nice.", "tell me more", acts=promised)
    assert done.text == "[value_name] is nice. the address is [value_address]."


@pytest.mark.parametrize(
    ("state", "added"),
    [(BOOKED, ("reference",)), ({"restaurant": {"day": "friday", "people": "2"}}, ())],
)
def test_a_reference_needs_everything_a_booking_needs(
    completed: Completing, state: dict[str, dict[str, str]], added: tuple[str, ...]
) -> None:
    done = completed("[value_name] is booked.", "what is the reference number?", state=state)
    assert done.added == added


def test_a_new_booking_says_what_it_is_of_though_the_name_was_told_before(
    completed: Completing,
) -> None:
    told = "Green Door is a restaurant. Shall I book it?"
    reply = "it is booked : [value_reference] ."
    done = completed(reply, "yes, at 18:00", state=BOOKED, said=told)
    assert done.text == f"{reply} the booking is for [value_name]."
    named = "[value_name] is booked : [value_reference] ."
    assert completed(named, "yes, at 18:00", state=BOOKED, said=told).text == named


@pytest.mark.parametrize(
    ("matches", "text"),
    [
        (1, "there is [value_choice]. this is [value_name]."),
        (10, "there is [value_choice]. one of them is [value_name]."),
        (11, "there is [value_choice]."),
    ],
)
def test_one_of_few_matches_is_named(completed: Completing, matches: int, text: str) -> None:
    assert completed("there is [value_choice].", "a cheap one", matches=matches).text == text


def test_a_name_that_was_said_before_is_not_said_again(completed: Completing) -> None:
    done = completed("there is [value_choice].", "a cheap one", said="green door is cheap.")
    assert done.added == ()


def test_nothing_is_told_of_no_entity(completed: Completing) -> None:
    assert completed("sorry.", "phone number?", matches=0).text == "sorry."
    assert completed("sorry.", "phone number?", entity={"name": "x"}, said="x").text == "sorry."


def test_a_price_is_told_of_a_ticket_or_to_who_asks_for_money(completed: Completing) -> None:
    ticket = {"id": "tr1", "price": "10 pounds"}
    told = completed("[value_id] leaves.", "how much is it?", domain="train", entity=ticket)
    assert told.added == ("price",)
    dinner = {"name": "x", "price": "10 pounds"}
    assert completed("[value_name].", "what price range?", entity=dinner).added == ()
    assert completed("[value_name].", "how much is it?", entity=dinner).added == ("price",)


def test_hours_are_told_as_they_are_listed(completed: Completing) -> None:
    pool = {"name": "x", "openhours": "always"}
    told = completed("[value_name].", "when is it open?", entity=pool)
    assert told.added == ("openhours",)
    assert told.text.endswith("[value_openhours].")


def test_who_asks_how_many_there_are_is_told(completed: Completing) -> None:
    told = completed("it is cheap.", "how many are there?", entity={"name": "x"})
    assert "I have found [value_choice] options" in told.text
