"""MultiWOZ's schema under this kit's canonical names.

The readers of MultiWOZ, and of other corpora about Cambridge, return it as their services; it
travels in the checkpoint as ``schema.json``.
Example: the publisher's ``hotel-bookday`` becomes slot ``day`` of domain ``hotel``.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from todserve.corpora.corpus_source import CorpusSource
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.schema import Schema, Service, Slot

CANONICAL_SLOTS = {
    "leaveat": "leave",
    "arriveby": "arrive",
    "bookday": "day",
    "bookpeople": "people",
    "bookstay": "stay",
    "booktime": "time",
}
"""The publisher's slot name -> ours; every other name stays."""

STATE_SLOTS = {
    "attraction": ("area", "name", "type"),
    "hotel": (
        *("area", "day", "people", "stay", "internet"),
        *("name", "parking", "pricerange", "stars", "type"),
    ),
    "restaurant": ("area", "day", "people", "time", "food", "name", "pricerange"),
    "taxi": ("arrive", "departure", "destination", "leave"),
    "train": ("arrive", "people", "day", "departure", "destination", "leave"),
    "hospital": ("department",),
    "police": (),
}
"""What a belief state of each domain can hold. The bus has no dialogue and no database."""

_NUMBERS = tuple(str(number) for number in range(21))
COMPLETED_VALUES = {
    # The publisher lists the party sizes it happened to see; train.tsv and users go beyond.
    **{(domain, "people"): _NUMBERS for domain in ("hotel", "restaurant", "train")},
    ("hotel", "stay"): _NUMBERS,
    # Labelled in train.tsv as a type of its own.
    ("attraction", "type"): ("church",),
}
"""Values that train.tsv and dev.tsv use and the publisher's schema leaves out."""


DROPPED_VALUES = {
    # In the database wifi and parking are there or not; a label "free" means yes.
    ("hotel", "internet"): ("free",),
    ("hotel", "parking"): ("free",),
}
"""Values of the publisher's schema that mean the same as another one."""


def canonical_slot(slot: str) -> str:
    """Return our name of a MultiWOZ slot: ``book day`` and ``bookday`` are ``day``."""
    plain = slot.lower().replace(" ", "")
    return CANONICAL_SLOTS.get(plain, plain)


def canonical_multiwoz_schema(path: Path) -> Schema:
    """Read the publisher's ``schema.json`` and return it under canonical names.

    Only slots a belief state can hold are kept: phones and the like live in the database.

    Raises:
        CorpusError: when a domain or slot the corpus documents is not in the file.
    """
    published = {service.name: service for service in Schema.load(path).services}
    services = []
    for domain, wanted in STATE_SLOTS.items():
        if domain not in published:
            raise CorpusError(
                f"{path} has no service {domain!r}, only {sorted(published)}; "
                "expected the schema.json of MultiWOZ 2.2"
            )
        slots = {canonical_slot(slot.name): slot for slot in published[domain].slots}
        missing = [name for name in wanted if name not in slots]
        if missing:
            raise CorpusError(
                f"service {domain!r} of {path} has no slots {missing}, only {sorted(slots)}"
            )
        services.append(
            Service(
                name=domain,
                description=published[domain].description,
                slots=tuple(_completed(domain, name, slots[name]) for name in wanted),
                intents=published[domain].intents,
            )
        )
    return Schema(services=tuple(services))


def multiwoz_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return MultiWOZ's services under this kit's canonical names."""
    with _schema_file(source) as path:
        return canonical_multiwoz_schema(path).services


def listed_services(source: CorpusSource) -> tuple[Service, ...]:
    """Return the services that ``schema.json`` lists, be they all of MultiWOZ's or some.

    Names are canonical, and of a domain of MultiWOZ only the slots that a state can hold are kept.
    """
    with _schema_file(source) as path:
        published = Schema.load(path).services
    services = []
    for service in published:
        named = {canonical_slot(slot.name): slot for slot in service.slots}
        wanted = STATE_SLOTS.get(service.name, tuple(named))
        slots = tuple(
            _completed(service.name, name, named[name]) for name in wanted if name in named
        )
        services.append(service.model_copy(update={"slots": slots}))
    return tuple(services)


@contextmanager
def _schema_file(source: CorpusSource) -> Iterator[Path]:
    """Lay ``schema.json`` where the runtime's own reader, which takes a file, can read it."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "schema.json"
        path.write_text("".join(source.text("schema.json")), encoding="utf-8")
        yield path


def _completed(domain: str, name: str, slot: Slot) -> Slot:
    more = COMPLETED_VALUES.get((domain, name), ())
    left_out = DROPPED_VALUES.get((domain, name), ())
    values = tuple(value for value in dict.fromkeys([*slot.values, *more]) if value not in left_out)
    return slot.model_copy(update={"name": name, "values": values})
