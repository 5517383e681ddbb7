"""Patterns: values that are recognised by their form, and the words that tell what they are.

Stands inside delexicalisation. Example: ``17:29`` is a clock time; after "leaves at" it is a
``leave``, after "arriving by" an ``arrive``. Texts are lower case, numbers written as digits
(see ``text.normalise``).
"""

import re
from collections.abc import Iterator, Mapping

from todserve.runtime.language.phrases import Span, spellings, words_of

PLACE = "place"
CLOCK = "clock"
MONEY = "money"
PARTY = "party"
DURATION = "duration"
"""Kinds of values that several slots share; the words around decide which."""

PATTERN_SLOTS = frozenset(
    {"phone", "postcode", "id", "reference", "leave", "arrive", "time", "price", "stars"}
    | {"people", "stay", "choice", "internet", "parking", "openhours"}
)
"""Slots that patterns find, or nothing does: their database values are no phrases."""

_COUNT = r"\d{1,3}(?:,?\d{3})?"
_QUANTITY = (
    r"several|many|quite a few|a few|a couple|multiple|numerous|a number|a lot|lots|plenty|various|"
    r"a variety|a wide variety|a ton"
)
_UNIT = (
    r"(?:people|persons?|nights?|stars?|pounds?|gbp|minutes?|tickets?|days?|adults?|guests?|hours?|"
    r"miles?|person|more|or|other day|[ap]m)\b"
)
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("phone", r"(?<![\d.])\(?0\d{3,4}\)?[\s-]?\d{3}[\s-]?\d{3,4}\b(?![:.]\d)"),
    ("phone", r"(?<![\d.:])\d{10,11}(?![\d:])"),
    ("postcode", r"\b[a-z]{2}\s?\d{1,2}[,\s]{0,2}\d[a-z]{2}\b"),
    ("postcode", r"(?:(?<=postcode is )|(?<=postcode: ))[a-z]{2}\d{1,2}[a-z]{1,2}\b"),
    ("id", r"\btr\s?\d{4}\b"),
    ("reference", r"\b(?=[a-z]*\d)(?=\d*[a-z])[a-z\d]{8}\b"),
    (MONEY, r"\$\s?\d[\d,]*(?:\.\d+)?|£\s?\d+(?:[.:]\d+)?"),
    (MONEY, r"\b\d+(?:[.:]\d+)?\s?(?:pounds?|gbp|pound sterling)\b"),
    (DURATION, r"\b\d+[\s-]minutes?\b"),
    (CLOCK, r"(?<![\d:£.])(?:[01]?\d|2[0-4])[:.][0-5]\d(?![\d:])(?:\s?[ap]\.?m\b\.?)?"),
    ("stay", r"\b\d{1,2}(?=[\s-]nights?\b)"),
    ("stars", r"\b\d(?=[\s-]?star(?:s|red)?\b)"),
    ("stars", r"(?:(?<=rating of )|(?<=star rating is )|(?<=stars of ))\d\b"),
    (
        "people",
        r"\b\d{1,2}(?=\s(?:train )?(?:people|persons?|guests?|adults?|travell?ers?|passengers?|"
        r"tickets?|seats?|part(?:y|ies))\b)",
    ),
    ("people", r"(?:(?<=party of )|(?<=group of )|(?<=table for ))\d{1,2}\b"),
    (PARTY, r"(?<=\bfor )\d{1,2}\b(?![:.,]?\d|[\s-][a-z]+s\b)"),
    (
        "choice",
        rf"\b(?:{_QUANTITY})\b(?!\s(?:times?|days?|things?|minutes?|more|thanks)\b)"
        rf"|(?<![\d:.,])\b{_COUNT}\b(?![:.,]?\d|[\s-]{_UNIT})",
    ),
)
_PATTERN = re.compile(
    "|".join(f"(?P<{slot}_{order}>{how})" for order, (slot, how) in enumerate(_PATTERNS))
)
_LETTER_REFERENCE = re.compile(
    r"(?:reference|ref|confirmation)[^.]{0,24}?(?:is|:|#)\s*([a-z]{8})\b"
)
_STREET = re.compile(
    r"\b\d+[a-z]?(?:\s?-\s?\d+)?\s"
    r"(?:(?!(?:a|all|and|are|at|by|for|in|is|of|on|that|the|to|with)\b)[a-z']+\s){1,3}?"
    r"(?:road|street|lane|avenue|way|parade|passage|rd|row)\b"
)
_SOFTLY = r"(?:(?:actually|currently|about|over|at least|only|just|a total of|around|still|the)\s)*"
_BEFORE_CHOICE = re.compile(
    r"(?:\b(?:there(?:'s| is| are| were| was)|(?:have|has|had|'ve|found|finds?|see|shows?|showing|"
    r"located|got|returned|leaves|listed|down to|choose from|all|both|other|any of (?:those|these)"
    rf"|one of|1 of|of|are|with|and|offer)(?: you| me)?)\s{_SOFTLY}|(?:^|[.!?,-])\s*(?:and )?)$"
)
_AFTER_ONE = re.compile(r"\s(?:of the (?!two|2)|i\b|you\b|that i\b)")
_AFTER_CHOICE = re.compile(r"\s*(?:$|[.,!?;:-]|[a-z])")
_TIME_WORD = re.compile(
    r"\b(?:(?P<leave>leav\w*|depart\w*|pick\w*(?:\s\w+)?\sup|pick-?up|collect\w*|after)"
    r"|(?P<arrive>arr[iv]{2}\w*|get(?:s|ting)? (?:you |in|there|to)|by|reach\w*|drop\w*|before|"
    r"pulling in|putting you|puts you|until))\b"
)
_FROM = re.compile(
    r"\b(?:from|leav\w+|depart\w+|departure(?: is|:)?|out of|pick\w*(?:\s\w+)?\sup|meet you|between"
    r"|picked up)(?: at| in| from)?(?: the)?\s*$"
)
_TO = re.compile(
    r"\b(?:to|into|in|arr[iv]{2}\w+(?: at| in)?|reach\w*|destination(?: is|:)?|towards|for|at)"
    r"(?: the)?\s*$"
)
_NO_PLACE_AHEAD = re.compile(r"\s(?:town ?info|tourist|help|area|information|restaurant)")
_NO_AREA_BEFORE = ("towninfo ", "town info ", "info ", "information ", "help ")
_KIND_BEFORE = re.compile(r"\b(?:the|this|that|your|our|which|another|each|specific|same)\s$")
_MONEY_BEFORE = re.compile(r"\b(?:fee|admission|cost\w*|price\w*|total)\b[^.]{0,24}$")
_NOT_ADMISSION = re.compile(r"\s(?:parking|wi-?fi|internet)\b")
_ROAD_AHEAD = re.compile(r"\s(?:road|street|lane|avenue|way|rd|st|american|african|indian)\b")
_GAP = re.compile(r"[\s,]+(?:on |in |off )?")


def pattern_spans(text: str) -> Iterator[Span]:
    """Yield every stretch of ``text`` that has the form of a value; some may overlap."""
    for match in _PATTERN.finditer(text):
        yield Span(*match.span(), str(match.lastgroup).rsplit("_", 1)[0])
    for match in _LETTER_REFERENCE.finditer(text):
        yield Span(*match.span(1), "reference")
    for match in _STREET.finditer(text):
        yield Span(*match.span(), "address")


def is_count(text: str, span: Span) -> bool:
    """Say whether a number or "several" counts what was found."""
    start = max(0, span.start - 36)
    before = _BEFORE_CHOICE.search(text, start, span.start)
    if before is None or not _AFTER_CHOICE.match(text, span.end):
        return False
    if text[span.start : span.end] != "1":
        return True
    # In normalised text "1" is also the pronoun: "the 1 i like", "which 1".
    return not before[0].rstrip().endswith("the") and not _AFTER_ONE.match(text, span.end)


def is_asked_kind(text: str, span: Span) -> bool:
    """Say whether "hotel" names a kind of place and not the place itself ("the hotel is")."""
    if text[span.start : span.end] not in {"hotel", "guesthouse"}:
        return True
    return _KIND_BEFORE.search(text, max(0, span.start - 12), span.start) is None


def is_area(text: str, span: Span) -> bool:
    """Say whether "east" is an area and not the beginning of "east road"."""
    named = text[: span.start].endswith(_NO_AREA_BEFORE)
    return not named and _ROAD_AHEAD.match(text, span.end) is None


def is_admission(text: str, span: Span) -> bool:
    """Say whether "free" is a fee, unlike in "feel free" and "free parking"."""
    feeling = text[: span.start].endswith("feel ")
    return not feeling and _NOT_ADMISSION.match(text, span.end) is None


def is_money(text: str, span: Span) -> bool:
    """Say whether what looks like a clock time is a price: "the fee is 2.50"."""
    return _MONEY_BEFORE.search(text, max(0, span.start - 30), span.start) is not None


def is_one_address(text: str, end: int, start: int) -> bool:
    """Say whether two address parts are one, from where the first ends to the second's start."""
    return _GAP.fullmatch(text, end, start) is not None


def leave_or_arrive(text: str, span: Span) -> str | None:
    """Return the slot of a clock time by the last telling word before it."""
    before = [*_TIME_WORD.finditer(text, max(0, span.start - 48), span.start)]
    if (before and before[-1]["arrive"]) or text.startswith(" arrival", span.end):
        return "arrive"
    return "leave" if before else None


def place_slot(text: str, span: Span, known: Mapping[str, str]) -> str | None:
    """Return whether a place is left or headed for, by the words before it, then by the state.

    Args:
        text: the reply.
        span: the place.
        known: the state of the active domain, slot -> value.
    """
    if _NO_PLACE_AHEAD.match(text, span.end):
        return None
    start = max(0, span.start - 24)
    if _FROM.search(text, start, span.start) or text.startswith(" to ", span.end):
        return "departure"
    if _TO.search(text, start, span.start):
        return "destination"
    surface = tuple(word.key for word in words_of(text[span.start : span.end]))
    for slot in ("destination", "departure"):
        if surface in spellings(known.get(slot, "")):
            return slot
    return None
