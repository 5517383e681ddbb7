"""What is typed short, in signs or as it is spoken is read in whole words; the rest is left."""

import json
from pathlib import Path

import pytest

from tests.support.venues import SCHEMA, open_venues
from todserve.runtime.errors import ConfigError
from todserve.runtime.spelling.paraphrases import WholeNames
from todserve.runtime.spelling.shorthand import Shorthand
from todserve.runtime.tracking.ways_of_saying import WAYS_FILE, WaysOfSaying

SHIPPED = Path(__file__).resolve().parents[4] / "checkpoints" / "multiwoz"


@pytest.fixture(scope="module")
def shorthand(tmp_path_factory: pytest.TempPathFactory) -> Shorthand:
    knowledge = open_venues(tmp_path_factory.mktemp("shorthand"))
    return Shorthand(WaysOfSaying.of(SHIPPED), WholeNames.of(SCHEMA, knowledge))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("table 4 2 @ cotto 2nite", "table for 2 at cotto tonight"),
        ("i want 2 eat b4 9, 4ppl", "i want to eat before 9, 4 people"),
        ("room w/ parking, 3 nts, w/o wifi", "room with parking, 3 nights, without wifi"),
        ("taxi: cotto → worth house", "taxi: from cotto to worth house"),
        ("cam 2 ely", "cambridge to ely"),
        ("ldn kings x 2 cam", "london kings cross to cambridge"),
        ("b'ham new st to cam", "birmingham new street to cambridge"),
        ("7ish", "around 7:00"),
        ("cam → ely / mon / x2", "cambridge to ely / mon / 2 people"),
        ("that makes six, please", "that makes six people, please"),
        ("it'll make 4 for friday", "it'll make 4 people for friday"),
        ("1) a room 2) a table", "a room, a table"),
        ("1) a room; 2) a table 3) a cab", "a room, a table, a cab"),
        ("1. a room 2. a table", "a room, a table"),
        ("and for 2): friday", "for the second: friday"),
        ("half six", "half past six"),
        ("french if there is one", "french"),
        ("spanish, if you have it, for 3", "spanish, for 3"),
        ("scrap the 9, 10.15 is early enough", "make it 10.15 is early enough"),
        ("drop the 11:30, noon will do", "make it noon will do"),
        ("could you do 6 instead", "make it at 6 instead"),
        ("im in norwich", "i'm coming from norwich"),
        ("one that is in ely before 11", "one arriving in ely before 11"),
        ("1930", "at 19:30"),
        ("friday 1845", "friday 18:45"),
        ("by 2045 hrs", "by 20:45"),
        ("at ten that night", "at ten pm that night"),
        ("19h30", "19:30"),
        ("hour 19", "at 19:00"),
        ("at 12 and half", "at half past 12"),
        ("££ italian", "moderate italian"),
        ("3* hotel", "3 star hotel"),
        ("um a table for uh three at at cotto", "a table for three at cotto"),
        ("a train comma on friday", "a train, on friday"),
        ("table for too at ate pm", "table for 2 at 8 pm"),
        ("summat in t'north", "something in the north"),
        ("me wife and me mates", "my wife and my mates"),
        ("somewhere for brunch", "somewhere to eat"),
        ("where can we grab a burger", "i want a restaurant with burger"),
    ],
)
def test_shorthand_is_read_in_whole_words(shorthand: Shorthand, said: str, read: str) -> None:
    found = shorthand.read(said)
    assert found.text == read
    assert found.changes


@pytest.mark.parametrize(
    "said",
    [
        "tr1930 please",
        "platform x4b",
        "that makes sense",
        "a table (for 2) please",
        "at 4 my wife arrives",
        "half 4 people, half 5 nights",
        "2 and a half hours",
        "ask someone@example.org",
        "the code is 19302045",
        "it costs £19",
        "a hotel with wifi for 2 people at 19:30",
        "bed and breakfast for 2 nights",
    ],
)
def test_what_only_looks_like_shorthand_stays(shorthand: Shorthand, said: str) -> None:
    assert shorthand.read(said).text == said


def test_a_replacement_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / WAYS_FILE).write_text(json.dumps({"shorthand": [["b4", "\\1"]]}))
    with pytest.raises(ConfigError, match="ways_of_saying"):
        WaysOfSaying.of(tmp_path)
