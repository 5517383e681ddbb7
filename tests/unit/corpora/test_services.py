import json
import os
import re

import pytest

from tests.support.corpora_fixtures import tiny
from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.exchanges import exchanges
from todserve.corpora.readers.label_names import RENAMED, counted_label, label
from todserve.corpora.readers.slot_values import known_spelling, open_value, schema_value
from todserve.corpora.registry import CORPORA, TOD_DATA, find
from todserve.corpora.services import merged
from todserve.runtime.language.formats import parse_intent, serialize_intent
from todserve.runtime.language.schema import Schema, Service, Slot

# Without MultiWOZ, whose tiny copy has no schema.json.
NAMES = [name for name in CORPORA if name != "multiwoz21"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("price range", "price_range"),
        ("reverted_card_payment?", "reverted_card_payment"),
        ("Refund_not_showing_up", "Refund_not_showing_up"),
        ("milk-options", "milk_options"),
        (" (odd) name ", "odd_name"),
    ],
)
def test_a_label_is_one_word_without_marks(name: str, written: str) -> None:
    assert label(name) == written
    assert label(written) == written


def test_only_a_changed_label_is_counted() -> None:
    report = ReadReport()
    assert counted_label("balance", "f:1", report) == "balance"
    assert counted_label("a b", "f:2", report) == "a_b"
    assert report.notes[RENAMED].examples == ["f:2 'a b'"]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("5 pm", "17:00"),
        ("  Two   Words ", "two words"),
        ("any", "any"),
        ("none", None),
        ("", None),
    ],
)
def test_open_values_are_spelled_as_serving_spells_them(raw: str, value: str | None) -> None:
    assert open_value(raw) == value


def test_known_values_are_listed_as_generated_ones_are_compared() -> None:
    assert known_spelling("5 pm") == "17:00"
    assert known_spelling("Old  Mill") == "old mill"


@pytest.mark.parametrize(
    ("raw", "value", "reasons"),
    [
        ("Cheap", "cheap", []),
        ("dont care", "dontcare", []),
        ("expensve", "expensive", ["value: spelled as the schema does"]),
        ("free", "free", ["value: not in the schema, kept as said"]),
        ("", None, []),
    ],
)
def test_closed_values_are_the_schemas_or_kept_and_counted(
    raw: str, value: str | None, reasons: list[str]
) -> None:
    slot = Slot(name="price", categorical=True, values=("cheap", "expensive"))
    schema = Schema(services=(Service(name="shop", slots=(slot,)),))
    report = ReadReport()
    assert schema_value(schema, ("shop", "price"), raw, "f:1", report) == value
    assert list(report.notes) == reasons


def test_exchanges_pair_every_user_utterance_with_its_reply() -> None:
    report = ReadReport()
    said = [(False, "a"), (True, "b"), (False, "c"), (False, "d"), (True, "e"), (True, "f")]
    assert list(exchanges(said, "x", report)) == [("b", "c"), ("e", None), ("f", None)]
    assert {reason: note.count for reason, note in report.notes.items()} == {
        "turn: system turn without a user turn before it": 2,
        "turn: user turn without a reply": 2,
    }


@pytest.mark.parametrize("name", NAMES)
def test_services_make_a_schema_whose_names_prompts_can_hold(name: str) -> None:
    services = CORPORA[name].services(tiny(name))
    assert services
    schema = Schema(services=services)
    assert len(set(schema.domains)) == len(services)
    for service in services:
        assert re.fullmatch(r"\w+", service.name)
        for slot in service.slots:
            assert re.fullmatch(r"\w+", slot.name)
            assert len(set(slot.values)) == len(slot.values)
        for intent in service.intents:
            assert parse_intent(serialize_intent(intent), schema).intent == intent


@pytest.mark.parametrize("name", [name for name in NAMES if name != "sgd"])
def test_whatever_a_corpus_says_its_schema_knows(name: str) -> None:
    source = tiny(name)
    schema = Schema(services=CORPORA[name].services(source))
    split = "dev" if name == "nlplab" else "train"
    for dialogue in CORPORA[name].read(source, split):
        for turn in dialogue.turns:
            assert turn.active_domain is None or turn.active_domain in schema.domains
            assert turn.intent is None or turn.intent in schema.intents
            for domain, slots in (turn.belief_state or {}).items():
                assert all(schema.has(domain, slot) for slot in slots)


def test_sgd_services_are_those_of_both_splits_once() -> None:
    source = tiny("sgd")
    assert {service.name for service in CORPORA["sgd"].services(source)} == {
        entry["service_name"] for split in ("train", "dev") for entry in _published(source, split)
    }


def _published(source: CorpusSource, split: str) -> list[dict[str, str]]:
    with source.open(f"{split}/schema.json") as stream:
        entries: list[dict[str, str]] = json.load(stream)
    return entries


@pytest.mark.corpora
@pytest.mark.skipif(not os.environ.get(TOD_DATA), reason=f"{TOD_DATA} is not set")
def test_multiwoz_services_have_canonical_names() -> None:
    services = {one.name: one for one in CORPORA["multiwoz21"].services(find("multiwoz21"))}
    assert tuple(services) == (
        *("attraction", "hotel", "restaurant", "taxi", "train", "hospital", "police"),
    )
    assert "day" in {slot.name for slot in services["hotel"].slots}
    assert services["hotel"].intents == ("find_hotel", "book_hotel")


def test_services_of_one_name_are_merged_and_the_more_open_slot_wins() -> None:
    first = Service(
        name="shop",
        slots=(
            Slot(name="price", categorical=True, values=("cheap",)),
            Slot(name="size", categorical=True, values=("s",)),
        ),
        intents=("buy", "ask"),
        description="a shop",
    )
    second = Service(
        name="shop",
        slots=(
            Slot(name="price", values=("cheap", "dear"), description="of one"),
            Slot(name="size", categorical=True, values=("m",)),
            Slot(name="colour"),
        ),
        intents=("ask", "return"),
    )
    other = Service(name="bank")
    assert merged([first, other, second]) == (
        Service(
            name="shop",
            slots=(
                Slot(name="price", values=("cheap", "dear"), description="of one"),
                Slot(name="size", categorical=True, values=("s", "m")),
                Slot(name="colour"),
            ),
            intents=("buy", "ask", "return"),
            description="a shop",
        ),
        other,
    )
