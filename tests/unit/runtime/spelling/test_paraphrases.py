"""What is said in words that a network does not know is read plainly; names are left whole."""

import json
from pathlib import Path

import pytest

from tests.support.scripted_engine import ScriptedEngine
from tests.support.venues import SCHEMA, open_venues
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.pipeline import Pipeline
from todserve.runtime.spelling.paraphrases import Paraphrases, WholeNames
from todserve.runtime.spelling.speller import Speller
from todserve.runtime.tracking.ways_of_saying import WAYS_FILE, WaysOfSaying
from todserve.runtime.wire.request import parse_request
from todserve.runtime.wire.response import ModelIdentity, TurnResponse

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"


@pytest.fixture(scope="module")
def paraphrases(tmp_path_factory: pytest.TempPathFactory) -> Paraphrases:
    knowledge = open_venues(tmp_path_factory.mktemp("paraphrase"))
    found = Paraphrases.of(WaysOfSaying.of(SHIPPED), knowledge, WholeNames.of(SCHEMA, knowledge))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("one week from thursday", "7 nights from thursday"),
        ("we stay for a whole week", "we stay for 7 nights"),
        ("half a dozen of us", "6 of us"),
        ("a table for half a dozen at 7", "a table for 6 at 7"),
        ("from monday, just me", "from monday, for 1 person"),
        ("on my own", "for 1 person"),
        ("money is tight", "on a budget"),
        ("jst me pls", "for 1 person pls"),
        ("somewhere swanky", "somewhere expensive"),
        ("dear?", "expensive?"),
        ("a chinese takeaway", "a chinese restaurant"),
        ("hiya, hope ur well", "hiya, hello"),
        ("something middling", "something moderate"),
        ("mod price please", "moderate price please"),
        ("can I leave the car there?", "is there parking?"),
        ("could we park there", "is there parking"),
        ("six of one, half a dozen of the other", "i don't mind"),
        ("no skin off my nose", "i don't mind"),
        ("whenever suits, i've got all day", "any time is fine, any time is fine"),
        ("ta ur a 5 star lol", "ta thank you lol"),
        ("you're the best", "thank you"),
        ("arrive weds, away first thing sat.", "3 nights from wednesday."),
        ("we get in on friday and go home sunday", "2 nights from friday"),
        ("landing tuesday and flying back on friday", "3 nights from tuesday"),
        ("is it too dear?", "is it too expensive?"),
        ("i'm skint", "i'm on a budget"),
        ("Pizza in the centre", "italian food in the centre"),
        ("i fancy a curry", "i want indian food"),
        ("with somewhere to leave the car", "with parking"),
        ("a fortnight from monday", "14 nights from monday"),
        ("hotel, long weekend from friday", "hotel, 3 nights from friday"),
        ("a long weekend from friday", "3 nights from friday"),
        ("friday to monday for two", "3 nights from friday for two"),
        ("fri-mon at the acorn", "3 nights from friday at the acorn"),
        ("arriving sunday, leaving tuesday", "2 nights from sunday"),
        ("we come in on friday and fly home on monday", "3 nights from friday"),
        ("getting there on sunday, then we check out tuesday", "2 nights from sunday"),
        ("a room from friday through to the monday", "a room 3 nights from friday"),
        ("friday night until sunday", "2 nights from friday"),
        ("we arrive on tuesday but leave again on thursday", "2 nights from tuesday"),
        ("thu, 2 people", "thursday, 2 people"),
        ("there by ten to nine", "there by 8:50"),
        ("at twenty five to eight", "at 7:35"),
        ("five past twelve", "12:05"),
        ("guesthouse in da norf wiv parking", "guesthouse in the north with parking"),
    ],
)
def test_a_known_phrase_is_read_plainly(paraphrases: Paraphrases, said: str, read: str) -> None:
    found = paraphrases.read(said)
    assert found.text == read
    assert found.changes


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("me, my wife and the twins want a table", "4 people want a table"),
        ("it is for me plus three at 7", "it is for 4 people at 7"),
        ("mum, dad and the baby need a room", "3 people need a room"),
        ("my husband, our two kids and i", "4 people"),
        ("me and my three best friends", "4 people"),
        ("a room for me and my wife", "a room for 2 people"),
        ("my brother and i want a bed", "2 people want a bed"),
        ("two adults and three children at 6", "5 people at 6"),
        ("me, my mum, my two sisters and their husbands", "6 people"),
        ("her three brothers and their wives and me", "7 people"),
        ("both grandparents, us two and the twins", "6 people"),
        ("twelve of us plus the bride", "13 people"),
        ("six of us not counting the driver", "7 people"),
        ("me and 2 kids, 3 nights from monday", "3 people, 3 nights from monday"),
        ("a table for 4 plus a child at 7", "a table for 5 people at 7"),
        ("2 adults and a child, from monday", "3 people, from monday"),
        ("2 adults 2 kids, 3 nights", "4 people, 3 nights"),
    ],
)
def test_people_are_counted_by_who_they_are(paraphrases: Paraphrases, said: str, read: str) -> None:
    assert paraphrases.read(said).text == read


@pytest.mark.parametrize(
    "said",
    [
        "is there a pizza hut in town",
        "my dear, thank you",
        "ten to twelve people",
        "half past seven, quarter to eight",
        "i leave in a week",
        "once a week",
        "me and my wife",
        "it is just for me and i need a taxi",
        "3 nights, friday to monday",
        "friday and monday",
        "leave on friday, back on monday",
        "friday to friday",
        "book it for me, 3 nights",
        "me, my wife and the kids",
        "me, my wife, my mum and the kids",
        "i need a train and 2 tickets",
        "at 7 plus a child menu",
        "make that 4 people, my sister can't come",
        "3 stars 2 people",
        "our car broke down",
        "a fancy restaurant",
        "12 of us and the bride",
        "four of us",
        "is it a 5 star hotel",
        "i have all day tickets",
    ],
)
def test_what_means_something_else_or_is_a_name_is_left_alone(
    paraphrases: Paraphrases, said: str
) -> None:
    found = paraphrases.read(said)
    assert (found.text, found.changes) == (said, ())


def test_a_checkpoint_without_lists_of_its_own_does_not_count_people() -> None:
    ways = WaysOfSaying.of(None)
    said = "me, my wife and the twins"
    assert Paraphrases(ways, WordForms.of_language(), WholeNames()).read(said).text == said


def test_a_phrase_that_is_no_expression_is_refused_by_file(tmp_path: Path) -> None:
    (tmp_path / WAYS_FILE).write_text('{"plainly": {"cheap": ["("]}}')
    with pytest.raises(ConfigError, match="plainly"):
        WaysOfSaying.of(tmp_path)


def test_the_answer_shows_how_a_phrase_was_read(tiny_checkpoint: Path) -> None:
    path = tiny_checkpoint / WAYS_FILE
    path.write_text(json.dumps({"plainly": {"cheap": ["skint"]}}))
    try:
        checkpoint = Checkpoint.open(tiny_checkpoint)
    finally:
        path.unlink()
    identity = ModelIdentity(name="tod", version="1.0", checkpoint=checkpoint.checksum)
    own = Speller({"skint": 1}, [])
    for speller, read in ((own, "i am cheap"), (None, None)):
        engine = ScriptedEngine(checkpoint, lambda asked: "")
        pipeline = Pipeline(checkpoint, engine, identity, speller=speller)
        (answer,) = pipeline.answer([parse_request({"user": "i am skint"})])
        assert isinstance(answer, TurnResponse)
        assert (answer.read_as.text if answer.read_as else None) == read
        assert (read or "i am skint") in engine.generated[0][0].context
