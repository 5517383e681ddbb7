import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.venues import SCHEMA
from todserve.corpora.readers.multiwoz.multiwoz_schema import (
    STATE_SLOTS,
    canonical_multiwoz_schema,
    canonical_slot,
)
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.word_forms import WordForms

ENGLISH = WordForms.of_language()

PUBLISHED = [
    {
        "service_name": "hotel",
        "description": "hotel reservations",
        "slots": [
            {
                "name": "hotel-internet",
                "description": "wifi",
                "is_categorical": True,
                "possible_values": ["free", "no", "yes"],
            },
            {"name": "hotel-name", "is_categorical": False, "possible_values": []},
            {"name": "hotel-phone", "is_categorical": False},
        ],
        "intents": [{"name": "find_hotel", "required_slots": []}, {"name": "book_hotel"}],
    }
]


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_load_takes_off_multiwoz_slot_prefixes(tmp_path: Path) -> None:
    schema = Schema.load(write(tmp_path / "schema.json", PUBLISHED))
    assert schema.domains == ("hotel",)
    assert schema.slots("hotel") == ("internet", "name", "phone")
    assert schema.values("hotel", "internet") == ("free", "no", "yes")
    assert schema.intents == ("find_hotel", "book_hotel", "general", "out_of_scope")


def test_save_and_load_give_the_same_schema(tmp_path: Path) -> None:
    SCHEMA.save(tmp_path / "schema.json")
    assert Schema.load(tmp_path / "schema.json") == SCHEMA
    assert [path.name for path in tmp_path.iterdir()] == ["schema.json"]


@pytest.mark.parametrize(
    "content", [{}, [{"slots": []}], [{"service_name": "a", "slots": 3}], ["hotel"]]
)
def test_load_refuses_what_is_no_schema(tmp_path: Path, content: object) -> None:
    path = write(tmp_path / "schema.json", content)
    with pytest.raises(ConfigError, match=r"schema\.json"):
        Schema.load(path)


def test_load_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent"):
        Schema.load(tmp_path / "absent.json")


def test_unknown_domains_and_slots_have_nothing() -> None:
    assert SCHEMA.slots("spaceport") == ()
    assert not SCHEMA.has("hotel", "food")
    assert SCHEMA.values("hotel", "name") == ()
    assert SCHEMA.normalise_value("hotel", "food", "thai") is None


def test_intents_lead_to_their_domains() -> None:
    assert SCHEMA.intent_domains("book_train") == ("train",)
    assert SCHEMA.intent_domains("general") == ()
    assert SCHEMA.intent_domains(None) == ()


@pytest.mark.parametrize(
    ("domain", "slot", "said", "kept"),
    [
        ("hotel", "type", "Guest House", "guesthouse"),
        ("hotel", "type", "guesthouses", "guesthouse"),
        ("hotel", "area", "Center", "centre"),
        ("hotel", "area", " NORTH ", "north"),
        ("hotel", "area", "middle earth", None),
        ("hotel", "stars", "four", "4"),
        ("hotel", "stars", "9", None),
        ("hotel", "internet", "free", "yes"),
        ("hotel", "parking", "true", "yes"),
        ("hotel", "parking", "false", "no"),
        ("hotel", "pricerange", "cheap|moderate", "cheap"),
        ("hotel", "pricerange", "do not care", "dontcare"),
        ("hotel", "pricerange", "don't care", "dontcare"),
        ("hotel", "name", "none", None),
        ("hotel", "name", "not mentioned", None),
        ("hotel", "name", "", None),
        ("hotel", "name", "The  Acorn Guest House", "the acorn guest house"),
        ("attraction", "type", "swimming pool", "swimmingpool"),
        ("attraction", "type", "boating", "boat"),
        ("train", "day", "wedensday", "wednesday"),
        ("train", "day", "thirsday", "thursday"),
        ("train", "leave", "9:05", "09:05"),
        ("train", "leave", "5:30 pm", "17:30"),
        ("train", "leave", "after lunch", "after lunch"),
        ("taxi", "departure", "King's College", "king's college"),
    ],
)
def test_normalise_value(domain: str, slot: str, said: str, kept: str | None) -> None:
    assert SCHEMA.normalise_value(domain, slot, said) == kept


@given(st.sampled_from(SCHEMA.domains), st.text(max_size=30), st.integers(0, 20))
def test_normalised_values_stay_as_they_are(domain: str, said: str, at: int) -> None:
    slots = SCHEMA.slots(domain)
    if not slots:
        return
    slot = slots[at % len(slots)]
    once = SCHEMA.normalise_value(domain, slot, said)
    if once is not None:
        assert SCHEMA.normalise_value(domain, slot, once) == once


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("9:05", "09:05"),
        ("09.05", "09:05"),
        ("5pm", "17:00"),
        ("12 am", "00:00"),
        ("12:30 p.m.", "12:30"),
        ("24:10", "24:10"),
        ("25:00", None),
        ("10:75", None),
        ("7", None),
        ("noonish", None),
    ],
)
def test_clock_time(said: str, time: str | None) -> None:
    assert ENGLISH.clock_time(said) == time


def canonical(slot: str) -> list[str]:
    back = {"leave": "leaveat", "arrive": "arriveby"}
    booked = {name: f"book{name}" for name in ("day", "people", "stay", "time")}
    return [slot, back.get(slot, slot), booked.get(slot, slot)]


def published_multiwoz() -> list[dict[str, object]]:
    return [
        {
            "service_name": domain,
            "description": domain,
            "slots": [
                {
                    "name": f"{domain}-{canonical(slot)[1 if slot in {'leave', 'arrive'} else 2]}",
                    "is_categorical": slot in {"people", "internet"},
                    "possible_values": {"people": ["1"], "internet": ["free", "no", "yes"]}.get(
                        slot, []
                    ),
                }
                for slot in slots
            ]
            + [{"name": f"{domain}-phone", "is_categorical": False}],
            "intents": [{"name": f"find_{domain}"}],
        }
        for domain, slots in STATE_SLOTS.items()
    ]


def test_canonical_schema_holds_state_slots_only(tmp_path: Path) -> None:
    schema = canonical_multiwoz_schema(write(tmp_path / "schema.json", published_multiwoz()))
    assert {domain: schema.slots(domain) for domain in schema.domains} == STATE_SLOTS
    assert schema.normalise_value("train", "people", "15") == "15"
    assert schema.values("hotel", "internet") == ("no", "yes")


def test_canonical_schema_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="attraction"):
        canonical_multiwoz_schema(write(tmp_path / "schema.json", PUBLISHED))
    published = published_multiwoz()
    published[0]["slots"] = []
    with pytest.raises(CorpusError, match="'area'"):
        canonical_multiwoz_schema(write(tmp_path / "schema.json", published))


def test_canonical_slot() -> None:
    assert [canonical_slot(name) for name in ("leaveAt", "book day", "bookstay", "food")] == [
        "leave",
        "day",
        "stay",
        "food",
    ]
