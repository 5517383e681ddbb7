"""WaysOfSaying: how people say a closed value in words that are not the value's own.

Read once when a worker starts: the package's own file, and over it a checkpoint's
``ways_of_saying.json``, which need not exist. Example: ``{"values": {"pricerange": {"expensive":
["posh", "fancy"]}}}``, where a slot may also stand with its domain, as ``hotel.type``. Phrases are
regular expressions that are looked for between word boundaries, in lower case.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from todserve.runtime.errors import ConfigError, reason_of
from todserve.runtime.tracking.pointing_words import PointingWords, alternatives, any_of
from todserve.runtime.tracking.relative_words import RelativeWords
from todserve.runtime.untrusted.checked_pattern import check_pattern
from todserve.runtime.untrusted.json_text import read_json

WAYS_FILE = "ways_of_saying.json"
"""Its name in a checkpoint folder and in an archive; a checkpoint may lack it."""

_OWN = Path(__file__).with_name("ways_of_saying.json")


class Spans(BaseModel):
    """How people say a stay by its first day and its last.

    Attributes:
        days: the days of the week in their order -> a phrase for each.
        before: words that may stand before the first: "from".
        joined: what stands between the two: "to", "until".
        leaving: words for going away, which stand before the last day: "check out".
        linking: words that may stand before those: "and we".
        on: words that may stand before a day: "on the".
        counted: words behind a number that says how long the stay is, so that nothing is counted.
        read_as: how a stretch is read, with ``{n}`` nights and its first ``{day}``; empty leaves
            it as it is.
        until: words before the last day of a stay whose first is known, beside those for going
            away: "stay till".
        slots: the slot of the first day, and that of the number of nights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: Mapping[str, str] = {}
    before: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    linking: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    read_as: str = ""
    until: tuple[str, ...] = ()
    slots: tuple[str, str] = ("", "")


class CompanyWords(BaseModel):
    """The words that hold a list of people together: "me, my wife and two friends".

    Attributes:
        whose: stand before a person.
        joining: join the last of a list, and a bare number to it.
        beside: join two people, and no bare number.
        unnumbered: stand before people of whom nobody says how many they are.
        after: may follow a bare number that is one of people.
        as_many: stand before as many people as were counted last: "their husbands".
        all_of: stand behind the number of all who were thought of: "of us".
        besides: stand behind that and before whoever comes on top: "plus".
        absent: stand behind one who does not come, and so is none of a list: "can't".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    whose: tuple[str, ...] = ()
    joining: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    unnumbered: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    as_many: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


class WaysOfSaying(BaseModel):
    """The phrases by which people say values, from the package's and the checkpoint's files.

    Attributes:
        checked: whether values are held against what was said at all. Only a checkpoint says so:
            where labels are no words of the user's (a topic, the kind of a list), every value
            would be refused.
        indifferent: say that any value will do.
        values: slot, or ``domain.slot`` -> value -> phrases that say it.
        unchecked: slots whose values are said in too many ways to be looked for.
        named: slot -> phrases that speak of the slot itself, whatever its value; its own name
            always does.
        withdrawn: say that something is wished no more.
        careless: say outright that any value will do, also where nothing was asked; plainer than
            ``indifferent``, to which a mere "no" belongs.
        wished: insist on what their part of the sentence names ("has to have"), even where they
            hold a word that denies ("can't do without").
        wished_as: the value that is insisted on: "yes".
        ruled_out: stand before what is not wished ("not", "anywhere but").
        led_to: stand before the name of a place ("a table at").
        shorthand: (regular expression, replacement) for what is typed short, in signs or as it is
            spoken, in the order in which they are tried; see `Shorthand`.
        plainly: plain words -> phrases that are read as them, see `paraphrase`.
        counted: number -> words for so many people; ``+`` for words behind a number ("2 kids").
        company: the words that hold such a list together.
        counted_as: what a list of people is read as, with ``{n}``; empty leaves lists as they are.
        speakers: words for whoever speaks; one of a pair that is counted.
        pair_behind: words before a pair for whom something is wished: "for".
        pair_before: words behind a pair who wish for something: "want".
        spans: a stay said by its two ends.
        instead: words behind which somebody corrects himself in the same breath.
        parting: words between two parts of a sentence that say different things: "but".
        joining: words between two that go on from one another: "and".
        denying: words that deny the part of a sentence in which they stand.
        lead: words that may stand between these and the value that is meant.
        sure: ``domain.slot`` -> value -> phrases that say it whatever the network makes of them.
        services: service -> phrases that ask for it, though the network takes them for something
            outside its services ("my bike was stolen").
        wishes: service -> words by which something of it is wished for ("a table").
        past: words that say how it was before: "last time".
        should_be: words that say how the thing at hand should be: "it needs to be".
        adding: words between two wishes, beside those of ``parting`` and ``joining``: "plus".
        going_on: words at the beginning of what goes on with a wish: "to", "from".
        evening: ``domain.slot`` of times that are in the second half of the day, where the words
            say an hour of the first without a leading zero and without ``morning``.
        timing: slot of a time -> words before a time that is the slot's: "gets in by".
        clock_behind: stand before a number that is a time: "at".
        clock_steps: minutes in words that are read in figures where they tell a time ("ten to").
        morning: words that say the first half of the day.
        tonight: words that say the second; times of whatever slot are then in it.
        pointing: words that point at what was said before.
        relative: words that change a known value by so much.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    checked: bool = False
    indifferent: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, tuple[str, ...]]] = {}
    unchecked: tuple[str, ...] = ()
    named: Mapping[str, tuple[str, ...]] = {}
    withdrawn: tuple[str, ...] = ()
    careless: tuple[str, ...] = ()
    wished: tuple[str, ...] = ()
    wished_as: str = ""
    ruled_out: tuple[str, ...] = ()
    led_to: tuple[str, ...] = ()
    shorthand: tuple[tuple[str, str], ...] = ()
    plainly: Mapping[str, tuple[str, ...]] = {}
    counted: Mapping[str, tuple[str, ...]] = {}
    company: CompanyWords = CompanyWords()
    counted_as: str = ""
    speakers: tuple[str, ...] = ()
    pair_behind: tuple[str, ...] = ()
    pair_before: tuple[str, ...] = ()
    spans: Spans = Spans()
    instead: tuple[str, ...] = ()
    parting: tuple[str, ...] = ()
    joining: tuple[str, ...] = ()
    denying: tuple[str, ...] = ()
    lead: tuple[str, ...] = ()
    sure: Mapping[str, Mapping[str, tuple[str, ...]]] = {}
    services: Mapping[str, tuple[str, ...]] = {}
    wishes: Mapping[str, tuple[str, ...]] = {}
    past: tuple[str, ...] = ()
    should_be: tuple[str, ...] = ()
    adding: tuple[str, ...] = ()
    going_on: tuple[str, ...] = ()
    evening: tuple[str, ...] = ()
    timing: Mapping[str, tuple[str, ...]] = {}
    clock_behind: tuple[str, ...] = ()
    clock_steps: tuple[str, ...] = ()
    morning: tuple[str, ...] = ()
    tonight: tuple[str, ...] = ()
    pointing: PointingWords = PointingWords()
    relative: RelativeWords = RelativeWords()

    @classmethod
    def of(cls, folder: Path | None) -> "WaysOfSaying":
        """Read a checkpoint's ways of saying over the package's own.

        Raises:
            ConfigError: a file is malformed.
        """
        own = cls._load(_OWN)
        path = None if folder is None else folder / WAYS_FILE
        return own._with(cls._load(path)) if path is not None and path.is_file() else own

    @classmethod
    def _load(cls, path: Path) -> "WaysOfSaying":
        try:
            loaded = cls.model_validate(read_json(path))
            for phrase in loaded._phrases():
                check_pattern(phrase)
            # Good ones may be none together.
            _ = (
                loaded.indifference,
                loaded.patterns,
                loaded.withdrawal,
                loaded.naming,
                loaded.ruling_out,
                loaded.leading,
            )
            for text, replacement in loaded.shorthand:
                re.compile(f"{text}|").sub(replacement, "")
            for phrases in (*loaded.plainly.values(), *loaded.counted.values()):
                any_of(phrases)
            return loaded
        except (OSError, ValueError, ValidationError, re.error) as error:
            raise ConfigError(
                f"cannot read {path}: {reason_of(error)}; expected {', '.join(cls.model_fields)}, "
                "with regular expressions as phrases"
            ) from error

    def _phrases(self) -> Iterator[str]:
        yield from (
            *self.indifferent,
            *self.withdrawn,
            *self.careless,
            *self.wished,
            *self.parting,
            *self.joining,
            *self.denying,
            *self.past,
            *self.should_be,
            *self.adding,
            *self.going_on,
            *self.ruled_out,
            *self.led_to,
            *self.instead,
            *self.lead,
        )
        yield from (*self.speakers, *self.pair_behind, *self.pair_before)
        spans = self.spans
        yield from (*spans.days.values(), *spans.before, *spans.joined, *spans.leaving)
        yield from (*spans.linking, *spans.on, *spans.counted, *spans.until)
        yield from (text for text, _ in self.shorthand)
        yield from self.pointing.phrases()
        yield from self.relative.phrases()
        yield from (*self.clock_behind, *self.clock_steps, *self.morning, *self.tonight)
        for words in self.company.model_dump().values():
            yield from words
        by_value = (*self.values.values(), *self.sure.values())
        by_service = (self.services, self.wishes)
        for known in (*by_value, *by_service, self.named, self.plainly, self.counted, self.timing):
            for phrases in known.values():
                yield from phrases

    def _with(self, other: "WaysOfSaying") -> "WaysOfSaying":
        values = {slot: dict(known) for slot, known in self.values.items()}
        for slot, known in other.values.items():
            under = values.setdefault(slot, {})
            for value, phrases in known.items():
                under[value] = (*under.get(value, ()), *phrases)
        return WaysOfSaying(
            checked=other.checked,
            indifferent=(*self.indifferent, *other.indifferent),
            values=values,
            unchecked=(*self.unchecked, *other.unchecked),
            named=_both(self.named, other.named),
            withdrawn=(*self.withdrawn, *other.withdrawn),
            careless=(*self.careless, *other.careless),
            wished=(*self.wished, *other.wished),
            wished_as=other.wished_as or self.wished_as,
            ruled_out=(*self.ruled_out, *other.ruled_out),
            led_to=(*self.led_to, *other.led_to),
            shorthand=(*self.shorthand, *other.shorthand),
            plainly=_both(self.plainly, other.plainly),
            counted=_both(self.counted, other.counted),
            company=other.company if "company" in other.model_fields_set else self.company,
            counted_as=other.counted_as or self.counted_as,
            speakers=(*self.speakers, *other.speakers),
            pair_behind=(*self.pair_behind, *other.pair_behind),
            pair_before=(*self.pair_before, *other.pair_before),
            spans=other.spans if other.spans.read_as else self.spans,
            instead=(*self.instead, *other.instead),
            parting=(*self.parting, *other.parting),
            joining=(*self.joining, *other.joining),
            denying=(*self.denying, *other.denying),
            lead=(*self.lead, *other.lead),
            sure={**self.sure, **other.sure},
            services={**self.services, **other.services},
            wishes=_both(self.wishes, other.wishes),
            past=(*self.past, *other.past),
            should_be=(*self.should_be, *other.should_be),
            adding=(*self.adding, *other.adding),
            going_on=(*self.going_on, *other.going_on),
            evening=(*self.evening, *other.evening),
            timing=_both(self.timing, other.timing),
            clock_steps=(*self.clock_steps, *other.clock_steps),
            clock_behind=(*self.clock_behind, *other.clock_behind),
            tonight=(*self.tonight, *other.tonight),
            morning=(*self.morning, *other.morning),
            pointing=other.pointing.over(self.pointing),
            relative=other.relative if "relative" in other.model_fields_set else self.relative,
        )

    @cached_property
    def indifference(self) -> re.Pattern[str]:
        """Finds what says that any value will do."""
        return any_of(self.indifferent)

    @cached_property
    def withdrawal(self) -> re.Pattern[str]:
        """Finds what takes something back."""
        return any_of(self.withdrawn)

    @cached_property
    def services_asked_for(self) -> Mapping[str, re.Pattern[str]]:
        """Service -> what finds a phrase that asks for it."""
        return {service: any_of(phrases) for service, phrases in self.services.items()}

    def service_said(self, text: str) -> str | None:
        """Return the service that a lower-case text asks for in so many words, if any."""
        found = (name for name, one in self.services_asked_for.items() if one.search(text))
        return next(found, None)

    @cached_property
    def shoulds(self) -> re.Pattern[str]:
        """Finds what says how the thing at hand should be."""
        return any_of(self.should_be)

    @cached_property
    def clocks(self) -> re.Pattern[str]:
        """Finds at the end of a text what makes the number behind it a time."""
        return re.compile(rf"{any_of(self.clock_behind).pattern}\s+$")

    @cached_property
    def mornings(self) -> re.Pattern[str]:
        """Finds what says the first half of the day."""
        return any_of(self.morning)

    @cached_property
    def evenings(self) -> re.Pattern[str]:
        """Finds what says the second half of the day."""
        return any_of(self.tonight)

    def in_the_evening(self, domain: str, slot: str, value: str, text: str, known: str = "") -> str:
        """Return a time as it is meant: at "half past eight" nobody dines in the morning.

        A value that was written with a leading zero, or of nine o'clock and later, stays, unless
        the value that was ``known`` is nearer to the evening: "make it ten past seven" of a cab at
        18:45.
        """
        if self._is_near_evening(value, known) and value not in text:
            hour, _, minute = value.partition(":")
            return value if self.mornings.search(text) else f"{int(hour) + 12}:{minute}"
        early = re.fullmatch(r"0([1-8]):(\d\d)", value)
        if early is None:
            return value
        if f"{domain}.{slot}" not in self.evening and not self.evenings.search(text):
            return value
        if value in text or value[:2] in text or self.mornings.search(text):
            return value
        return f"{int(early[1]) + 12}:{early[2]}"

    @staticmethod
    def _is_near_evening(value: str, known: str) -> bool:
        """Say whether a time of the first half of the day is nearer to another in the second."""
        new, old = (re.fullmatch(r"(\d\d):(\d\d)", one) for one in (value, known))
        if new is None or old is None or not 1 <= int(new[1]) < 12 <= int(old[1]):
            return False
        minutes = [int(one[1]) * 60 + int(one[2]) for one in (new, old)]
        return abs(minutes[0] + 12 * 60 - minutes[1]) < abs(minutes[0] - minutes[1])

    @cached_property
    def carelessness(self) -> re.Pattern[str]:
        """Finds what says outright that any value will do."""
        return any_of(self.careless)

    @cached_property
    def ruling_out(self) -> re.Pattern[str]:
        """Finds at the end of a text what rules out the name behind it, "not" or "not the"."""
        return re.compile(rf"{any_of(self.ruled_out).pattern}(?:\W+\w+)?\W*$")

    @cached_property
    def leading(self) -> re.Pattern[str]:
        """Finds at the end of a text what leads to the name of a place behind it."""
        article = rf"(?:\W+{alternatives(self.pointing.articles)})?"
        return re.compile(rf"{any_of(self.led_to).pattern}{article}\W*$")

    @cached_property
    def naming(self) -> Mapping[str, re.Pattern[str]]:
        """Slot -> what finds a phrase that speaks of it."""
        return {slot: any_of(phrases) for slot, phrases in self.named.items()}

    @cached_property
    def patterns(self) -> Mapping[tuple[str, str], re.Pattern[str]]:
        """(slot, value) -> what finds one of its phrases."""
        return {
            (slot, value): any_of(phrases)
            for slot, known in self.values.items()
            for value, phrases in known.items()
        }

    def names(self, slot: str, text: str) -> bool:
        """Say whether a lower-case text speaks of a slot by its name, or by a phrase for it."""
        own = re.escape(slot.replace("_", " "))
        if re.search(rf"(?<!\w){own}s?(?!\w)", text):
            return True
        pattern = self.naming.get(slot)
        return pattern is not None and pattern.search(text) is not None

    def says(self, domain: str, slot: str, value: str, text: str) -> bool:
        """Say whether a lower-case text says the value in one of its ways."""
        for name in (slot, f"{domain}.{slot}", "*"):
            pattern = self.patterns.get((name, value))
            if pattern is not None and pattern.search(text):
                return True
        return False


def _both(
    below: Mapping[str, tuple[str, ...]], given: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    return {key: (*below.get(key, ()), *given.get(key, ())) for key in (*below, *given)}
