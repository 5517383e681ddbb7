"""SpellingRules: how one language is misspelt, and which dictionary holds its words.

Read once by the speller, from the package's file of the language. Example: ``colour`` and
``color`` are one word, and "plz" is no mistake though no dictionary has it.
"""

import re
from collections.abc import Iterable
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from todserve.runtime.language.word_forms import DEFAULT_LANGUAGE
from todserve.runtime.untrusted.json_text import read_json


class SpellingRules(BaseModel):
    """What the speller knows of a language beside a checkpoint's own words.

    Attributes:
        language: which one.
        dictionary: a file of the package symspellpy: a word and how often it occurs on each line.
        introduces: the one or two words before a name that somebody tells.
        sound_alike: pairs of letters that begin words which sound alike.
        small: words that may stand run together with a longer one ("tothe").
        unlisted: what people write short, run together or newly, and what a dictionary of old
            books lacks.
        endings: (regular expression of an ending, replacement) that bring another usage's spelling
            to the dictionary's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str
    dictionary: str
    introduces: frozenset[tuple[str, ...]]
    sound_alike: frozenset[str]
    small: frozenset[str]
    unlisted: frozenset[str]
    endings: tuple[tuple[str, str], ...]

    @field_validator("introduces", mode="before")
    @classmethod
    def _hashable(cls, given: Iterable[Iterable[str]]) -> Any:
        return frozenset(tuple(words) for words in given)

    @classmethod
    def of_language(cls, language: str = DEFAULT_LANGUAGE) -> "SpellingRules":
        """Return the package's own rules of a language that it has a file of."""
        return _own(language)

    def words(self) -> dict[str, int]:
        """Read the dictionary: word -> occurrences, of a trillion words."""
        file = resources.files("symspellpy").joinpath(self.dictionary)
        pairs = (line.split() for line in file.read_text(encoding="utf-8-sig").splitlines())
        return {word: int(count) for word, count in pairs}

    def begins_alike(self, word: str, other: str) -> bool:
        """Say whether two words begin with the same sound, or with swapped letters."""
        same = word[0] == other[0] or word[0] + other[0] in self.sound_alike
        return same or word[:2] == other[1::-1]

    @cached_property
    def other_endings(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        """The endings of another usage, compiled, and what stands in their place."""
        return tuple((re.compile(text), replacement) for text, replacement in self.endings)


@lru_cache
def _own(language: str) -> SpellingRules:
    path = Path(__file__).with_name(f"{language}_spelling.json")
    return SpellingRules.model_validate(read_json(path))
