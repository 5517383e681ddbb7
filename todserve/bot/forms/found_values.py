"""Values found in the words of a message, where neither a model nor a button says them.

The rules under ``slots.X.fill`` of bot.yml are obeyed here. Example: of "monday, no, tuesday" the
slot ``day`` with ``listed`` becomes ``tuesday``, and so it does of "not monday but tuesday".
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from todserve.bot.bot_config import BotSlot, Filling
from todserve.bot.bot_phrases import Phrases
from todserve.bot.expressions import Expression

_NOT_IN_WORDS = re.compile(r"[^\w' ]+")
_Place = tuple[int, int, str]


def words_of(text: str) -> list[str]:
    """Return the words of a text in small letters."""
    composed = unicodedata.normalize("NFC", text).replace("\u2019", "'").casefold()
    return _NOT_IN_WORDS.sub(" ", composed).split()


def begins(said: Sequence[str], phrases: Iterable[str]) -> int:
    """Return how many words the longest of the phrases has that they begin with; 0 for none."""
    parts = (words_of(phrase) for phrase in phrases)
    return max((len(one) for one in parts if one and [*said[: len(one)]] == one), default=0)


def names_one(said: Sequence[str], phrases: Iterable[str]) -> bool:
    """Say whether one of the phrases stands anywhere among the words."""
    every = tuple(phrases)
    return any(begins(said[place:], every) for place in range(len(said)))


def found_value(one: Filling, slot: BotSlot, user: str, phrases: Phrases) -> str | None:
    """Return what a rule of ``fill`` takes from the words; None where it finds nothing.

    Args:
        one: the rule.
        slot: whose it is.
        user: the words.
        phrases: of the language that they are in.
    """
    if one.value is not None:
        return one.value
    text = unicodedata.normalize("NFC", user)
    if one.pattern is not None:
        return _meant(_compiled(one.pattern).places(text), text, phrases)
    if one.listed:
        return _meant(_listed((*slot.values, *slot.spellings), text), text, phrases)
    return user.strip() or None


@lru_cache(maxsize=500)
def _compiled(pattern: str) -> Expression:
    return Expression(pattern, place="fill.pattern")


def _listed(values: Sequence[str], text: str) -> Iterator[_Place]:
    """Yield where values stand as words of their own, the longest where several begin."""
    if not values:
        return
    longest = sorted({*values}, key=len, reverse=True)
    known = {one.casefold(): one for one in reversed(longest)}
    # The values are data, and escaped: nothing of them is an expression.
    either = "|".join(re.escape(one) for one in longest)
    for found in re.finditer(rf"(?<!\w)(?:{either})(?!\w)", text, re.IGNORECASE):
        yield found.start(), found.end(), known.get(found[0].casefold(), found[0])


def _meant(places: Iterable[_Place], text: str, phrases: Phrases) -> str | None:
    """Return the first value that is not ruled out, or a later one that corrects it."""
    chosen: _Place | None = None
    turning = (*phrases.deny, *phrases.change)
    for start, end, value in places:
        before, after = words_of(text[:start]), words_of(text[end:])
        tails = (before[-count:] for count in (1, 2))
        if any(" ".join(one) in phrases.not_this for one in tails) or begins(
            after, phrases.but_this
        ):
            continue
        if chosen is None or names_one(words_of(text[chosen[1] : start]), turning):
            chosen = start, end, value
    return None if chosen is None else chosen[2]
