from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.venues import SCHEMA, open_venues
from todserve.corpora.knowledge_file import write_knowledge
from todserve.runtime.knowledge.delexicalisation import Delexicaliser
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.phrases import PhraseIndex
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.runtime.language.text import normalise
from todserve.runtime.language.word_forms import WordForms

ENGLISH = WordForms.of_language()


@pytest.fixture(scope="module")
def delexicaliser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delexicaliser]:
    opened = open_venues(tmp_path_factory.mktemp("venues"))
    yield Delexicaliser(opened, SCHEMA)
    opened.close()


TRAIN = {"train": {"departure": "ely", "destination": "cambridge", "people": "3"}}


@pytest.mark.parametrize(
    ("domain", "text", "expected"),
    [
        (
            "train",
            "tr0755 leaves at 07:35 on monday",
            "[value_id] leaves at [value_leave] on [value_day]",
        ),
        (
            "train",
            "it departs ely at 5:35 and arrives in cambridge at 05:52.",
            "it departs [value_departure] at [value_leave] and arrives in [value_destination] "
            "at [value_arrive].",
        ),
        (
            "train",
            "3 tickets booked, the total is 13.20 pounds. the reference number is 4fx2qz1b.",
            "[value_people] tickets booked, the total is [value_price]. the reference number is "
            "[value_reference].",
        ),
        (
            "train",
            "your reference number is abcdefgh.",
            "your reference number is [value_reference].",
        ),
        (
            "train",
            "the trip takes 17 minutes. there are 12 trains from ely to cambridge.",
            "the trip takes [value_time]. there are [value_choice] trains from [value_departure] "
            "to [value_destination].",
        ),
        ("train", "thanks for using cambridge towninfo centre", None),
        (
            "hotel",
            "the cambridge belfry is a 4 star hotel in the west, back lane, cambourne, cb23 6bw.",
            "[value_name] is a [value_stars] star [value_type] in the [value_area], "
            "[value_address], [value_postcode].",
        ),
        (
            "hotel",
            "i have 3 cheap guest houses in the city centre.",
            "i have [value_choice] [value_pricerange] [value_type] in the [value_area].",
        ),
        (
            "hotel",
            "the acorn is moderately priced. call 01223 353888.",
            "the [value_name] is [value_pricerange]. call [value_phone].",
        ),
        (
            "hotel",
            "booked the acorn guest house's room for 2 people and 3 nights from tuesday.",
            "booked the [value_name]'s room for [value_people] people and [value_stay] nights "
            "from [value_day].",
        ),
        ("hotel", "the hotel has free parking. would you like me to book it for you?", None),
        (
            "hotel",
            "it is at 99 unheard lane, phone (01223) 111-222.",
            "it is at [value_address], phone [value_phone].",
        ),
        (
            "attraction",
            "st john's college has an entrance fee of 2.50 pounds.",
            "[value_name] has an entrance fee of [value_fee].",
        ),
        (
            "attraction",
            "there are several swimming pools, most are free. feel free to ask.",
            "there are [value_choice] [value_type], most are [value_fee]. feel free to ask.",
        ),
        (
            "restaurant",
            "a table for 4 at the nirala on sunday at 18:30. it will be held for 15 minutes.",
            "a table for [value_people] at [value_name] on [value_day] at [value_time]. "
            "it will be held for 15 minutes.",
        ),
        (
            "restaurant",
            "ask restaurant is italian and on 12 bridge street city centre.",
            "[value_name] is [value_food] and on [value_address].",
        ),
        (
            "taxi",
            "a black toyota will take you from the nirala to acorn guest house at 17:15.",
            "a [value_car] will take you from [value_departure] to [value_destination] at "
            "[value_leave].",
        ),
        (None, "the police are on parkside, cambridge.", "the police are on [value_address]."),
        ("train", "", None),
    ],
)
def test_delexicalise(
    delexicaliser: Delexicaliser, domain: str | None, text: str, expected: str | None
) -> None:
    found = delexicaliser.delexicalise(text, domain=domain, state=TRAIN)
    assert found.text == (text if expected is None else expected)


def test_placeholders_come_in_order_with_what_stood_there(delexicaliser: Delexicaliser) -> None:
    found = delexicaliser.delexicalise(
        "tr0755 leaves at 07:35 and tr0319 at 09:35", domain="train", state={}
    )
    assert found.placeholders == (
        ("id", "tr0755"),
        ("leave", "07:35"),
        ("id", "tr0319"),
        ("leave", "09:35"),
    )


def test_names_the_database_lacks_are_found_in_the_state(delexicaliser: Delexicaliser) -> None:
    text = "no table at chez zoe, sorry."
    state = {"restaurant": {"name": "chez zoe"}}
    assert delexicaliser.delexicalise(text, domain="restaurant", state={}).placeholders == ()
    found = delexicaliser.delexicalise(text, domain="restaurant", state=state)
    assert found.text == "no table at [value_name], sorry."


def test_a_bare_party_is_a_number_the_state_has(delexicaliser: Delexicaliser) -> None:
    text = "booked for 3."
    assert delexicaliser.delexicalise(text, domain="train", state={}).text == text
    assert (
        delexicaliser.delexicalise(text, domain="train", state=TRAIN).text
        == "booked for [value_people]."
    )


def test_a_place_without_a_telling_word_is_what_the_state_says(
    delexicaliser: Delexicaliser,
) -> None:
    found = delexicaliser.delexicalise("so, ely it is", domain="train", state=TRAIN)
    assert found.text == "so, [value_departure] it is"
    assert delexicaliser.delexicalise("so, ely it is", domain="train", state={}).placeholders == ()


@given(st.text(alphabet="abcdeghilnorst0123456789 :.,'-", max_size=80))
def test_surfaces_put_back_give_the_text(text: str) -> None:
    found = Delexicaliser(_NOTHING, SCHEMA).delexicalise(text, domain="hotel", state={})
    back = found.text
    for slot, surface in found.placeholders:
        back = back.replace(f"[value_{slot}]", surface, 1)
    assert back == text


class _Nothing(KnowledgeBase):
    """A knowledge base without domains; never opens its file."""


_NOTHING = _Nothing(path=Path("absent"), tables={})


def test_another_corpus_keeps_its_own_slot_names(tmp_path: Path) -> None:
    schema = Schema(
        services=(
            Service(
                name="Doctors_1",
                slots=(
                    Slot(name="appointment_time"),
                    Slot(name="phone_number"),
                    Slot(name="doctor_name"),
                    Slot(name="price_per_visit"),
                ),
            ),
        )
    )
    write_knowledge([], {}, tmp_path / "empty.sqlite")
    knowledge = KnowledgeBase.open(tmp_path / "empty.sqlite")
    found = Delexicaliser(knowledge, schema).delexicalise(
        "dr ada wong sees you at 16:15 for $1,420. call 0415-555-0100.",
        domain="Doctors_1",
        state={"Doctors_1": {"doctor_name": "Ada Wong"}},
    )
    knowledge.close()
    assert found.text == (
        "dr [value_doctor_name] sees you at [value_appointment_time] for [value_price_per_visit]. "
        "call [value_phone_number]."
    )


def test_a_reply_survives_normalisation_before(delexicaliser: Delexicaliser) -> None:
    text = normalise("TR0755 leaves at 7:35 AM, there are two.")
    found = delexicaliser.delexicalise(text, domain="train", state={})
    assert found.text == "[value_id] leaves at [value_leave], there are [value_choice]."


def test_phrases_prefer_the_longest_value() -> None:
    index = PhraseIndex(ENGLISH)
    index.add("area", ["north"])
    index.add("food", ["north american", "american"])
    text = "north american food in the north"
    assert [
        (span.slot, text[span.start : span.end]) for span in index.find(ENGLISH.words_of(text))
    ] == [
        ("food", "north american"),
        ("food", "american"),
        ("area", "north"),
    ]


def test_spellings_cover_saints_and_guest_houses() -> None:
    assert ("acorn", "guesthouse") in ENGLISH.spellings("acorn guest house")
    assert ("st", "mary", "church") in ENGLISH.spellings("saint mary's church")
    assert ("b", "and", "b") in ENGLISH.spellings("bed and breakfast")
    assert ENGLISH.spellings("") == ()
