"""ReplyStyle: the words of one language and one domain that replies speak and listen for.

Read once when a worker starts: the package's own file of the language, and over it the
checkpoint's ``reply.json``, which may say any part anew and need not exist; for a language that
the package has no file of, it says everything (docs/languages.md). Example
``reply.json``: ``{"language": "english", "kinds": {"hotel": {"one": "place to stay", "many":
"places to stay"}}}``. No rule knows a corpus; what one calls its services is data.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from todserve.runtime.errors import ConfigError, DataError, reason_of
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.knowledge.value_patterns import ValuePatterns
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.word_forms import DEFAULT_LANGUAGE
from todserve.runtime.reply import korean_particles
from todserve.runtime.reply.ranks import Rank
from todserve.runtime.reply.wording import Wording
from todserve.runtime.untrusted.checked_pattern import check_pattern
from todserve.runtime.untrusted.json_text import read_json

REPLY_FILE = "reply.json"
"""Its name in a checkpoint folder and in an archive; a checkpoint may lack it."""

_OWN = Path(__file__).parent
_VALUES = "values"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kind(_Frozen):
    """What one entity of a domain is called, and several of them, whatever their type.

    Attributes:
        one: one of them.
        many: several.
        only: words that are true of these entities alone, such as "dine" of restaurants.
    """

    one: str
    many: str
    only: tuple[str, ...] = ()


class Claims(_Frozen):
    """Regular expressions, in lower case, that tell what a piece of a reply claims.

    Attributes:
        asks: begins a question, a condition or an offer: nothing from there on is a claim.
        none: that nothing was found.
        refused: that a booking failed.
        booked: that a booking was made.
        reference: that a booking's reference is named, which claims a booking as well.
        some: that there are several, without a number.
        all: that something is true of every one.
        denied: that something is not so.
        yes: an answer that begins with yes.
        no: an answer that begins with no.
        other: in the user's words, the wish for another one.
        offers: asks whether to make the booking that is spoken of.
        helpless: that nothing can be done for the user, or that nothing was understood.
        fits_all: that all wishes are meant, not only those the sentence repeats.
        declined: in the user's words, that what follows is not asked for.
        but: where a sentence begins to speak of something else.
        counted: that a number of entities was found; its group 1 is the number.
        examples: that those it names are some of several.
        listed: what stands before a bare list of names.
        of_list: what such a list is made of, names and the words between.
        remaining: that it speaks of those which it has not counted yet.
        code: a time, a price, a number or a code, of whatever kind.
        asks_flag: in the user's words, the beginning of a question of yes or no.
        asks_of_it: the same of a question about the entity that is spoken of.
        rate: in the user's words, that a price in money is asked for, not a range of prices.
        unknowing: that something is not known.
        pair: that something is true of two.
        recalls: in the user's words, the question what was booked or wished so far.
        orders: in the user's words, that what is at hand be booked.
        adds: in the user's words, that something is wished beside what is booked.
        cancels: in the user's words, that what is booked is not wished any more.
        first: in the user's words, the booking before the last one.
        second: in the user's words, the second of several bookings.
        every: in the user's words, all bookings.
        lists: in the user's words, the question what is booked.
        undone: that a booking was cancelled or changed.
        rejects: in the user's words, that what was just offered is not wanted.
        excludes: in the user's words before a name, that this one is not wanted.
    """

    asks: str
    none: str
    refused: str
    booked: str
    some: str
    all: str
    denied: str
    yes: str
    no: str
    other: str
    fits_all: str
    declined: str = ""
    reference: str = ""
    helpless: str = ""
    offers: str = ""
    but: str = ""
    counted: str = ""
    examples: str = ""
    listed: str = ""
    of_list: str = ""
    remaining: str = ""
    code: str = ""
    asks_flag: str = ""
    asks_of_it: str = ""
    rate: str = ""
    unknowing: str = ""
    pair: str = ""
    recalls: str = ""
    orders: str = ""
    adds: str = ""
    cancels: str = ""
    first: str = ""
    second: str = ""
    every: str = ""
    lists: str = ""
    undone: str = ""
    rejects: str = ""
    excludes: str = ""


class Particles(NamedTuple):
    """How a language's particles stand at the value before them.

    Attributes:
        joined: joins them to the placeholders of a reply.
        agreeing: returns the text behind a value with its first particle as the value wants it.
    """

    joined: Callable[[str], str]
    agreeing: Callable[[str, str], str]


_PARTICLES: Mapping[str, Particles] = {
    "": Particles(joined=str, agreeing=lambda _, after: after),
    "korean": Particles(joined=korean_particles.joined, agreeing=korean_particles.agreeing),
}


class SlotRoles(_Frozen):
    """What the slots of the domains are to a reply, by their names in the schema and the database.

    Attributes:
        keys: those that tell entities apart: behind one of these, one entity is spoken of.
        listed: those whose repetition lists further results instead of repeating itself.
        own: those that are never filled from another domain's state.
        repeated: those of a result that only say the user's own wish again.
        told: those that a forgetful reply is completed with, in the order they are told.
        limits: times that may be the user's own limit instead of an entity's.
        scheduled: the key of entities that have such times.
        people: how many pay.
        price: what one of them pays.
        true: values that say yes.
        rare: columns that users ask for and that many entities lack.
    """

    keys: tuple[str, ...] = ("name", "id", "car", "song_title")
    listed: frozenset[str] = frozenset(
        {"leave", "arrive", "name", "id", "area", "food", "type", "pricerange", "fee"}
        | {"song_title", "singer"}
    )
    own: frozenset[str] = frozenset(
        {"name", "type", "area", "pricerange", "stars", "leave", "arrive"}
    )
    repeated: frozenset[str] = frozenset({"departure", "destination", "day"})
    told: tuple[str, ...] = (
        *("choice", "phone", "address", "postcode", "reference", "price", "fee", "openhours"),
    )
    limits: frozenset[str] = frozenset({"leave", "arrive"})
    scheduled: str = "id"
    people: str = "people"
    price: str = "price"
    true: frozenset[str] = frozenset({"yes", "free", "true"})
    rare: frozenset[str] = frozenset({"openhours", "fee"})


class ReplyStyle(_Frozen):
    """The words of one language and domain, as the package's and the checkpoint's files have them.

    Attributes:
        language: its name; the package's file of that name, if there is one, stands below.
        claims: what tells a claim.
        none_words: words that another generation must do without where something was found.
        booking_words: the same where nothing can be booked.
        flags: slot of a yes or no -> the words that name it.
        removable: slot -> regular expressions of phrases that may be left out of a reply.
        all_wishes: what says, behind a claim that there is none, that all wishes are meant.
        kinds: domain -> what its entities are called; "" for every other domain.
        bookings: domain -> slots without which there is no booking; ``leave|arrive`` is either.
        asked: slot -> a regular expression of how users ask for it.
        unlisted: domain -> a regular expression of how users ask for what its database does not
            have: the platform of a train, the breakfast of a hotel.
        ranks: what is said of an entity by its place in an order -> how users say so: "later".
        asks_for: slot -> a regular expression of how a reply asks for it.
        told: slot -> the phrase that tells it, ``slot.value`` before ``slot``; ``this`` and
            ``one_of_them`` name an entity, ``booked`` stands before the reference of a new booking,
            ``of`` tells what that is of, ``reference_of`` tells that of an earlier one,
            ``examples`` stands before some of many.
        questions: slot -> the question for it; ``domain.slot`` before ``slot``, "" for any other.
        sentences: name of a plain sentence -> its text, see ``plain``; ``told.DOMAIN`` tells what
            is known of an entity that is looked up and not chosen: a department, a police station.
        services: domain -> what is said of it when the reply tells what it can do.
        together: joins the last two of a list.
        after_name: words that may follow a name at the beginning of a sentence; any where empty.
        script: a regular expression of letters by which a text is told to be of this language.
        particles: ``korean`` where particles are chosen by the last syllable before them.
        points: whether the word in place of a missing value points at what the user spoke of.
        books: the beginning of an intent to book.
        numbers: number word -> digits.
        slots: what the slots are to a reply.
        wording: how values and replies are written.
        values: how replies of this language say values, for a delexicaliser.
    """

    language: str
    claims: Claims
    none_words: tuple[str, ...] = ()
    booking_words: tuple[str, ...] = ()
    flags: Mapping[str, tuple[str, ...]] = {}
    removable: Mapping[str, tuple[str, ...]] = {}
    all_wishes: str = ""
    kinds: Mapping[str, Kind]
    bookings: Mapping[str, tuple[str, ...]] = {}
    asked: Mapping[str, str] = {}
    unlisted: Mapping[str, str] = {}
    ranks: Mapping[str, Rank] = {}
    asks_for: Mapping[str, str] = {}
    told: Mapping[str, str] = {}
    questions: Mapping[str, str]
    sentences: Mapping[str, str]
    services: Mapping[str, str] = {}
    together: str
    after_name: tuple[str, ...] = ()
    script: str = ""
    particles: str = ""
    points: bool = False
    books: str = "book"
    numbers: Mapping[str, str] = {}
    slots: SlotRoles = SlotRoles()
    wording: Wording = Wording()
    values: ValuePatterns

    @classmethod
    def of(cls, folder: Path | None, schema: Schema, knowledge: KnowledgeBase) -> "ReplyStyle":
        """Read a checkpoint's style; without ``reply.json`` it is its language's own.

        Raises:
            ConfigError: the file is malformed, or of a language there is nothing for.
        """
        path = None if folder is None else folder / REPLY_FILE
        given = _read(path) if path is not None and path.is_file() else {}
        language = given.get("language") or _language(_texts(schema, knowledge))
        if path is None or not given:
            return cls.of_language(language)
        below = _own_files().get(language, {}) if isinstance(language, str) else {}
        try:
            values = ValuePatterns.of_language(str(language), given.get(_VALUES))
            style = cls.model_validate({**_over(below, given), _VALUES: values})
            style._check_whole()
            style._check_patterns(cls.of_language(language) if below else None)
            return style
        except (ValidationError, DataError, ConfigError) as error:
            told = f"cannot read {path}: {reason_of(error)}"
            if not below:
                told = (
                    f"{path}: language {language!r} has no file in the package, which has "
                    f"{', '.join(_own_files())}; and {error}"
                )
            raise ConfigError(
                f"{told}; expected parts of {DEFAULT_LANGUAGE}.json beside {Path(__file__).name}, "
                "all of them for another language"
            ) from error

    @classmethod
    def of_text(cls, text: str) -> "ReplyStyle":
        """Return the package's own style of the language that a text is written in."""
        return cls.of_language(_language(text))

    @classmethod
    def of_language(cls, language: str) -> "ReplyStyle":
        """Return the package's own style of a language that it has a file of."""
        return _own_style(language)

    def _check_whole(self) -> None:
        """Refuse a style that lacks words which a reply may need."""
        needed = {
            "kinds": (self.kinds, {""}),
            "questions": (self.questions, {"", "doubt"}),
            "sentences": (self.sentences, set(_own_files()[DEFAULT_LANGUAGE]["sentences"])),
            "told": (self.told, {"this", "one_of_them", "booked"}),
        }
        for part, (given, names) in needed.items():
            if lacking := sorted(names - set(given)):
                raise DataError(f"{part} lacks {', '.join(map(repr, lacking))}")

    def _check_patterns(self, own: "ReplyStyle | None") -> None:
        """Refuse expressions that a turn cannot afford; the package's own are known to be right."""
        if self.particles not in _PARTICLES:
            raise DataError(
                f"particles {self.particles!r}; expected one of {', '.join(map(repr, _PARTICLES))}"
            )
        known = set(own.expressions()) if own is not None else set[str]()
        for text in set(self.expressions()) - known:
            check_pattern(text)

    def expressions(self) -> Iterator[str]:
        """Yield all regular expressions, one each."""
        yield from self.claims.model_dump().values()
        yield from self.asked.values()
        yield from self.unlisted.values()
        yield from (one.said for one in self.ranks.values())
        yield from self.asks_for.values()
        for texts in self.removable.values():
            yield from texts
        yield self.script
        yield from self.wording.expressions()
        yield from self.values.expressions()

    @property
    def particle_rules(self) -> Particles:
        """How particles agree with the value before them."""
        return _PARTICLES[self.particles]

    def names_one(self, text: str) -> bool:
        """Say whether a delexicalised text has a placeholder that names an entity."""
        return any(f"[value_{slot}]" in text for slot in self.slots.keys)

    @cached_property
    def patterns(self) -> Mapping[str, re.Pattern[str]]:
        """The claims' expressions, compiled; an empty one matches nothing."""
        return {
            name: re.compile(text or r"(?!)") for name, text in self.claims.model_dump().items()
        }

    @cached_property
    def flag_patterns(self) -> Mapping[str, re.Pattern[str]]:
        """Slot of a yes or no -> what finds its words."""
        return {
            slot: re.compile("|".join(rf"\b{re.escape(word)}" for word in words))
            for slot, words in self.flags.items()
            if words
        }

    @cached_property
    def asked_patterns(self) -> Mapping[str, re.Pattern[str]]:
        """Slot -> how users ask for it, compiled."""
        return {slot: re.compile(text) for slot, text in self.asked.items()}

    @cached_property
    def unlisted_patterns(self) -> Mapping[str, re.Pattern[str]]:
        """Domain -> how users ask for what its database does not have, compiled."""
        return {domain: re.compile(text) for domain, text in self.unlisted.items()}

    @cached_property
    def asks_for_patterns(self) -> Mapping[str, re.Pattern[str]]:
        """Slot -> how a reply asks for it, compiled."""
        return {slot: re.compile(text) for slot, text in self.asks_for.items()}

    @cached_property
    def removable_patterns(self) -> Mapping[str, tuple[re.Pattern[str], ...]]:
        """Slot -> its phrases, compiled."""
        return {
            slot: tuple(re.compile(text) for text in texts)
            for slot, texts in self.removable.items()
        }

    @cached_property
    def nouns(self) -> Mapping[str, re.Pattern[str]]:
        """Domain -> what finds a word for one of its entities."""
        return {
            domain: re.compile(rf"\b(?:{re.escape(kind.one)}|{re.escape(domain)})\b")
            for domain, kind in self.kinds.items()
            if domain
        }

    @cached_property
    def kind_words(self) -> Mapping[str, re.Pattern[str]]:
        """Domain -> what finds a word for several of its entities."""
        return {
            domain: re.compile(rf"\b(?:{re.escape(kind.many)}|{re.escape(domain)}s)\b")
            for domain, kind in self.kinds.items()
            if domain
        }

    @cached_property
    def only_words(self) -> Mapping[str, re.Pattern[str]]:
        """Domain -> what finds a word that is true of its entities alone."""
        return {
            domain: re.compile(rf"\b(?:{'|'.join(map(re.escape, kind.only))})\b")
            for domain, kind in self.kinds.items()
            if kind.only
        }

    def goes_on(self, text: str, begun: str) -> bool:
        """Say whether a sentence that was made to begin with a name goes on as one does."""
        after = text.removeprefix(begun).split(maxsplit=1)
        if not begun or not self.after_name or not after:
            return True
        return after[0].strip(",.") in self.after_name

    def kind(self, domain: str) -> Kind:
        """Return what the entities of a domain are called."""
        return self.kinds.get(domain) or self.kinds[""]

    def question(self, domain: str, slot: str) -> str:
        """Return the question for a slot."""
        for name in (f"{domain}.{slot}", slot):
            if name in self.questions:
                return self.questions[name]
        return self.questions[""].replace("{slot}", slot.replace("_", " "))

    def listed(self, texts: Iterable[str]) -> str:
        """Return some texts as one list."""
        *first, last = texts
        return f"{', '.join(first)}{self.together}{last}" if first else last


def stated_language(folder: Path) -> str | None:
    """Return the language that a checkpoint's ``reply.json`` names; None where it names none.

    Raises:
        ConfigError: the file is no JSON object.
    """
    path = folder / REPLY_FILE
    language = _read(path).get("language") if path.is_file() else None
    return language if isinstance(language, str) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {error}; expected a JSON object") from error
    if not isinstance(found, dict):
        raise ConfigError(
            f"cannot read {path}: got no JSON object; expected parts of a reply style"
        )
    return found


def _over(below: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``below`` with what ``given`` says anew; an object's keys are laid over one by one."""
    laid = dict(below)
    for key, value in given.items():
        under = laid.get(key)
        both = isinstance(under, dict) and isinstance(value, dict)
        laid[key] = {**under, **value} if both and isinstance(under, dict) else value
    return laid


def _texts(schema: Schema, knowledge: KnowledgeBase) -> str:
    """Return what the schema and the first entities of the database are called."""
    texts = [service.description for service in schema.services]
    texts += [value for service in schema.services for one in service.slots for value in one.values]
    for domain in knowledge.domains:
        for row in knowledge.query(domain, {}, limit=3).results:
            texts += row.values()
    return " ".join(texts)


def _language(text: str) -> str:
    """Tell the language of a text by its letters, where a language's file names letters."""
    for name, content in _own_files().items():
        if content.get("script") and re.search(content["script"], text):
            return name
    return DEFAULT_LANGUAGE


@lru_cache(maxsize=1)
def _own_files() -> Mapping[str, Mapping[str, Any]]:
    """Return the package's own languages: name -> its file's content."""
    return {path.stem: _read(path) for path in sorted(_OWN.glob("*.json"))}


@lru_cache
def _own_style(language: str) -> ReplyStyle:
    content = _own_files()[language]
    return ReplyStyle.model_validate({**content, _VALUES: ValuePatterns.of_language(language)})
