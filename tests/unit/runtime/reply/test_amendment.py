"""What a reply is repaired for: what it asks again, and examples that it gives for all."""

import pytest

from tests.support.reply_talk import Talk
from todserve.runtime.language.dialogue import BeliefState

CHEAP: BeliefState = {"hotel": {"pricerange": "cheap"}}


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Talk:
    return Talk(tmp_path_factory.mktemp("amendment"))


@pytest.mark.parametrize(
    ("state", "reply", "text"),
    [
        # known, or of no matter
        (CHEAP, "i have [value_choice]. what price range would you like?", "I have 2."),
        (
            *({"hotel": {"area": "dontcare"}}, "i have [value_choice]. do you prefer an area?"),
            "I have 3.",
        ),
        (CHEAP, "i have [value_choice]. would you like a cheap or a moderate one?", "I have 2."),
        # of two things that are asked for, only what is new
        (
            *(CHEAP, "i have [value_choice]. do you have a price range or area in mind?"),
            "I have 2. Which part of town would you like?",
        ),
    ],
)
def test_nothing_is_asked_for_that_the_state_holds(
    talk: Talk, state: BeliefState, reply: str, text: str
) -> None:
    found = talk.candidate(reply, talk.facts("hotel", state))
    assert (
        found.filled.text.removesuffix(" One of them is El Shaddai.").removesuffix(
            " One of them is Acorn Guest House."
        )
        == text
    )
    assert "asked" in found.repaired


@pytest.mark.parametrize(
    ("state", "intent", "reply"),
    [
        ({"hotel": {"area": "north"}}, "find_hotel", "what price range would you like?"),
        # a way out where nothing was found, and a question of another service
        (
            *({"hotel": {"area": "south"}}, "find_hotel"),
            "there are none in the south. would you like to try another area?",
        ),
        ({"hotel": {"area": "north"}}, "find_restaurant", "what area would you like to eat in?"),
    ],
)
def test_what_is_new_or_another_way_may_be_asked(
    talk: Talk, state: BeliefState, intent: str, reply: str
) -> None:
    found = talk.candidate(reply, talk.facts("hotel", state, intent=intent))
    assert "asked" not in found.repaired


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (
            "there are [value_choice] places. [value_name] and [value_name].",
            "There are 3 places. For example Acorn Guest House and El Shaddai.",
        ),
        (
            "there are [value_choice]: [value_name].",
            "There are 3: for example Acorn Guest House.",
        ),
        (
            "there are [value_choice]. they are [value_name] and [value_name].",
            "There are 3. For example Acorn Guest House and El Shaddai.",
        ),
        # all of them, and some that are said to be some
        (
            "there are [value_choice]: [value_name], [value_name] and [value_name].",
            "There are 3: Acorn Guest House, El Shaddai and the Cambridge Belfry.",
        ),
        (
            "there are [value_choice], such as [value_name].",
            "There are 3, such as Acorn Guest House.",
        ),
    ],
)
def test_who_names_fewer_than_he_counts_says_that_they_are_examples(
    talk: Talk, reply: str, text: str
) -> None:
    found = talk.candidate(reply, talk.facts("hotel", {}))
    assert found.filled.text == text
    assert found.holds


def test_whoever_points_at_a_venue_hears_its_name(talk: Talk) -> None:
    state: BeliefState = {"hotel": {"name": "el shaddai"}}
    said = ["El Shaddai and Acorn Guest House are cheap."]
    pointed = talk.facts("hotel", state, user="el shaddai", typed="the first one", said=said)
    found = talk.candidate("it is in the [value_area].", pointed)
    assert found.filled.text == "This is El Shaddai. It is in the centre."
    typed = talk.facts("hotel", state, user="el shaddai", typed="el shaddai", said=said)
    assert talk.candidate("it is in the [value_area].", typed).filled.text == "It is in the centre."


def test_of_another_one_not_the_last_is_told_again(talk: Talk) -> None:
    said = ["I have Acorn Guest House, El Shaddai and the Cambridge Belfry.", "Acorn Guest House."]
    facts = talk.facts("hotel", {}, user="another one please", said=said)
    assert facts.row["name"] != "acorn guest house"


def test_what_no_column_holds_is_not_known(talk: Talk) -> None:
    facts = talk.facts("restaurant", {"restaurant": {"name": "the nirala"}}, user="is there wifi?")
    first = talk.candidate("yes, there is wifi.", facts)
    assert first.strikes
    assert talk.stage.variations(first, facts) == ()
    chosen = talk.stage.chosen(first, [], facts, (), intent="find_restaurant")
    assert chosen.candidate.filled.text == (
        "That I do not know. The phone number of the Nirala is 01223360966."
    )


def test_a_department_is_told_with_its_number(talk: Talk) -> None:
    state: BeliefState = {"hospital": {"department": "cardiology"}}
    facts = talk.facts("hospital", state, user="my heart", understood=True)
    first = talk.candidate("what can i do for you?", facts)
    chosen = talk.stage.chosen(first, [], facts, (), intent="find_hospital")
    assert "01223256233" in chosen.candidate.filled.text
    assert "cardiology" in chosen.candidate.filled.text.lower()
