"""Another language compares its names, values and times by data alone."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.support.venues import open_venues
from todserve.corpora.knowledge_file import write_knowledge
from todserve.runtime.checkpoint import word_forms_of
from todserve.runtime.errors import ConfigError
from todserve.runtime.knowledge.domain_table import Comparison, DomainTable
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language import word_forms
from todserve.runtime.language.dialogue import DONTCARE
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.runtime.language.word_forms import FORMS_FILE, WordForms
from todserve.runtime.reply.reply_style import REPLY_FILE
from todserve.runtime.tracking.grounds import Grounds, Spoken
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying


@pytest.fixture
def german(tmp_path: Path) -> WordForms:
    file = Path(word_forms.__file__).with_name("german_word_forms.json")
    return forms(tmp_path, json.loads(file.read_text(encoding="utf-8")))


def forms(folder: Path, content: dict[str, Any]) -> WordForms:
    (folder / FORMS_FILE).write_text(json.dumps(content), encoding="utf-8")
    return WordForms.of(folder)


def test_names_of_another_language_have_one_key_by_its_own_rules(german: WordForms) -> None:
    key = german.comparison_key
    assert key("Das Gasthaus zur Post") == key("gasth. zur post")
    assert key("Sankt Anna") == key("St. Anna")
    assert key("zwei Brüder") == key("2 Brüder")
    assert key("Haus") != key("Hau"), "a German s makes no plural"
    assert key("the post") != key("post"), "English's article is none of German's"


def test_a_name_is_found_by_keys_that_the_file_does_not_hold(
    tmp_path: Path, german: WordForms
) -> None:
    table = DomainTable(
        domain="hotel",
        columns=("name", "area"),
        comparisons={"name": Comparison.NAME, "area": Comparison.EQUAL},
    )
    rows = [
        {"name": "gasthaus zur post", "area": "sankt anna"},
        {"name": "haus am see", "area": "mitte"},
    ]
    file = tmp_path / "knowledge.sqlite"
    write_knowledge((table,), {"hotel": rows}, file)
    base = KnowledgeBase.open(file, german)
    assert base.query("hotel", {"name": "Gasth. zur Post"}).matches == 1
    assert base.query("hotel", {"area": "St. Anna"}).matches == 1
    assert base.query("hotel", {"area": "nord"}).matches == 0
    again = pickle.loads(pickle.dumps(base))
    assert again.query("hotel", {"name": "die post"}).matches == 1
    assert KnowledgeBase.open(file).query("hotel", {"area": "St. Anna"}).matches == 0


@pytest.mark.parametrize(
    ("said", "time", "meant"),
    [
        ("um halb sieben", "18:30", True),
        ("um halb sieben", "19:30", False),
        ("viertel nach sechs", "18:15", True),
        ("zehn vor acht", "07:50", True),
        ("um 17 uhr", "17:00", True),
        ("am mittag", "12:00", True),
        ("half past six", "18:30", False),
    ],
)
def test_times_are_heard_as_the_language_says_them(
    tmp_path: Path, german: WordForms, said: str, time: str, meant: bool
) -> None:
    schema = Schema(
        services=(Service(name="restaurant", slots=(Slot(name="time"),)),), forms=german
    )
    grounds = Grounds(
        schema=schema,
        ways=WaysOfSaying(checked=True),
        knowledge=open_venues(tmp_path),
    )
    spoken = Spoken.of(said, (), {})
    assert grounds.grounded("restaurant", "time", time, spoken) is meant


def test_values_are_read_as_the_language_writes_them(german: WordForms) -> None:
    slots = (
        Slot(name="people", categorical=True, values=("1", "2", "3")),
        Slot(name="parking", categorical=True, values=("ja", "nein")),
        Slot(name="time"),
    )
    schema = Schema(services=(Service(name="hotel", slots=slots),), forms=german)
    assert schema.normalise_value("hotel", "people", "zwei") == "2"
    assert schema.normalise_value("hotel", "people", "two") is None
    assert schema.normalise_value("hotel", "parking", "kostenlos") == "ja"
    assert schema.normalise_value("hotel", "time", "17 Uhr") == "17:00"
    assert schema.normalise_value("hotel", "time", "17") == "17"
    assert schema.normalise_value("hotel", "time", "egal") == DONTCARE


def test_a_checkpoint_may_lay_a_part_over_its_languages_own(tmp_path: Path) -> None:
    own = WordForms.of_language()
    laid = forms(tmp_path, {"language": "english", "articles": ["the", "ye"]})
    assert laid.comparison_key("ye olde inn") == laid.comparison_key("olde inn")
    assert own.comparison_key("ye olde inn") != own.comparison_key("olde inn")
    assert laid.numbers == own.numbers


def test_the_language_of_the_replies_is_that_of_the_names(
    tmp_path: Path, german: WordForms
) -> None:
    (tmp_path / FORMS_FILE).unlink()
    (tmp_path / REPLY_FILE).write_text('{"language": "dutch"}', encoding="utf-8")
    assert word_forms_of(tmp_path) == WordForms.of_language()
    (tmp_path / REPLY_FILE).write_text('{"language": "german"}', encoding="utf-8")
    assert word_forms_of(tmp_path) == german


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        {"language": "german", "plurals": "n$"},
        {"language": "german", "plural": "("},
        {"language": "german", "plural": "(a+)+$"},
        {"language": "german", "respelled": [["a", "\\2"]]},
        {"language": "german", "clock": "\\d+"},
        {"language": "german", "times": {"relative": "halb (\\w+)"}},
    ],
)
def test_forms_that_cannot_be_followed_are_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(ConfigError, match=FORMS_FILE):
        forms(tmp_path, content)
