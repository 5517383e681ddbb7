"""Phrases: what the bot can say and understand before bot.yml says anything.

Beside the way of a message. Example: ``PHRASES[Language.DE].affirm`` begins with ``"ja"``.

A language is a file, ``phrases/de.json``, with the keys of English's.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from todserve.runtime.untrusted.json_text import read_json

_FILES = Path(__file__).with_name("phrases")


class Language(StrEnum):
    """Languages with phrases of their own."""

    EN = "en"
    DE = "de"
    KO = "ko"


class Phrases(BaseModel):
    """The phrases of one language, in small letters where they are compared with what was said.

    Attributes:
        affirm: utterances, or their beginnings, that mean yes.
        deny: the same for no.
        responses: name -> text of the responses that every bot has.
        book: a regular expression of how a booking is asked for.
        reference: the same for the reference of one.
        change: words that ask to change a value.
        not_this: words before a value that is not meant.
        but_this: words after such a value.
        becomes: words between a slot's name and its new value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    affirm: tuple[str, ...]
    deny: tuple[str, ...]
    responses: Mapping[str, str]
    book: str
    reference: str
    change: tuple[str, ...]
    not_this: tuple[str, ...]
    but_this: tuple[str, ...]
    becomes: tuple[str, ...]


class _Languages(Mapping[Language, Phrases]):
    """Reads a language's file when it is first asked for."""

    def __getitem__(self, language: Language) -> Phrases:
        return _read(language)

    def __iter__(self) -> Iterator[Language]:
        return iter(Language)

    def __len__(self) -> int:
        return len(Language)


@cache
def _read(language: Language) -> Phrases:
    return Phrases.model_validate(read_json(_FILES / f"{language}.json"))


PHRASES: Mapping[Language, Phrases] = _Languages()
"""The phrases of every language."""
