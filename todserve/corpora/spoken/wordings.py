"""Wordings: how things are said in one language, read from the package's JSON files.

The modules of spoken turns compose sentences of these words. A language is a folder here with files
for phrases, slots, values, services, clock times, people, roughness and what lies outside; a file
it lacks counts as empty.
Example: ``Wordings.load("en").pick(chance, "bye")`` may be ``cheerio``.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any

from todserve.runtime.errors import ConfigError
from todserve.runtime.reply.korean_particles import agreeing
from todserve.runtime.untrusted.json_text import read_json

_FOLDER = Path(__file__).parent
_FILES = ("phrases", "slots", "values", "services", "clock", "people", "rough", "outside")
_HANGUL = re.compile(r"[가-힣ᄀ-ᇿㄱ-ㆎ]")

ENGLISH = "en"
KOREAN = "ko"


def language_of(text: str) -> str:
    """Return the language whose wordings suit ``text``: Korean for Hangul, otherwise English."""
    return KOREAN if _HANGUL.search(text) else ENGLISH


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of slots that are spoken of alike, such as all that name a part of town.

    Attributes:
        name: as in the files.
        slots: names of slots that belong to it, as words.
        shape: what its values look like: ``clock``, ``number``, ``day``, ``flag`` or ``text``.
        called: what people call such a slot.
        before: ways to say a value in front of the noun, with ``{value}``.
        after: ways to say it after the noun.
        alone: ways to say it by itself.
        yes: ways to ask for a flag.
        no: ways to do without one.
        any: ways to say that every value will do.
        asked: questions about it at the venue at hand.
        told: true replies to them, with a placeholder.
        same: ways to say that the value is that of another service.
        exact: those of ``slots`` that mean this as a whole name alone, such as ``to``.
        values: family whose ways of saying values are also its own; "" for its own alone.
    """

    name: str
    slots: tuple[str, ...] = ()
    shape: str = "text"
    called: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    values: str = ""
    exact: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Service:
    """What people call a kind of service, and why they may no longer need one.

    Attributes:
        name: as in the files.
        domains: names of domains that are such a service, as words.
        noun: what is asked for.
        called: the same with "the" before it.
        neutral: nouns that say nothing of a type.
        place: ways to speak of a venue that has been found.
        reason: why it is no longer needed.
    """

    name: str
    domains: tuple[str, ...] = ()
    noun: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    neutral: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    reason: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ways:
    """Ways to say one value of a closed slot."""

    alone: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    noun: tuple[str, ...] = ()


NO_WAYS = Ways()


class Wordings:
    """The words of one language.

    Attributes:
        language: the folder's name.
        families: of slots, by name; ``other`` and ``flag`` take what no other does.
        services: kinds of services, by name; ``other`` takes what no other does.
        values: family -> comparable spelling of a value -> ways to say it.
        clock: parts of the spoken time.
        people: those who travel along.
        rough: misspellings, abbreviations and the like.
        outside: what no service does.
    """

    def __init__(self, language: str, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the parsed files by their stems."""
        self.language = language
        self._phrases = {name: tuple(texts) for name, texts in files["phrases"].items()}
        self.families: Mapping[str, Family] = MappingProxyType(
            {name: Family(name=name, **_tuples(one)) for name, one in files["slots"].items()}
        )
        self.services: Mapping[str, Service] = MappingProxyType(
            {name: Service(name=name, **_tuples(one)) for name, one in files["services"].items()}
        )
        self.values: Mapping[str, Mapping[str, Ways]] = MappingProxyType(
            {
                family: {value: Ways(**_tuples(ways)) for value, ways in known.items()}
                for family, known in files["values"].items()
            }
        )
        self.clock: Mapping[str, Any] = files["clock"]
        self.people: Mapping[str, Any] = files["people"]
        self.rough: Mapping[str, Any] = files["rough"]
        self.outside: Mapping[str, Any] = files["outside"]

    @classmethod
    @cache
    def load(cls, language: str) -> "Wordings":
        """Read the folder of a language, once.

        Raises:
            ConfigError: there is no such folder, or a file in it is no JSON.
        """
        folder = _FOLDER / language
        if not folder.is_dir():
            known = ", ".join(sorted(path.parent.name for path in _FOLDER.glob("*/phrases.json")))
            raise ConfigError(f"no wordings for language {language!r}; expected one of: {known}")
        files: dict[str, Mapping[str, Any]] = {}
        for name in _FILES:
            path = folder / f"{name}.json"
            try:
                files[name] = read_json(path) if path.is_file() else {}
            except ValueError as error:
                raise ConfigError(f"{path}: {error}; expected JSON") from error
        return cls(language, files)

    def phrases(self, name: str) -> tuple[str, ...]:
        """Return the wordings of a kind; none where the language has none."""
        return self._phrases.get(name, ())

    def pick(self, chance: random.Random, name: str, /, **words: str) -> str | None:
        """Return a wording of ``name`` with ``words`` filled in; None where there is none."""
        found = self.phrases(name)
        return self.fill(chance.choice(found), **words) if found else None

    def fill(self, wording: str, /, **words: str) -> str:
        """Return a wording with ``words`` filled in; Korean particles agree with them."""
        if self.language != KOREAN:
            return wording.format(**words)
        text = word = ""
        for literal, field, _, _ in Formatter().parse(wording):
            text += agreeing(word, literal) if word else literal
            word = words[field] if field else ""
            text += word
        return text


def enumeration(parts: Sequence[str], last: str = " and ") -> str:
    """Return ``a, b and c``."""
    return ", ".join(parts[:-1]) + (last if len(parts) > 1 else "") + parts[-1] if parts else ""


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
