"""A MultiWOZ database of a handful of real entities, and the schema that goes with it."""

import json
from pathlib import Path

from todserve.corpora.readers.multiwoz.multiwoz_entities import build_multiwoz_knowledge
from todserve.corpora.readers.multiwoz.multiwoz_schema import STATE_SLOTS
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.schema import Schema, Service, Slot

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NUMBERS = tuple(str(number) for number in range(9))
PLACES = ("cambridge", "ely", "london kings cross", "stansted airport")
VALUES = {
    "area": ("centre", "east", "north", "south", "west"),
    "day": DAYS,
    "people": NUMBERS,
    "stay": NUMBERS,
    "stars": NUMBERS[:6],
    "internet": ("yes", "no"),
    "parking": ("yes", "no"),
    "pricerange": ("cheap", "moderate", "expensive"),
    "departure": PLACES,
    "destination": PLACES,
}
TYPES = {
    "attraction": ("college", "museum", "swimmingpool", "multiple sports", "boat"),
    "hotel": ("guesthouse", "hotel"),
}
INTENTS = {
    "attraction": ("find_attraction",),
    "hotel": ("find_hotel", "book_hotel"),
    "restaurant": ("find_restaurant", "book_restaurant"),
    "taxi": ("book_taxi",),
    "train": ("find_train", "book_train"),
    "hospital": ("find_hospital",),
    "police": ("police",),
}


def _slot(domain: str, name: str) -> Slot:
    values = VALUES.get(name, ()) if domain != "taxi" else ()
    values = TYPES[domain] if name == "type" else values
    return Slot(name=name, categorical=bool(values), values=values)


SCHEMA = Schema(
    services=tuple(
        Service(
            name=domain,
            slots=tuple(_slot(domain, name) for name in names),
            intents=INTENTS[domain],
        )
        for domain, names in STATE_SLOTS.items()
    )
)


def _train(
    number: int, route: tuple[str, str], leave: str, arrive: str, day: str = "monday"
) -> dict[str, object]:
    return {
        "trainID": f"TR{number:04d}",
        "departure": route[0],
        "destination": route[1],
        "day": day,
        "leaveAt": leave,
        "arriveBy": arrive,
        "duration": "17 minutes",
        "price": "4.40 pounds",
    }


ELY = ("ely", "cambridge")
DATABASE: dict[str, list[dict[str, object]]] = {
    "attraction": [
        {
            "name": "saint john's college",
            "type": "college",
            "area": "centre",
            "address": "saint john's street",
            "postcode": "cb21tp",
            "phone": "01223338600",
            "entrance fee": "2.50 pounds",
            "pricerange": "?",
            "openhours": "?",
        },
        {
            "name": "the cherry hinton village centre",
            "type": "mutliple sports",
            "area": "east",
            "address": "colville road, cherry hinton",
            "postcode": "cb19ej",
            "phone": "01223576412",
            "entrance fee": "?",
            "pricerange": "?",
            "openhours": "it opens from 09:00 a.m. to 8:00 p.m. on sunday",
        },
        {
            "name": "jesus green outdoor pool",
            "type": "swimmingpool",
            "area": "north",
            "address": "between victoria road and the river",
            "postcode": "cb43px",
            "phone": "01223302579",
            "entrance fee": "free",
            "pricerange": "free",
            "openhours": "?",
        },
    ],
    "hotel": [
        {
            "name": "the cambridge belfry",
            "type": "hotel",
            "area": "west",
            "address": "back lane, cambourne",
            "postcode": "cb236bw",
            "phone": "01954714600",
            "pricerange": "cheap",
            "stars": "4",
            "internet": "yes",
            "parking": "yes",
            "price": {"single": "60", "double": "75"},
            "takesbookings": "yes",
            "location": [52.2, 0.1],
        },
        {
            "name": "el shaddai",
            "type": "guesthouse",
            "area": "centre",
            "address": "41 warkworth street",
            "postcode": "cb11eg",
            "phone": "01223327978",
            "pricerange": "cheap",
            "stars": "0",
            "internet": "yes",
            "parking": "yes",
            "price": {"single": "40"},
        },
        {
            "name": "acorn guest house",
            "type": "guesthouse",
            "area": "north",
            "address": "154 chesterton road",
            "postcode": "cb41da",
            "phone": "01223353888",
            "pricerange": "moderate",
            "stars": "4",
            "internet": "yes",
            "parking": "no",
            "price": {"single": "55"},
        },
    ],
    "restaurant": [
        {
            "name": name,
            "food": food,
            "area": area,
            "pricerange": pricerange,
            "address": address,
            "postcode": "cb21ab",
            "phone": phone,
            "type": "restaurant",
        }
        for name, food, area, pricerange, address, phone in (
            (
                *("pizza hut city centre", "italian", "centre", "cheap"),
                *("Regent Street City Centre", "01223323737"),
            ),
            (
                *("pizza hut cherry hinton", "italian", "south", "moderate"),
                *("G4 Cambridge Leisure Park", "01223323730"),
            ),
            (
                *("restaurant two two", "french", "north", "expensive"),
                *("22 Chesterton Road Chesterton", "01223351880"),
            ),
            (
                *("the nirala", "indian", "north", "moderate"),
                *("7 Milton Road Chesterton", "01223360966"),
            ),
            (
                *("ask restaurant", "italian", "centre", "cheap"),
                *("12 Bridge Street City Centre", "01223364917"),
            ),
        )
    ],
    "train": [
        _train(994, ELY, "5:35", "5:52"),
        _train(755, ELY, "07:35", "07:52"),
        _train(319, ELY, "09:35", "09:52"),
        _train(724, ELY, "23:35", "23:52"),
        _train(800, ELY, "07:35", "07:52", "tuesday"),
        # Arrives on the next day.
        _train(786, ("london kings cross", "cambridge"), "23:59", "01:27"),
        _train(787, ("london kings cross", "cambridge"), "07:17", "08:08"),
    ],
    "hospital": [
        {"department": "cardiology", "id": 0, "phone": "01223256233"},
        {"department": "neurology", "id": 1, "phone": "01223274680"},
    ],
    "police": [
        {
            "name": "Parkside Police Station",
            "address": "Parkside, Cambridge",
            "id": 0,
            "phone": "01223358966",
        }
    ],
    "taxi": [{"taxi_colors": ["black", "red"], "taxi_types": ["toyota", "bmw"]}],
}


def write_db(folder: Path) -> Path:
    """Write the database in the publisher's layout and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for domain, entries in DATABASE.items():
        (folder / f"{domain}_db.json").write_text(json.dumps(entries), "utf-8")
    return folder


def open_venues(folder: Path) -> KnowledgeBase:
    """Build and open the knowledge base below ``folder``."""
    build_multiwoz_knowledge(write_db(folder / "db"), folder / "knowledge.sqlite")
    return KnowledgeBase.open(folder / "knowledge.sqlite")
