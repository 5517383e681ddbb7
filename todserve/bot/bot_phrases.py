"""Phrases: what the bot can say and understand before bot.yml says anything.

A bot falls back on them where its bot.yml words nothing itself; the words are a file of
each language in ``phrases``.
Example: ``PHRASES[Language.KO].affirm`` begins with ``"네"``.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from todserve.runtime.untrusted.json_text import read_json

_FOLDER = Path(__file__).parent / "phrases"


class Language(StrEnum):
    """Languages with phrases of their own."""

    EN = "en"
    DE = "de"
    KO = "ko"


class Phrases(BaseModel):
    """The phrases of one language.

    Attributes:
        affirm: utterances, or their beginnings, that mean yes; lower case.
        deny: the same for no.
        responses: name -> text of the responses that every bot has.
        agree: yes, on a button.
        disagree: no, on a button.
        done: said once a form is complete whose project says nothing.
        book: a regular expression of how a booking is asked for.
        reference: the same for the reference of one.
        change: words that ask to change a value; lower case.
        not_this: words before a value that is not meant.
        but_this: words after such a value.
        becomes: words between a slot's name and its new value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    affirm: tuple[str, ...]
    deny: tuple[str, ...]
    responses: Mapping[str, str]
    agree: str
    disagree: str
    done: str
    book: str
    reference: str
    change: tuple[str, ...]
    not_this: tuple[str, ...]
    but_this: tuple[str, ...]
    becomes: tuple[str, ...]


PHRASES: Mapping[Language, Phrases] = {
    one: Phrases.model_validate(read_json(_FOLDER / f"{one}.json")) for one in Language
}
