"""What is read as something else, and what is read as it was typed."""

import os

import pytest

from tests.support.source_tree import ROOT
from todserve.corpora.readers.multiwoz.multiwoz_reader import ReplySource, read_merged
from todserve.corpora.registry import TOD_DATA, find
from todserve.evaluation.dialogue_selection import select
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.spelling.speller import Speller

CHECKPOINTS = ROOT / "checkpoints"


def speller_of(name: str) -> Speller | None:
    opened = Checkpoint.open(CHECKPOINTS / name)
    return Speller.of(opened.schema, opened.knowledge, opened.tokenizer)


@pytest.fixture(scope="module")
def speller() -> Speller:
    found = speller_of("multiwoz")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("a vietnameese restaurant", "a vietnamese restaurant"),
        ("kohinor please", "kohinoor please"),
        ("the cambrige belfrey", "the cambridge belfry"),
        ("Stevanage on wensday", "Stevenage on wednesday"),
        ("FIND ME A CHAEP HOTLE", "FIND ME A CHEAP HOTEL"),
        ("a swiming pool, tomorow", "a swimming pool, tomorrow"),
        ("what is the adress?", "what is the address?"),
        ("i wnat teh phoen number", "i want the phone number"),
        ("is there a cheeeap one", "is there a cheap one"),
    ],
)
def test_misspelt_words_are_read_as_they_are_meant(speller: Speller, typed: str, read: str) -> None:
    assert speller.read(typed).text == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("restraunt", "restaurant"),  # "restraint" is one letter away
        ("leicaster", "leicester"),
        ("a hotel in the noth", "a hotel in the north"),  # "note" is one letter away
        ("thecentre", "the centre"),  # "theatre" is two letters away
        ("stanstedt airport", "stansted airport"),
        ("gardina", "gardenia"),  # as near as "garden"
    ],
)
def test_a_word_of_the_domain_wins_over_an_english_one(
    speller: Speller, typed: str, read: str
) -> None:
    assert speller.read(typed).text == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("a cheaphotel inthe north", "a cheap hotel in the north"),
        ("thankyou verymuch", "thank you very much"),
        ("from tocambridge", "from to cambridge"),
    ],
)
def test_words_run_together_are_parted(speller: Speller, typed: str, read: str) -> None:
    assert speller.read(typed).text == read


@pytest.mark.parametrize(
    "utterance",
    [
        "ta, pls thx nope asap lol omg",
        "a b&b w/ wi-fi, u know, 2 nites b4 10am",
        "gonna grab summat to eat tmrw, cheers mate",
        "hmmmm ummm yeah nah",
        "i dont like it, thats not what im after, didnt you hear",
        "train TR1234 to cb21ug at 09:15, arriving by 5pm",
        "mail bob@exmaple.com or look at www.hotle.com/adress",
        "my favorite theater in the center is traveling",
        "my name is priyankaa, and I met Sanjit at Wagamama's",
        "it is called zizzi, named after Guiseppi",
        "<sos_u> [hotle] <eos_u>",
    ],
)
def test_abbreviations_names_codes_and_addresses_stay(speller: Speller, utterance: str) -> None:
    assert speller.read(utterance).text == utterance


@pytest.mark.parametrize(
    "utterance",
    [
        "한국 식당 찾아줘",
        "łódź street",
        "金龙",
        "wir suchen ein zimmer",
        "je voudrais un hotel pas cher",
        "lkj fds mnb",
        "asdfgh qwerty zxcvb",
        "",
    ],
)
def test_other_scripts_other_languages_and_gibberish_stay(speller: Speller, utterance: str) -> None:
    assert speller.read(utterance).text == utterance


def test_every_change_is_told_with_what_was_typed(speller: Speller) -> None:
    told = speller.read("a Vietnameese place in thecentre").changes
    assert [(one.typed, one.read) for one in told] == [
        ("Vietnameese", "Vietnamese"),
        ("thecentre", "the centre"),
    ]


def test_reading_twice_changes_nothing_more(speller: Speller) -> None:
    once = speller.read("a vietnameese restraunt inthe noth pleese").text
    assert speller.read(once).changes == ()


def test_names_and_values_of_the_checkpoint_are_never_touched(speller: Speller) -> None:
    opened = Checkpoint.open(CHECKPOINTS / "multiwoz")
    known = [
        value
        for domain in opened.knowledge.domains
        for column in opened.knowledge.columns(domain)
        for value in opened.knowledge.values(domain, column)
    ]
    assert len(known) > 1000
    assert [value for value in known if speller.read(value).changes] == []


def test_only_a_checkpoint_whose_language_is_english_has_a_speller() -> None:
    assert speller_of("banking77") is not None
    assert speller_of("korean") is None


@pytest.mark.corpora
def test_few_words_of_multiwoz_are_changed_and_those_rightly(speller: Speller) -> None:
    if not os.environ.get(TOD_DATA):
        pytest.skip(f"{TOD_DATA} is not set")
    dialogues = select(
        read_merged(find("multiwoz21"), "dev", replies=ReplySource.TSV), quick=True, limit=None
    )
    said = [turn.user for dialogue in dialogues for turn in dialogue.turns]
    changes = {(one.typed, one.read) for text in said for one in speller.read(text).changes}
    assert changes == {
        ("adress", "address"),
        ("birmngham", "birmingham"),
        ("nevermind", "never mind"),
        ("restraunt", "restaurant"),
        ("westside", "west side"),
    }
