"""The domain of CamRest676 and WOZ 2.0: the restaurants of Cambridge, their slots and values.

CamRest676's and WOZ 2.0's readers return it as their service, and DSTC2's uses it too. Both corpora
fill the slots area, food and price range of one domain and their publishers list the values of area
and price range; food is open, since users ask for cuisines that no restaurant has. Example:
``price range`` is slot ``pricerange``, spelled as MultiWOZ's, whose restaurants are the same.
"""

from collections.abc import Iterable

from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.multiwoz.multiwoz_schema import canonical_slot
from todserve.corpora.readers.slot_values import open_value, schema_value
from todserve.runtime.language.dialogue import DONTCARE
from todserve.runtime.language.schema import Schema, Service, Slot

DOMAIN = "restaurant"
_AREAS = ("centre", "east", "north", "south", "west")
_PRICES = ("cheap", "expensive", "moderate")


def restaurant_service(foods: Iterable[str]) -> Service:
    """Return the service; ``foods`` become the known, but not the only, values of ``food``."""
    known = {value for food in foods if (value := open_value(food)) and value != DONTCARE}
    return Service(
        name=DOMAIN,
        slots=(
            Slot(name="area", categorical=True, values=_AREAS),
            Slot(name="food", values=tuple(sorted(known))),
            Slot(name="pricerange", categorical=True, values=_PRICES),
        ),
    )


_SCHEMA = Schema(services=(restaurant_service(()),))


def restaurant_state(
    pairs: Iterable[tuple[str, str]], where: str, report: ReadReport
) -> dict[str, dict[str, str]]:
    """Return the belief state of (slot, value) pairs; a slot of no restaurant is skipped."""
    slots: dict[str, str] = {}
    for name, raw in pairs:
        slot = canonical_slot(name)
        if not _SCHEMA.has(DOMAIN, slot):
            report.skipped("slot: not one that a restaurant is searched by", f"{where} {name!r}")
            continue
        value = schema_value(_SCHEMA, (DOMAIN, slot), raw, where, report)
        if value is not None:
            slots[slot] = value
    return {DOMAIN: slots} if slots else {}
