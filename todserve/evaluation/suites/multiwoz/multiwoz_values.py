"""State values of any system, spelled as the standardised evaluation's database spells them.

The scores put every predicted value through it before they search the venue database. Example:
``leaveAt: "9am"`` of a train becomes ``leave: "09:00"``, and hotel ``lime house`` becomes
``limehouse``.

The corrections are the standard's own (Nekvinda and Dušek, 2021), odd ones included: another
correction, however sensible, would make the figures incomparable with the published ones.
"""

import re
from collections.abc import Mapping

_SLOTS = {"arriveby": "arrive", "leaveat": "leave"}
_TIMES = frozenset({"arrive", "leave", "time"})
_NAMES = frozenset({"name", "destination", "departure"})

_CALLED: Mapping[str, tuple[str, ...]] = {
    "hotel du vin and bistro": ("hotel du vin bistro",),
    "the river bar steakhouse and grill": ("the river bar and grill",),
    "nandos": ("nando's",),
    "city center north b and b": ("city center b and b",),
    "acorn guest house": ("acorn house",),
    "caffe uno": ("caffee uno", "cafe uno"),
    "rosas bed and breakfast": ("rosa's",),
    "restaurant two two": (
        *("restaurant called two two", "restaurant 2 two", "restaurant two 2"),
        "restaurant 2 2",
    ),
    "restaurant one seven": ("restaurant 1 7", "restaurant 17"),
    "limehouse": ("lime house",),
    "cityroomz": ("cityrooms",),
    "whale of a time": ("whale of time",),
    "huntingdon marriott hotel": ("huntingdon hotel",),
    "express by holiday inn cambridge": ("holiday inn exlpress, cambridge",),
    "university arms hotel": ("university hotel",),
    "arbury lodge guesthouse": ("arbury guesthouse and lodge", "arbury guesthouse"),
    "bridge guest house": ("bridge house",),
    "nandos city centre": ("nandos in the city centre",),
    "broughton house gallery": ("broughton gallery",),
    "scudamores punting co": ("scudamores punt co",),
    "cambridge university botanic gardens": (
        *("cambridge botanic gardens", "the botanical gardens at cambridge university"),
    ),
    "junction theatre": ("the junction",),
    "trinity college": ("trinity street college",),
    "christ's college": ("christ college", "christs"),
    "whipple museum of the history of science": ("history of science museum",),
    "parkside swimming pool": ("parkside pools",),
    "cafe jello gallery": ("cafe jello museum",),
}
_FOODS: Mapping[str, tuple[str, ...]] = {
    "mediterranean": ("eriterean",),
    "portuguese": ("brazilian", "portugese"),
    "seafood": ("sea food",),
    "north american": ("modern american", "americas"),
    "italian": ("intalian", "italain"),
    "asian": ("asian or oriental",),
    "british": ("english", "brutish", "bristish"),
    "australian": ("australasian",),
    "gastropub": ("gastropod",),
    "european": ("europeon",),
}
_TYPES: Mapping[str, tuple[str, ...]] = {
    "swimmingpool": ("swimming pool",),
    "multiple sports": ("mutliple sports",),
    "nightclub": ("night club",),
    "guesthouse": ("guest house",),
}
_SPOKEN_TIMES: Mapping[str, tuple[str, ...]] = {
    "13:00": ("afternoon",),
    "12:00": ("lunch", "noon", "mid-day", "around lunch time"),
    "08:00": ("morning",),
    "07:00": ("seven o'clock tomorrow evening",),
    "15:45": ("three forty five p.m",),
    "13:30": ("one thirty p.m.",),
    "06:45": ("six fourty five",),
    "08:30": ("eight thirty",),
}
_BEGUN_TIMES = {"one o'clock p.m": "13:00", "ten o'clock a.m": "10:00"}


def _by_spelling(canonical: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {spelling: name for name, spellings in canonical.items() for spelling in spellings}


_NAME_OF, _FOOD_OF = _by_spelling(_CALLED), _by_spelling(_FOODS)
_TYPE_OF, _TIME_OF = _by_spelling(_TYPES), _by_spelling(_SPOKEN_TIMES)


def counted_slot(slot: str) -> str:
    """Return a state slot's name without case and spaces: ``leaveAt`` is ``leave``."""
    plain = slot.lower().replace(" ", "")
    return _SLOTS.get(plain, plain)


def counted_value(slot: str, value: str) -> str:
    """Return the value of a slot (named as by `counted_slot`) as the database writes it."""
    if slot in _NAMES:
        return _name(value)
    if slot in _TIMES:
        return _time(value)
    if slot == "food":
        plain = value.strip().lower()
        return _FOOD_OF.get(plain, plain)
    if slot == "type":
        return _TYPE_OF.get(value, value)
    if slot in ("parking", "internet") and value == "free":
        return "yes"
    return value


def counted_state(state: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return a state with slots and values as counted; domains without slots stay."""
    return {
        domain: {
            name: counted_value(name, value)
            for slot, value in slots.items()
            for name in (counted_slot(slot),)
        }
        for domain, slots in state.items()
    }


def _name(value: str) -> str:
    name = value.strip().lower().replace(" & ", " and ").replace("&", " and ")
    name = name.replace(" '", "'")
    return _NAME_OF.get(name, name)


def _time(value: str) -> str:
    time = value.strip().lower()
    if time in _TIME_OF:
        return _TIME_OF[time]
    for beginning, meant in _BEGUN_TIMES.items():
        if time.startswith(beginning):
            return meant
    if time.startswith("by"):
        time = time[3:]
    for word in ("after", "afer"):
        if time.startswith(word):
            time = time[len(word) :].strip()
    for ending in ("am", "a.m."):
        if time.endswith(ending):
            time = time[: -len(ending)].strip()
    for ending in ("pm", "p.m."):
        if time.endswith(ending):
            time = time[: -len(ending)].strip()
            if (evening := _twelve_later(time)) is not None:
                return evening
            break
    if not time:
        return "00:00"
    time = time[:-1] if time[-1] in ".,?" else time
    if time.isdigit():
        return f"{time[:2]}:{time[2:]}" if len(time) == 4 else f"{time.zfill(2)}:00"
    if ":" in time:
        time = time.replace(" ", "")
    return f"0{time}" if re.fullmatch(r".:..", time) else time


def _twelve_later(time: str) -> str | None:
    hours, colon, minutes = time.partition(":")
    if not hours.strip().isdigit() or ":" in minutes:
        return None
    return f"{int(hours) + 12}:{minutes if colon else '00'}"


def minutes_of(time: str) -> int:
    """Return minutes after midnight of ``HH:MM``; 0 for anything else, as the standard has it."""
    match = re.match(r"[0-9][0-9]:[0-9][0-9]", time)
    if match is None:
        return 0
    hours, minutes = time.split(":")[:2]
    return int(hours) * 60 + (int(minutes) if minutes.isdigit() else int(minutes[:2]))
