"""MultiWOZ's entity database: hotels, restaurants, attractions, trains and the rest.

Preparing MultiWOZ for training needs it, and ``tod knowledge build DB_DIR OUT`` writes it. Example:
``build_multiwoz_knowledge(Path("multiwoz21/db"), Path("knowledge.sqlite"))`` returns
``{"attraction": 79, "hotel": 33, ...}``.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.knowledge_file import write_knowledge
from todserve.corpora.reader import Entities
from todserve.runtime.errors import CorpusError
from todserve.runtime.knowledge.domain_table import Comparison, DomainTable
from todserve.runtime.untrusted.json_text import read_json

_EQUAL, _NAME = Comparison.EQUAL, Comparison.NAME

MULTIWOZ_TABLES = (
    DomainTable(
        domain="attraction",
        columns=(
            *("name", "type", "area", "address", "postcode"),
            *("phone", "fee", "pricerange", "openhours"),
        ),
        comparisons={"name": _NAME, "area": _EQUAL, "type": _EQUAL, "pricerange": _EQUAL},
    ),
    DomainTable(
        domain="hotel",
        columns=(
            *("name", "type", "area", "pricerange", "stars", "internet"),
            *("parking", "address", "postcode", "phone", "price"),
        ),
        comparisons={
            "name": _NAME,
            **dict.fromkeys(("type", "area", "pricerange", "stars", "internet", "parking"), _EQUAL),
        },
    ),
    DomainTable(
        domain="restaurant",
        columns=("name", "food", "area", "pricerange", "address", "postcode", "phone"),
        comparisons={"name": _NAME, "food": _EQUAL, "area": _EQUAL, "pricerange": _EQUAL},
    ),
    DomainTable(
        domain="train",
        columns=("id", "departure", "destination", "day", "leave", "arrive", "time", "price"),
        comparisons={
            "id": _EQUAL,
            "departure": _EQUAL,
            "destination": _EQUAL,
            "day": _EQUAL,
            "leave": Comparison.AT_OR_AFTER,
            "arrive": Comparison.AT_OR_BEFORE,
        },
        order=("leave", "id", "day", "departure", "destination"),
        buckets=(0, 5, 10),
    ),
    DomainTable(
        domain="hospital",
        columns=("department", "phone", "name", "address", "postcode"),
        comparisons={"department": _NAME},
        order=("department", "phone"),
        counted=False,
    ),
    DomainTable(
        domain="police",
        columns=("name", "address", "postcode", "phone"),
        comparisons={"name": _NAME},
        counted=False,
    ),
    DomainTable(
        domain="taxi", columns=("car", "phone"), comparisons={}, order=("car",), counted=False
    ),
)
"""MultiWOZ's domains with a database. Its bus_db.json is a copy of the trains and never used."""

# The publisher's hospital_db.json has departments and their phones only; train.tsv gives the
# hospital's own address, postcode and main phone ("hills rd , cambridge cb20qq", 01223245151) and
# the police station's postcode ("parkside , cambridge , postcode cb11jg").
HOSPITAL = {
    "name": "addenbrookes hospital",
    "address": "hills rd, cambridge",
    "postcode": "cb20qq",
}
HOSPITAL_MAIN_PHONE = "01223245151"
POLICE = {"postcode": "cb11jg"}

_RENAMED = {
    "trainID": "id",
    "leaveAt": "leave",
    "arriveBy": "arrive",
    "duration": "time",
    "entrance fee": "fee",
}
_UNKNOWN = "?"  # MultiWOZ writes it for a fee, price or opening hours that nobody looked up


def multiwoz_entities(source: CorpusSource) -> dict[str, Entities]:
    """Return domain -> entities.

    Raises:
        CorpusError: a file of the database is missing or malformed.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, content in source.files("db", ".json"):
            (Path(folder) / Path(name).name).write_bytes(content)
        return {
            table.domain: Entities(table=table, rows=multiwoz_rows(table.domain, Path(folder)))
            for table in MULTIWOZ_TABLES
        }


def build_multiwoz_knowledge(db_dir: Path, out: Path) -> dict[str, int]:
    """Write MultiWOZ's ``db/*.json`` as one knowledge base; same inputs, same bytes.

    Args:
        db_dir: folder with ``attraction_db.json`` and the others, as published.
        out: the SQLite file to write; replaced atomically.

    Returns:
        Rows per domain.

    Raises:
        CorpusError: when a file is missing or is not a list of objects.
    """
    contents = {
        table.domain: multiwoz_rows(table.domain, Path(db_dir)) for table in MULTIWOZ_TABLES
    }
    return write_knowledge(MULTIWOZ_TABLES, contents, out)


def multiwoz_rows(domain: str, folder: Path) -> list[dict[str, str]]:
    """Return the entities of one of MultiWOZ's domains from its ``db`` folder, as published.

    Raises:
        CorpusError: when the file is missing or is not a list of objects.
    """
    path = folder / f"{domain}_db.json"
    try:
        entries = read_json(path)
    except (OSError, ValueError) as error:
        raise CorpusError(
            f"cannot read {path}: {error}; expected the db folder of budzianowski/multiwoz"
        ) from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise CorpusError(f"{path} is not a list of objects; expected MultiWOZ's {domain} database")
    if domain == "taxi":
        return _taxis(entries)
    rows = [_multiwoz_row(entry) for entry in entries]
    if domain == "hospital":
        rows = [{**row, **HOSPITAL} for row in rows]
        rows.append({**HOSPITAL, "phone": HOSPITAL_MAIN_PHONE})
    if domain == "police":
        rows = [{**POLICE, **row} for row in rows]
    return rows


def _multiwoz_row(entry: Mapping[str, object]) -> dict[str, str]:
    row = {}
    for name, value in entry.items():
        if name == "price" and isinstance(value, dict):
            # Hotels price their rooms: {"single": "50", "double": "70"}.
            rooms = [f"{value[room]} pounds for a {room} room" for room in sorted(value)]
            row["price"] = ", ".join(rooms)
        elif isinstance(value, str | int) and str(value) != _UNKNOWN:
            row[_RENAMED.get(name, name)] = str(value).replace("mutliple", "multiple")
    return row


def _taxis(entries: Sequence[Mapping[str, object]]) -> list[dict[str, str]]:
    """Return every colour and make with a phone number made from its name.

    The publisher gives a pattern for the number, not numbers; the corpus's own are 07 and nine
    digits. A digest keeps a car's number the same for ever.
    """
    rows = []
    for entry in entries:
        colours, makes = entry.get("taxi_colors"), entry.get("taxi_types")
        if not isinstance(colours, list) or not isinstance(makes, list):
            raise CorpusError("taxi_db.json has no taxi_colors and taxi_types; expected both")
        for car in (f"{colour} {make}" for colour in colours for make in makes):
            digits = int(hashlib.sha256(car.encode()).hexdigest(), 16) % 10**9
            rows.append({"car": car, "phone": f"07{digits:09d}"})
    return rows
