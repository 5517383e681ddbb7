"""ReplyStyle: the words of one language that the reply stage speaks and listens for.

Read once when a worker starts: the package's own file of the language, and over it the
checkpoint's ``reply.json``, which may say any part anew and need not exist. Example
``reply.json``: ``{"language": "english", "kinds": {"hotel": {"one": "place to stay", "many":
"places to stay"}}}``. No rule knows a corpus; what one calls its services is data.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from todserve.runtime.errors import ConfigError, DataError
from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.schema import Schema
from todserve.runtime.reply.korean_particles import is_korean
from todserve.runtime.untrusted.checked_pattern import check_pattern
from todserve.runtime.untrusted.json_text import read_json

REPLY_FILE = "reply.json"
"""Its name in a checkpoint folder and in an archive; a checkpoint may lack it."""

_OWN = Path(__file__).parent
_LANGUAGES = ("english", "korean")


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
        some: that there are several, without a number.
        all: that something is true of every one.
        denied: that something is not so.
        yes: an answer that begins with yes.
        no: an answer that begins with no.
        other: in the user's words, the wish for another one.
        fits_all: that all wishes are meant, not only those the sentence repeats.
        declined: in the user's words, that what follows is not asked for.
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


class ReplyStyle(_Frozen):
    """The words; see the module.

    Attributes:
        language: ``english`` or ``korean``: whose file stands below this one.
        claims: what tells a claim.
        none_words: words that another generation must do without where something was found.
        booking_words: the same where nothing can be booked.
        flags: slot of a yes or no -> the words that name it.
        removable: slot -> regular expressions of phrases that may be left out of a reply.
        all_wishes: what says, behind a claim that there is none, that all wishes are meant.
        kinds: domain -> what its entities are called; "" for every other domain.
        bookings: domain -> slots without which there is no booking; ``leave|arrive`` is either.
        asked: slot -> a regular expression of how users ask for it.
        told: slot -> the phrase that tells it; ``this`` and ``one_of_them`` name an entity.
        questions: slot -> the question for it; ``domain.slot`` before ``slot``, "" for any other.
        sentences: name of a plain sentence -> its text, see ``plain``.
        services: domain -> what is said of it when the reply tells what it can do.
        together: joins the last two of a list.
        after_name: words that may follow a name at the beginning of a sentence; any where empty.
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
    told: Mapping[str, str] = {}
    questions: Mapping[str, str]
    sentences: Mapping[str, str]
    services: Mapping[str, str] = {}
    together: str
    after_name: tuple[str, ...] = ()

    @classmethod
    def of(cls, folder: Path | None, schema: Schema, knowledge: KnowledgeBase) -> "ReplyStyle":
        """Read a checkpoint's style; without ``reply.json`` it is its language's own.

        Raises:
            ConfigError: the file is malformed, or of a language there is nothing for.
        """
        path = None if folder is None else folder / REPLY_FILE
        given = _read(path) if path is not None and path.is_file() else {}
        language = given.get("language") or _language(schema, knowledge)
        if language not in _LANGUAGES:
            raise ConfigError(
                f"{path}: language {language!r}; expected one of {', '.join(_LANGUAGES)}"
            )
        try:
            style = cls.model_validate(_over(_read(_OWN / f"{language}.json"), given))
            if path is not None and given:
                style._check_patterns()
            return style
        except (ValidationError, DataError) as error:
            raise ConfigError(
                f"cannot read {path}: {error}; expected parts of {language}.json beside "
                f"{Path(__file__).name}"
            ) from error

    def _check_patterns(self) -> None:
        several = [text for texts in self.removable.values() for text in texts]
        for text in (*self.claims.model_dump().values(), *self.asked.values(), *several):
            check_pattern(text)

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
    def removable_patterns(self) -> Mapping[str, tuple[re.Pattern[str], ...]]:
        """Slot -> its phrases, compiled."""
        return {
            slot: tuple(re.compile(text) for text in texts)
            for slot, texts in self.removable.items()
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


def _language(schema: Schema, knowledge: KnowledgeBase) -> str:
    """Tell the language by what the schema and the first entities of the database are called."""
    texts = [service.description for service in schema.services]
    texts += [value for service in schema.services for one in service.slots for value in one.values]
    for domain in knowledge.domains:
        for row in knowledge.query(domain, {}, limit=3).results:
            texts += row.values()
    return "korean" if is_korean(" ".join(texts)) else "english"
