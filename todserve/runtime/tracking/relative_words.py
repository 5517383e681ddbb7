"""RelativeWords: how people change a number, a time or a day by so much, not naming the new one.

Read from ``ways_of_saying.json``, under ``relative``, of the package and of a checkpoint, for
`RelativeValues`. Example:
``{"counts": {"people": {"more": ["{n} more"]}}, "amounts": {"a couple": 2}}``. In a phrase ``{n}``
stands for a number, ``{long}`` for a length of time, ``{who}`` for one person or several and
``{what}`` for the thing that is moved.
"""

import re
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict

_FILLED = re.compile(r"\{[^\W\d]+\}")


class Steps(BaseModel):
    """Phrases that make a value more, or less: a number greater, a time or a day later.

    Attributes:
        more: make it more.
        less: make it less.
        twice: make a number twice as great.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    more: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()


class RelativeWords(BaseModel):
    """How values are changed by so much; how the new value is read, ``pointing.same_as`` says.

    Attributes:
        signs: words of which one is in every phrase; what has none of them is passed over at once.
        counts: slot -> phrases that change its number; one without ``{n}`` changes it by one.
        times: phrases that change a time by ``{long}``.
        what: words for the thing that is moved, which are left standing: "the cab".
        time_slots: the slots of times.
        days: phrases that change a day; one without ``{n}`` changes it by one.
        day_slot: the slot of a day.
        amounts: phrase -> the number it says, beside number words and figures.
        lengths: phrase -> minutes; one with ``{n}`` says so many times as many.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    signs: tuple[str, ...] = ()
    counts: Mapping[str, Steps] = {}
    times: Steps = Steps()
    what: tuple[str, ...] = ()
    time_slots: tuple[str, ...] = ()
    days: Steps = Steps()
    day_slot: str = ""
    amounts: Mapping[str, int] = {}
    lengths: Mapping[str, int] = {}

    def phrases(self) -> Iterator[str]:
        """Yield all regular expressions, each with a letter for what is filled in."""
        yield from (*self.signs, *self.what)
        for steps in (*self.counts.values(), self.times, self.days):
            for phrase in (*steps.more, *steps.less, *steps.twice):
                yield _FILLED.sub("n", phrase)
        yield from (_FILLED.sub("n", phrase) for phrase in (*self.amounts, *self.lengths))
