"""Wording: how values and finished replies are written for people.

Stands inside lexicalisation, last on the way of a request. Example: postcode ``cb12dp`` is
written ``CB1 2DP``, name ``the cambridge belfry`` is ``the Cambridge Belfry``, and
``i have 1 hotels.`` becomes ``I have 1 hotel.``.
"""

import re
from collections.abc import Callable, Mapping

_SMALL_WORDS = frozenset({"and", "at", "by", "de", "du", "in", "la", "of", "on", "the", "to"})
_PLAIN_FOODS = frozenset(
    {"gastropub", "seafood", "vegetarian", "fusion", "international", "unusual", "traditional"}
    | {"modern", "creative", "bistro", "steakhouse", "barbeque", "crossover", "world", "eclectic"}
    | {"light", "bites", "global", "oriental"}
)
_ABBREVIATIONS = frozenset({"bmw", "adc", "hk", "b", "uk"})
_RUN_TOGETHER: Mapping[str, str] = {
    "swimmingpool": "swimming pool",
    "concerthall": "concert hall",
}
"""Values that MultiWOZ writes without a space."""

_PROPER = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|cambridge|ely|norwich|london)\b"
)
"""Proper nouns that MultiWOZ's replies say outside placeholders."""

_WORD = re.compile(r"[a-z0-9][a-z0-9']*")
_MANY_BEFORE = re.compile(
    r"(?:\b(?:[2-9]|\d\d+|many|several|multiple|some|all|both|various|other|these|those|any|no|"
    r"lots of|few|number of|different|find|are)\b[^.,!?]{0,24})$"
)
_ONE_BEFORE = re.compile(r"(?:\b(?:a|an|1|one|is|this|that|the only)\b[^.,!?]{0,20})$")
_AFTER_ONE = re.compile(
    r"(?<![\d:.,])\b1 ((?:[a-zA-Z-]+ ){0,3}?)"
    r"(restaurant|hotel|guesthouse|train|place|attraction|option|museum|college|result|match|night"
    r"|star|park|theatre|cinema|nightclub|listing|choice|ticket)(?:e?s)\b"
)
_ONE_PRONOUN = re.compile(
    r"(?<=\b)((?:this|that|which|each|any|another|either|every|the|no|first|last|next|only) )1\b"
    r"(?! (?:star|night|ticket))"
    r"|(?<![\d:.])\b1(?= (?:of (?:the|them|those|these)|i|for you|that)\b)"
)


def spoken(slot: str, value: str) -> str:
    """Return a database or state value as it is written in a reply."""
    return _WRITTEN.get(slot, _plain)(value)


def _plain(value: str) -> str:
    return _RUN_TOGETHER.get(value, value)


def title(value: str) -> str:
    """Return a name with capitals, small words inside it without."""

    def capital(match: re.Match[str]) -> str:
        word = match[0]
        if word in _ABBREVIATIONS:
            return word.upper()
        return word if word in _SMALL_WORDS else word[0].upper() + word[1:]

    return _WORD.sub(capital, value)


def _postcode(value: str) -> str:
    plain = value.replace(" ", "").upper()
    return f"{plain[:-3]} {plain[-3:]}" if 5 <= len(plain) <= 7 else plain


def _food(value: str) -> str:
    return " ".join(word if word in _PLAIN_FOODS else title(word) for word in value.split())


def _car(value: str) -> str:
    colour, _, make = value.partition(" ")
    return f"{colour} {title(make)}" if make else colour


_WRITTEN: Mapping[str, Callable[[str], str]] = {
    "name": title,
    "address": title,
    "departure": title,
    "destination": title,
    "day": title,
    "food": _food,
    "car": _car,
    "postcode": _postcode,
    "id": str.upper,
    "reference": str.upper,
}


def plural(value: str) -> str:
    """Return the plural of a kind of place: ``churches``, ``swimming pools``."""
    if value.endswith(("s", "architecture", "entertainment")):
        return value
    return f"{value}es" if value.endswith(("ch", "sh", "x")) else f"{value}s"


def fits(slot: str, value: str, before: str, after: str) -> str:
    """Return ``value`` bent to the words around it.

    Args:
        slot: what it is.
        value: as ``spoken`` returned it.
        before: the reply up to it, already filled.
        after: the reply after it, still with placeholders.
    """
    if slot == "name" and before.endswith(("the ", "The ")):
        return value.removeprefix("the ")
    if slot == "type" and _MANY_BEFORE.search(before) and not _ONE_BEFORE.search(before):
        return plural(value)
    if slot == "area" and re.search(r"\b(?:in|to|on)\s$", before):
        return f"the {value}"
    if slot == "pricerange" and value == "moderate":
        ranged = re.match(r"\W*(?:price|rang|in price|pricing|prices)", after)
        return value if ranged and not after.startswith(" priced") else _priced(after)
    if slot == "fee":
        return _fee(value, before)
    return value


def _priced(after: str) -> str:
    return "moderately" if after.startswith((" priced", "-priced")) else "moderately priced"


def _fee(value: str, before: str) -> str:
    if not re.search(r"\b(?:have|has|with|there is|there's|is a|and)\s(?:an? )?$", before):
        return value
    return "free admission" if value == "free" else f"an entrance fee of {value}"


def article(before: str, value: str) -> str:
    """Return ``before`` with its last word "a" or "an" agreeing with ``value``."""
    found = re.search(r"\b(an?) $", before)
    if found is None or not value:
        return before
    right = "an" if value[0].lower() in "aeio" or value.startswith(("8", "11 ", "18")) else "a"
    return before[: found.start(1)] + right + " "


_LAST_TWICE = re.compile(r"\b(\w[\w' -]*?), (\w[\w' -]*?),? (or|and) \2\b")
_ONE_TWICE = re.compile(r"\b(\w[\w' -]*?),? or \1\b")
"""Choices of which one is there twice, since the look-up had fewer values than the sentence."""


def finished(text: str) -> str:
    """Return a filled reply with capitals, singulars, single spaces and every choice named once."""
    text = " ".join(text.split())
    text = _LAST_TWICE.sub(r"\1 \3 \2", text)
    text = _ONE_TWICE.sub(r"\1", text)
    text = re.sub(r"\s+([.,!?;:])", r"\1", text)
    text = re.sub(r"\b(there) are (1|one)\b(?! (?:in|and)\b)", r"\1 is \2", text)
    text = _AFTER_ONE.sub(r"1 \1\2", text)
    text = re.sub(r"(?<![\d:.])\b1 people\b", "1 person", text)
    text = _ONE_PRONOUN.sub(lambda match: f"{match[1] or ''}one", text)
    text = _PROPER.sub(lambda match: match[0].capitalize(), text)
    text = re.sub(r"\bi\b(?=['\s,.!?]|$)", "I", text)
    return re.sub(r"(^\W*|[.!?]\s+)([a-z])", lambda match: match[1] + match[2].upper(), text)
