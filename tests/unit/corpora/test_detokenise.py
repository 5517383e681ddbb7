import pytest
from hypothesis import given
from hypothesis import strategies as st

from todserve.corpora.readers.detokenisation import detokenise, repair_clock_times


@pytest.mark.parametrize(
    ("tokenised", "natural"),
    [
        ("that s 3 hotel -s . ok ?", "that's 3 hotels. ok?"),
        ("moderate -ly priced , or cheap -er", "moderately priced, or cheaper"),
        ("2 child -s", "2 children"),
        ("rosa s bed and breakfast", "rosa's bed and breakfast"),
        ("what s king s parade", "what's king's parade"),
        ("i s 5 and s 6", "i s 5 and s 6"),
        ("I 'm sure it does n't , Rosa 's", "I'm sure it doesn't, Rosa's"),
        ("i m leaving at 5 p . m .", "i'm leaving at 5 pm."),
        ("15 - 17 Norman Way", "15-17 Norman Way"),
        ("arrival / departure time", "arrival/departure time"),
        ("a car ( a black skoda ) comes", "a car (a black skoda) comes"),
        ('Georgina is a " boat . " ok', 'Georgina is a "boat." ok'),
        ("number is : 7GAWK763 .   Bye \n now", "number is: 7GAWK763. Bye now"),
        ("the fee is 2.50 pounds", "the fee is 2.50 pounds"),
        ("dont", "dont"),
        ("", ""),
    ],
)
def test_detokenise_restores_what_people_type(tokenised: str, natural: str) -> None:
    assert detokenise(tokenised) == natural


@pytest.mark.parametrize(
    ("damaged", "repaired"),
    [
        ("it costs 23:60 pounds .", "it costs 23.60 pounds ."),
        ("10:10 gbp", "10.10 gbp"),
        ("05:00 pounds", "5 pounds"),
        ("the fee is 75:10", "the fee is 75.10"),
        ("at 12:00 lensfield road", "at 12 lensfield road"),
        ("at 01:54 chesterton road", "at 154 chesterton road"),
        ("at 15:17 norman way", "at 15-17 norman way"),
        ("at 14:00 king s parade", "at 14 king s parade"),
        ("02:51a chesterton road", "251a chesterton road"),
        ("rated at 04:00 stars", "rated at 4 stars"),
        ("book at 01:00 of them", "book at 1 of them"),
        ("reference number 01:00 amb3xqd", "reference number 1amb3xqd"),
    ],
)
def test_repair_restores_prices_counts_and_house_numbers(damaged: str, repaired: str) -> None:
    assert repair_clock_times(damaged) == repaired


@pytest.mark.parametrize(
    "text",
    [
        "leaving at 12:00 from the gallery on king street",
        "arrives by 17:15 , please",
        "at 13:00 for 2 people",
        "the 05:29 train",
        "leaves at 05:01am",
        "at 14:15 on monday",
    ],
)
def test_repair_leaves_times_of_day(text: str) -> None:
    assert repair_clock_times(text) == text


@given(st.text(alphabet="ab s'.,?-\"()/:015 ", max_size=40))
def test_detokenise_never_changes_letters_or_digits(text: str) -> None:
    def kept(some: str) -> str:
        return "".join(character for character in some if character.isalnum())

    assert kept(detokenise(text)) == kept(text)
