"""MultiWOZ with goals, a few invented venues and dialogues, in the publishers' layouts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.readers.multiwoz.multiwoz_schema import STATE_SLOTS
from todserve.corpora.registry import find

VENUES: Mapping[str, list[dict[str, Any]]] = {
    "restaurant": [
        {
            **{"id": "1", "name": "pizza palace", "food": "italian", "area": "centre"},
            **{"pricerange": "cheap", "phone": "01223111111", "address": "1 market street"},
            **{"postcode": "cb11aa", "type": "restaurant", "location": [52.2, 0.1]},
        },
        {
            **{"id": "2", "name": "la casa", "food": "spanish", "area": "centre"},
            **{"pricerange": "expensive", "address": "2 mill lane", "postcode": "cb22bb"},
            **{"type": "restaurant", "location": [52.2, 0.1]},
        },
        {
            **{"id": "3", "name": "curry garden", "food": "indian", "area": "north"},
            **{"pricerange": "cheap", "phone": "01223333333", "address": "3 station road"},
            **{"postcode": "cb33cc", "type": "restaurant", "location": [52.2, 0.1]},
        },
    ],
    "hotel": [
        {
            **{"id": "0", "name": "acorn guest house", "area": "north", "stars": "4"},
            **{"internet": "yes", "parking": "yes", "pricerange": "moderate"},
            **{"type": "guesthouse", "price": {"double": "60"}, "phone": "01223444444"},
            **{"address": "4 long road", "postcode": "cb44dd", "takesbookings": "yes"},
        }
    ],
    "attraction": [
        {
            **{"id": "7", "name": "the pool", "area": "east", "type": "mutliple sports"},
            **{"pricerange": "?", "entrance fee": "?", "openhours": "?", "phone": "01223555555"},
            **{"address": "5 pool way", "postcode": "cb55ee"},
        }
    ],
    "train": [
        {
            **{"trainID": f"TR000{number}", "departure": departure, "destination": destination},
            **{"day": "friday", "leaveAt": leave, "arriveBy": arrive, "price": "4.40 pounds"},
            "duration": "17 minutes",
        }
        for number, departure, destination, leave, arrive in (
            (1, "cambridge", "ely", "09:35", "09:52"),
            (2, "cambridge", "ely", "11:35", "11:52"),
            (3, "ely", "cambridge", "10:00", "10:17"),
        )
    ],
}

_EMPTY: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "restaurant": (("food", "pricerange", "name", "area"), ("people", "day", "time")),
    "train": (("leaveAt", "destination", "day", "arriveBy", "departure"), ("people",)),
}
_TSV_SLOTS = (
    *("restaurant-area", "restaurant-food", "restaurant-pricerange", "restaurant-name"),
    *("restaurant-book people", "train-departure", "train-destination", "train-day"),
    *("train-leaveAt", "train-arriveBy", "train-book people"),
)

TABLE_GOAL = {
    "restaurant": {
        "info": {"area": "centre", "pricerange": "cheap"},
        "reqt": ["phone", "food"],
        "book": {"people": "2"},
    }
}
TRAIN_GOAL = {
    "train": {
        "info": {"departure": "cambridge", "destination": "ely", "leaveAt": "11:00"},
        "reqt": ["trainID"],
    },
    "taxi": {"info": {"leaveAt": "12:00"}, "reqt": ["phone", "car type"]},
}


def turn(
    user: str,
    system: str,
    state: Mapping[str, Mapping[str, str]],
    *,
    booked: tuple[str, ...] = (),
    spans: tuple[tuple[str, str, str, int, int], ...] = (),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a user turn and the system turn with the metadata after it."""
    metadata = {
        domain: {
            "semi": {slot: state.get(domain, {}).get(slot, "") for slot in semi},
            "book": {
                **{slot: state.get(domain, {}).get(f"book {slot}", "") for slot in book},
                "booked": [{"reference": "00000001"}] if domain in booked else [],
            },
        }
        for domain, (semi, book) in _EMPTY.items()
    }
    act = {f"{next(iter(state), 'general')}-inform".title(): [["none", "none"]]}
    return (
        {"text": user, "metadata": {}, "dialog_act": act, "span_info": []},
        {"text": system, "metadata": metadata, "dialog_act": act, "span_info": list(spans)},
    )


def dialogues() -> dict[str, dict[str, Any]]:
    table = {"area": "centre", "pricerange": "cheap"}
    first = [
        turn(
            "a cheap place in the centre please .",
            "Pizza Palace is nice .",
            {"restaurant": table},
            spans=(("Restaurant-Inform", "Name", "Pizza Palace", 0, 1),),
        ),
        turn(
            "book it for 2 .",
            "Done , 00000001 . You 're welcome !",
            {"restaurant": {**table, "book people": "2"}},
            booked=("restaurant",),
            spans=(("Booking-Book", "Ref", "00000001", 2, 2),),
        ),
    ]
    ride = {"departure": "cambridge", "destination": "ely", "leaveAt": "11:00"}
    second = [
        turn(
            "a train to ely after 11:00 .",
            "TR0002 leaves at 11:35 .",
            {"train": ride},
            spans=(
                ("Train-Inform", "Leave", "11:35", 3, 3),
                ("Train-Inform", "Id", "TR0002", 0, 0),
            ),
        )
    ]
    return {
        name: {"goal": {"taxi": {}, "message": ["..."], **goal}, "log": [*sum(turns, ())]}
        for name, goal, turns in (
            ("MUL0001.json", TABLE_GOAL, first),
            ("PMUL0002.json", TRAIN_GOAL, second),
        )
    }


def tiny_multiwoz(folder: Path) -> CorpusSource:
    """Write the corpus below ``folder``, with the same dialogues as dev (ids SNG...) and test."""
    root = folder / "multiwoz21"
    (root / "annotated").mkdir(parents=True)
    (root / "db").mkdir()
    for domain, rows in VENUES.items():
        (root / "db" / f"{domain}_db.json").write_text(json.dumps(rows))
    test = dialogues()
    dev = {f"SNG{name}": one for name, one in test.items()}
    for split, file, content in (("test", "test.json", test), ("dev", "val.json", dev)):
        (root / "annotated" / file).write_text(json.dumps(content))
        (root / f"{split}.tsv").write_text(_tsv(content))
    (root / "schema.json").write_text(json.dumps(_schema()))
    return find("multiwoz21", folder)


def _tsv(content: Mapping[str, Any]) -> str:
    head = ("# Dialogue ID", "Turn Index", "Last Turn", "System Response", "User Utterance")
    lines = ["\t".join([*head, *_TSV_SLOTS, ""])]
    for name, dialogue in content.items():
        log = dialogue["log"]
        replies = ["", *(one["text"].lower() for one in log[1::2])]
        for index, (user, system) in enumerate(zip(log[::2], log[1::2], strict=True)):
            last = str(2 * index + 2 == len(log))
            states = [_said(system["metadata"], column) for column in _TSV_SLOTS]
            start = (name, str(index), last, replies[index], user["text"])
            lines.append("\t".join([*start, *states, ""]))
    return "\n".join(lines) + "\n"


def _said(metadata: Mapping[str, Any], column: str) -> str:
    domain, _, slot = column.partition("-")
    part = "book" if slot.startswith("book ") else "semi"
    return metadata[domain][part][slot.removeprefix("book ")] or "none"


def _schema() -> list[dict[str, Any]]:
    return [
        {
            "service_name": domain,
            "description": domain,
            "slots": [
                {"name": f"{domain}-{slot}", "description": slot, "is_categorical": False}
                for slot in slots
            ],
            "intents": [{"name": f"find_{domain}"}],
        }
        for domain, slots in STATE_SLOTS.items()
    ]
