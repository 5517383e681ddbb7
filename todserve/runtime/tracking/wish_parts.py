"""WishParts: splits an utterance into parts that each wish for something of another service.

The pipeline calls it after the first engine call and has the network read each part by itself,
before the belief state is tracked: of a long utterance a small network hears the first service and
overlooks half of the second. The words are data: ``wishes`` of ``ways_of_saying.json``. Example: "a
table at cotto for 2 at 7 and a room from friday" has the parts "a table at cotto for 2 at 7" of the
restaurant and "a room from friday" of the hotel.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from todserve.runtime.language.schema import Schema
from todserve.runtime.tracking.named_venues import NamedVenues
from todserve.runtime.tracking.pointing_words import alternatives, any_of
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying

_MARKS = r"[,.;:!?]+\s+|[,;]|\s+(?:-|–|—|\+|/)\s+"
_SHORTEST = 3  # words of a wish behind "and"
_TELLING = 6  # words before the first service that is named, from which they may wish for another


@dataclass(frozen=True, kw_only=True, slots=True)
class WishPart:
    """A stretch of an utterance and the service of which something is wished in it.

    ``domain`` is empty where none is named: "from ely to cambridge on friday, and a hotel".
    """

    domain: str
    text: str


@dataclass(frozen=True, kw_only=True)
class WishParts:
    """Parts utterances.

    Attributes:
        schema: knows the services.
        ways: the words.
        venues: names that no part may tear apart.
    """

    schema: Schema
    ways: WaysOfSaying
    venues: NamedVenues

    def of(self, utterance: str) -> tuple[WishPart, ...]:
        """Return the parts of an utterance; empty where it wishes for one service alone."""
        found: list[tuple[str, int, int]] = []
        for start, end, joined in self._stretches(utterance):
            domain = self._begun(utterance[start:end], joined=joined)
            if found and domain in (None, found[-1][0]):
                found[-1] = (found[-1][0], found[-1][1], end)
            elif domain is not None:
                if not found and self._is_wish(utterance[:start]):
                    found.append(("", 0, start))
                found.append((domain, start if found else 0, end))
        domains = {domain for domain, _, _ in found}
        if len(domains) < len(found) or len(found) <= 1:
            return ()  # a service that is spoken of twice is spoken of throughout
        if any(self.venues.tears(utterance, start) for _, start, _ in found[1:]):
            return ()
        return tuple(
            WishPart(domain=domain, text=utterance[start:end]) for domain, start, end in found
        )

    def _begun(self, text: str, *, joined: bool) -> str | None:
        """Return the service that a stretch names first."""
        if self._going_on.match(text):
            return None
        if joined and len(text.split()) < _SHORTEST:
            return None  # "between the hotel and restaurant"
        places = [
            (match.start(), domain)
            for domain, pattern in self._wishes.items()
            for match in pattern.finditer(text)
            if not self._definite.search(text[: match.start()])
        ]
        return min(places, default=(0, None))[1]

    def _is_wish(self, text: str) -> bool:
        """Say whether words that name no service wish for something: a journey on some day."""
        leads = self.ways.pointing.ends.values()
        return (
            len(text.split()) >= _TELLING
            and any(one.search(text) for one in leads)
            and self._telling.search(text) is not None
        )

    def _stretches(self, utterance: str) -> Iterator[tuple[int, int, bool]]:
        """Yield where each begins and ends, and whether a word joins it to the one before."""
        start, joined = 0, False
        for match in self._between.finditer(utterance):
            if utterance[start : match.start()].strip():
                yield start, match.start(), joined
            start, joined = match.end(), match[0].strip().isalpha()
        if utterance[start:].strip():
            yield start, len(utterance), joined

    @cached_property
    def _wishes(self) -> dict[str, re.Pattern[str]]:
        known = self.ways.wishes
        return {domain: any_of(known[domain]) for domain in self.schema.domains if domain in known}

    @cached_property
    def _telling(self) -> re.Pattern[str]:
        return re.compile(rf"\d|{any_of(self.ways.spans.days.values()).pattern}", re.IGNORECASE)

    @cached_property
    def _definite(self) -> re.Pattern[str]:
        """Finds at the end of a text what makes the word behind it one that was spoken of."""
        return re.compile(rf"(?<!\w){alternatives(self.ways.pointing.determiners)}\s+$")

    @cached_property
    def _between(self) -> re.Pattern[str]:
        words = alternatives((*self.ways.parting, *self.ways.joining, *self.ways.adding))
        return re.compile(rf"{_MARKS}|\s+{words}\s+", re.IGNORECASE)

    @cached_property
    def _going_on(self) -> re.Pattern[str]:
        """Finds at the beginning of a stretch what makes it a part of the one before."""
        return re.compile(rf"\s*{alternatives(self.ways.going_on)}\s", re.IGNORECASE)
