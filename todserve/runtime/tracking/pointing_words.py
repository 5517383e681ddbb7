"""PointingWords: the words of a language that point at what was said before.

Read from ``ways_of_saying.json``, under ``pointing``, of the package and of a checkpoint, for
`BackReferences` and others that read utterances. Example: ``{"same": {"day": ["that night"]},
"same_as": {"day": "on {value}"}, "nouns": {"hotel": ["guest ?house"]}}``. Phrases are regular
expressions, looked for between word boundaries.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from pydantic import BaseModel, ConfigDict


class PointingWords(BaseModel):
    """Words that point at a venue, a value or a service that was spoken of before.

    Attributes:
        things: what may stand behind "the second": "one", "option".
        ordinals: place in a list -> words for it; ``-1`` is the last.
        determiners: stand before a venue that was spoken of: "the", "my".
        articles: stand before one of a list.
        of_them: may stand behind one of a list.
        going_on: may follow a bare "the second", for they are no nouns.
        polite: may follow what is all that is said.
        gone: take back the whole of what is at hand: "i don't need it any more".
        needless: stand before a service that is wished no more: "no need for".
        heard: slots of a place or a day, which words of ``before_heard`` tell for certain.
        before_heard: stand before such a value: "in the", "on".
        located: stand between "the one" and what is true of it.
        numbered: what may stand before the number of a place: "option".
        this: point at the one venue that the last reply named.
        other: point at the second of two, where the first was chosen.
        denied: before such words, which then point at what is not wanted.
        lesser: slot -> words for the one of a list with the least of it.
        greater: slot -> words for the one with the most.
        ranked: slot -> its values in their order; numbers have their own.
        same: slot -> words for the value that it has already.
        near: slot -> words before a venue which has the value that is meant: "close to".
        same_as: slot -> how that is read, with ``{value}``.
        nouns: service -> words for a venue of it that was spoken of: "the hotel".
        sides: service -> words for what one has of it, which speak of it and name no venue: "the
            room".
        booked: behind such a word, which then speaks of a booking: "the restaurant reservation".
        between: point at both ends of a way.
        from_to: how that is read, with ``{departure}`` and ``{destination}``.
        in_time: say that one must be there when a booking begins.
        in_time_as: how that is read, with ``{value}``.
        in_time_slot: the slot of a booking that has the time.
        turned: say that two values are the wrong way round.
        dropped: take back what is named behind them.
        pairs: two slots of a service that one may take for each other: the ends of a way.
        put_right: deny such an end, ``{old}``, up to the one that is meant instead.
        leading: slot of such a pair -> words before its place: "from".
        units: slot -> words behind its number: "nights".
        of_way: slots that a way there has of its own, and the way back does not share.
        back: say that one goes back.
        it: point at what was named just before.
        there: point at the venue at hand as the end of a way.
        in_place: stand behind what one has at a place that was just named: "a room there".
        kept: say that something stays as it is.
        rest: say so of all that is not named.
        both: speak of two services at once.
        excluded: stand before a value that is not wished: "anywhere but".
        none_of: stand before a kind of thing that is not wished: "no". Before a place or a day they
            only say that the last one was wrong.
        vague: stand, like an article, before no one thing: "a", "any".
        or_else: stand between two things that one word rules out: "no churches or colleges".
        another: ask for another venue than the one at hand.
        beyond: slot -> phrases for a value that no schema has: a stay of months, "tomorrow".
        ended: words at which the name of a place ends: "after".
        placeless: words behind "to" or "from" that begin no place: "get", "me".
        no_place: words for a place that tell of none, wherever they stand: "nowhere".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    things: tuple[str, ...] = ()
    ordinals: Mapping[str, tuple[str, ...]] = {}
    determiners: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()
    of_them: tuple[str, ...] = ()
    going_on: tuple[str, ...] = ()
    polite: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    needless: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()
    before_heard: tuple[str, ...] = ()
    located: tuple[str, ...] = ()
    numbered: tuple[str, ...] = ()
    this: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    lesser: Mapping[str, tuple[str, ...]] = {}
    greater: Mapping[str, tuple[str, ...]] = {}
    ranked: Mapping[str, tuple[str, ...]] = {}
    same: Mapping[str, tuple[str, ...]] = {}
    near: Mapping[str, tuple[str, ...]] = {}
    same_as: Mapping[str, str] = {}
    nouns: Mapping[str, tuple[str, ...]] = {}
    sides: Mapping[str, tuple[str, ...]] = {}
    booked: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    from_to: str = ""
    in_time: tuple[str, ...] = ()
    in_time_as: str = ""
    in_time_slot: str = ""
    turned: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    put_right: tuple[str, ...] = ()
    leading: Mapping[str, tuple[str, ...]] = {}
    units: Mapping[str, tuple[str, ...]] = {}
    of_way: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    it: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    in_place: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    both: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    vague: tuple[str, ...] = ()
    or_else: tuple[str, ...] = ()
    another: tuple[str, ...] = ()
    beyond: Mapping[str, tuple[str, ...]] = {}
    ended: tuple[str, ...] = ()
    placeless: tuple[str, ...] = ()
    no_place: tuple[str, ...] = ()

    def phrases(self) -> Iterator[str]:
        """Yield all regular expressions, one each."""
        for name, value in dict(self).items():
            if isinstance(value, tuple) and name not in ("pairs", "of_way", "heard"):
                yield from value
            elif isinstance(value, Mapping):
                for known in value.values():
                    yield from known if isinstance(known, tuple) else ()

    def over(self, below: "PointingWords") -> "PointingWords":
        """Return these words laid over others: phrases are added, templates are said anew."""
        both: dict[str, object] = {}
        for name, value in dict(self).items():
            under = getattr(below, name)
            if isinstance(value, tuple):
                both[name] = (*under, *value)
            elif isinstance(value, Mapping):
                both[name] = {**under, **_added(under, value)}
            else:
                both[name] = value or under
        return PointingWords.model_validate(both)

    def services(self, names: Iterable[str]) -> dict[str, re.Pattern[str]]:
        """Return what finds a word that speaks of each of some services."""
        return {
            name: any_of([rf"{name}s?", *self.nouns.get(name, ()), *self.sides.get(name, ())])
            for name in names
        }

    def paired(self, slot: str) -> tuple[str, ...]:
        """Return a slot with the one that it may be taken for, if any."""
        return next((pair for pair in self.pairs if slot in pair), (slot,))

    @cached_property
    def turning(self) -> re.Pattern[str]:
        """Finds what says that two values are the wrong way round."""
        return any_of(self.turned)

    @cached_property
    def dropping(self) -> re.Pattern[str]:
        """Finds what takes something back."""
        return any_of(self.dropped)

    @cached_property
    def ends(self) -> Mapping[str, re.Pattern[str]]:
        """Slot of a pair -> what finds its place in its group 1: all up to another lead."""
        leads = (word for known in self.leading.values() for word in known)
        stop = "|".join((*leads, *self.going_on)) or r"(?!)"
        article = rf"(?:(?:{'|'.join(self.articles) or '(?!)'})\s+)?"
        return {
            slot: re.compile(
                rf"(?<!\w)(?:{'|'.join(known)})\s+{article}(\w+(?: \w+){{0,3}}?)"
                rf"(?=\s+(?:{stop})\b|\s*[,.;!?]|\s*$)",
                re.IGNORECASE,
            )
            for slot, known in self.leading.items()
        }

    @cached_property
    def counting(self) -> Mapping[str, re.Pattern[str]]:
        """Slot -> what finds, behind a number, that the number is of it."""
        return {
            slot: re.compile(rf"[\s-]+(?:{'|'.join(known)})(?!\w)", re.IGNORECASE)
            for slot, known in self.units.items()
        }

    @cached_property
    def going_back(self) -> re.Pattern[str]:
        """Finds what says that one goes back."""
        return any_of(self.back)

    @cached_property
    def pronouns(self) -> re.Pattern[str]:
        """Finds what points at something named just before."""
        return any_of(self.it)

    @cached_property
    def keeping(self) -> re.Pattern[str]:
        """Finds what says that something stays."""
        return any_of(self.kept)

    @cached_property
    def both_of(self) -> re.Pattern[str]:
        """Finds what speaks of two services at once."""
        return any_of(self.both)

    @cached_property
    def another_one(self) -> re.Pattern[str]:
        """Finds what asks for another venue."""
        return any_of(self.another)

    @cached_property
    def excluding(self) -> re.Pattern[str]:
        """Finds what rules out what stands behind it and leaves all else open: "anything but"."""
        return any_of(self.excluded)

    def is_no_place(self, value: str) -> bool:
        """Say whether a lower-case value begins as what tells of no place: "somewhere nice"."""
        return self._no_place.match(value) is not None

    @cached_property
    def _no_place(self) -> re.Pattern[str]:
        return any_of(self.no_place)

    def excludes(self, value: str, text: str) -> bool:
        """Say whether a lower-case text rules out a value, and says it nowhere else."""
        if value not in text:  # as most often; no expression need be compiled for it
            return False
        said = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text)]
        return bool(said) and all(self.excluding_end.search(text[:at]) for at in said)

    @cached_property
    def excluding_end(self) -> re.Pattern[str]:
        """Finds at the end of a text what rules out that which stands behind it."""
        return self._before_excluded((*self.excluded, *self.denied))

    @cached_property
    def excluding_kind_end(self) -> re.Pattern[str]:
        """Finds the same before a kind of thing, which "no" and "forget" rule out as well."""
        words = (*self.excluded, *self.denied, *self.none_of, *self.dropped)
        return self._before_excluded(words)

    def _before_excluded(self, words: Iterable[str]) -> re.Pattern[str]:
        lead = alternatives((*self.articles, *self.vague, *self.located))
        other = rf"(?:\w+\s+{alternatives(self.or_else)}\s+(?:{lead}\s+)?)?"
        return re.compile(rf"{any_of(words).pattern}\s+(?:{lead}\s+){{0,2}}{other}$", re.IGNORECASE)

    @cached_property
    def going(self) -> re.Pattern[str]:
        """Finds what takes back the whole of what is at hand."""
        return any_of(self.gone)

    def locates(self, value: str, text: str) -> bool:
        """Say whether a lower-case text says where or when something should be by a value."""
        lead = alternatives(self.before_heard)
        return re.search(rf"(?<!\w){lead} {re.escape(value)}(?!\w)", text) is not None

    @cached_property
    def resting(self) -> re.Pattern[str]:
        """Finds what says that all else stays."""
        return any_of(self.rest)


def any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    """Compile what finds any of some phrases as whole words; of none, nothing."""
    known = tuple(phrases)
    return re.compile(rf"(?<!\w)(?:{'|'.join(known)})(?!\w)" if known else r"(?!)", re.IGNORECASE)


def alternatives(phrases: Iterable[str]) -> str:
    """Return a regular expression of any of some phrases, to be a part of one; of none, nothing."""
    return f"(?:{'|'.join(phrases) or '(?!)'})"


def _added(below: Mapping[str, object], given: Mapping[str, object]) -> dict[str, object]:
    return {
        key: (*under, *value)
        if isinstance(value, tuple) and isinstance(under := below.get(key, ()), tuple)
        else value
        for key, value in given.items()
    }
