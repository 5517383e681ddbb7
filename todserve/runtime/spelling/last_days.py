"""LastDays: reads the last day of a stay whose first is known as the number of its nights.

`BackReferences` calls it once the belief state of the turn before is known. The words are data:
``spans`` of ``ways_of_saying.json``. Example: with a room from thursday in the state, "stay till
monday instead" is read as "for 4 nights instead".

Of a stay is spoken where the service at hand, or the only one that the words name, counts nights,
and where the words say one last day, no first one and no number of nights.
"""

import re
from collections.abc import Iterator, Mapping

from todserve.runtime.language.dialogue import BeliefState
from todserve.runtime.language.schema import Schema
from todserve.runtime.spelling.paraphrases import Piece
from todserve.runtime.tracking.pointing_words import alternatives, any_of
from todserve.runtime.tracking.ways_of_saying import WaysOfSaying


class LastDays:
    """Counts nights up to a day.

    Args:
        ways: the days of the week in their order, and what stands before the last of a stay.
        schema: knows which services count nights.
    """

    def __init__(self, ways: WaysOfSaying, schema: Schema) -> None:
        spans = ways.spans
        self._first, self._nights = spans.slots
        self._names = tuple(spans.days)
        self._days = [re.compile(phrase, re.IGNORECASE) for phrase in spans.days.values()]
        until, on = alternatives((*spans.until, *spans.leaving)), alternatives(spans.on)
        day = alternatives(spans.days.values())
        self._until = re.compile(
            rf"(?<!\w){until}\s+(?:{on}\s+){{0,2}}(?P<day>{day})(?!\w)", re.IGNORECASE
        )
        self._from = re.compile(
            rf"(?<!\w){alternatives(spans.before)}\s+(?:{on}\s+){{0,2}}{day}(?!\w)", re.IGNORECASE
        )
        self._counted = any_of(spans.counted)
        self._staying = frozenset(one for one in schema.domains if schema.has(one, self._nights))
        self._services = ways.pointing.services(schema.domains)
        self._read_as = ways.pointing.same_as.get(self._nights, "")

    def found(self, utterance: str, state: BeliefState, at_hand: str | None) -> Iterator[Piece]:
        """Yield the last day of a stay, as its nights.

        Args:
            utterance: the user's words.
            state: the belief state before them.
            at_hand: the active domain before them.
        """
        matches = [*self._until.finditer(utterance)]
        if len(matches) != 1 or not self._read_as or self._counted.search(utterance):
            return
        (match,) = matches
        spoken = [one for one, words in self._services.items() if words.search(utterance)]
        about = spoken[0] if len(spoken) == 1 else None if spoken else at_hand
        if about not in self._staying or self._from.search(utterance):
            return
        nights = self._nights_until(match["day"], state.get(about, {}))
        if nights:
            yield *match.span(), self._read_as.replace("{value}", str(nights))

    def _nights_until(self, day: str, known: Mapping[str, str]) -> int:
        """Return how many nights there are from the first day; 0 where nobody knows it."""
        first = known.get(self._first, "")
        if first not in self._names:
            return 0
        last = next(at for at, one in enumerate(self._days) if one.fullmatch(day))
        return (last - self._names.index(first)) % len(self._days)
