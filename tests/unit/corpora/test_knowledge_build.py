import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.corpora_at_hand import multiwoz_folder
from tests.support.venues import DATABASE, open_venues, write_db
from todserve.corpora.knowledge_file import write_knowledge
from todserve.corpora.readers.multiwoz.multiwoz_entities import build_multiwoz_knowledge
from todserve.runtime.errors import CorpusError
from todserve.runtime.knowledge.domain_table import Comparison, DomainTable
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase


def test_build_counts_rows_per_domain(tmp_path: Path) -> None:
    counts = build_multiwoz_knowledge(write_db(tmp_path / "db"), tmp_path / "knowledge.sqlite")
    # The hospital itself comes on top of its departments; every taxi is a colour and a make.
    assert counts == {
        "attraction": 3,
        "hotel": 3,
        "restaurant": 5,
        "train": 7,
        "hospital": 3,
        "police": 1,
        "taxi": 4,
    }


def test_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    folder = write_db(tmp_path / "db")
    build_multiwoz_knowledge(folder, tmp_path / "one.sqlite")
    for domain, entries in DATABASE.items():
        shuffled = list(reversed(entries)) if domain != "taxi" else entries
        (folder / f"{domain}_db.json").write_text(json.dumps(shuffled), "utf-8")
    build_multiwoz_knowledge(folder, tmp_path / "two.sqlite")
    assert (tmp_path / "one.sqlite").read_bytes() == (tmp_path / "two.sqlite").read_bytes()


def test_an_existing_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "out" / "knowledge.sqlite"
    out.parent.mkdir()
    out.write_text("old")
    build_multiwoz_knowledge(write_db(tmp_path / "db"), out)
    KnowledgeBase.open(out).close()
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot read"), ("{broken", "cannot read"), ("{}", "list"), ("[1]", "list")],
)
def test_a_bad_database_leaves_the_old_knowledge(
    tmp_path: Path, content: str | None, message: str
) -> None:
    folder = write_db(tmp_path / "db")
    (tmp_path / "knowledge.sqlite").write_text("old")
    if content is None:
        (folder / "train_db.json").unlink()
    else:
        (folder / "train_db.json").write_text(content)
    with pytest.raises(CorpusError, match=rf"(?s){message}.*"):
        build_multiwoz_knowledge(folder, tmp_path / "knowledge.sqlite")
    assert (tmp_path / "knowledge.sqlite").read_text() == "old"


def test_values_are_stored_as_they_are_said(tmp_path: Path) -> None:
    opened = open_venues(tmp_path)
    hut = opened.entity("restaurant", "pizza hut city centre")
    belfry = opened.entity("hotel", "the cambridge belfry")
    first = opened.query("train", {"id": "TR0994"}).results[0]
    opened.close()
    assert hut is not None
    assert hut["address"] == "regent street city centre"
    assert belfry is not None
    assert belfry["price"] == "75 pounds for a double room, 60 pounds for a single room"
    assert not {"location", "takesbookings"} & set(belfry)
    assert first == {
        "id": "tr0994",
        "departure": "ely",
        "destination": "cambridge",
        "day": "monday",
        "leave": "05:35",
        "arrive": "05:52",
        "time": "17 minutes",
        "price": "4.40 pounds",
    }


def test_the_hospital_and_the_police_have_what_the_dialogues_tell(tmp_path: Path) -> None:
    opened = open_venues(tmp_path)
    main = opened.query("hospital", {}).results[0]
    ward = opened.query("hospital", {"department": "cardiology"}).results
    police = opened.query("police", {}).results
    opened.close()
    assert (main["phone"], main["postcode"]) == ("01223245151", "cb20qq")
    assert [(row["phone"], row["address"]) for row in ward] == [
        ("01223256233", "hills rd, cambridge")
    ]
    assert [(row["name"], row["postcode"]) for row in police] == [
        ("parkside police station", "cb11jg")
    ]


def test_taxis_have_numbers_of_the_corpus_form(tmp_path: Path) -> None:
    opened = open_venues(tmp_path)
    cars, phones = opened.values("taxi", "car"), opened.values("taxi", "phone")
    opened.close()
    assert cars == ("black bmw", "black toyota", "red bmw", "red toyota")
    assert len(phones) == 4
    assert all(phone.startswith("07") and len(phone) == 11 for phone in phones)


def test_another_corpus_brings_its_own_columns(tmp_path: Path) -> None:
    table = DomainTable(
        domain="Buses_1",
        columns=("line", "leave", "fare"),
        comparisons={"line": Comparison.EQUAL, "leave": Comparison.AT_OR_AFTER},
        order=("leave",),
        buckets=(0, 2),
    )
    rows = [{"line": "U 7", "leave": "9:10", "fare": "$2", "colour": "red"}, {"line": "U8"}]
    assert write_knowledge([table], {"Buses_1": rows}, tmp_path / "buses.sqlite") == {"Buses_1": 2}
    opened = KnowledgeBase.open(tmp_path / "buses.sqlite")
    assert opened.tables == {"Buses_1": table}
    assert opened.query("Buses_1", {"line": "u7", "leave": "09:00"}).results == (
        {"line": "u 7", "leave": "09:10", "fare": "$2"},
    )
    assert opened.database_token("Buses_1", 3) == "[db_2]"
    opened.close()


def test_the_file_is_plain_sqlite(tmp_path: Path) -> None:
    build_multiwoz_knowledge(write_db(tmp_path / "db"), tmp_path / "knowledge.sqlite")
    with closing(sqlite3.connect(tmp_path / "knowledge.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute('SELECT count(*) FROM "entities_train"').fetchall()
    assert rows == [(7,)]


@pytest.mark.corpora
def test_the_published_database_is_read_whole(tmp_path: Path) -> None:
    folder = multiwoz_folder(tmp_path) / "db"
    assert build_multiwoz_knowledge(folder, tmp_path / "knowledge.sqlite") == {
        "attraction": 79,
        "hotel": 33,
        "restaurant": 110,
        "train": 2828,
        "hospital": 67,
        "police": 1,
        "taxi": 60,
    }
