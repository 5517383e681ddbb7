"""WordForms: the different ways in which one language writes the same word, name, number or time.

Whatever compares two texts asks it: the schema, the look-up, the search for values in a reply and
in what was said. Read once when a worker starts: the package's own file of the language, and over
it the checkpoint's ``word_forms.json``, which need not exist (docs/languages.md). Example: in
English ``Saint John's College`` and ``st johns college`` have one key, and "twelve" is ``12``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from todserve.runtime.errors import ConfigError, DataError, reason_of
from todserve.runtime.language.said_times import SaidTimes
from todserve.runtime.untrusted.checked_pattern import check_pattern
from todserve.runtime.untrusted.json_text import read_json

FORMS_FILE = "word_forms.json"
"""Its name in a checkpoint folder and in an archive; a checkpoint may lack it."""

DEFAULT_LANGUAGE = "english"

_FOLDER = Path(__file__).parent
_NOTHING = re.compile(r"(?!)")
_LONGEST_KEY = 120  # comparing spellings costs the square of their length
_REMEMBERED = 65536
_TEXTS_REMEMBERED = 256
"""Whole texts; within a batch the same are looked through again and again."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: as compared, and where it stands."""

    key: str
    start: int
    end: int


class WordForms(BaseModel):
    """One language's forms; all but ``language`` may be left out, and is then taken to be nothing.

    Regular expressions are for lower-case text.

    Attributes:
        language: which one.
        numbers: number word -> digits.
        possessive: a regular expression of what makes a word a possessive, at its end.
        plural: one of the ending that a plural has beyond its singular.
        articles: words that do not count at the beginning of a name.
        alike: pairs of spellings that stand for each other inside a value.
        respelled: (regular expression, replacement) that make one spelling of several, before two
            values are compared.
        texts: the same for what was said, in which a value is looked for: spelling -> spelling.
        kinds: a regular expression of words that say what kind of place a name is of; it is held
            against names written as one word.
        too_common: words that are no value alone, though a name without its article would be one
            ("the place").
        indifferent: ways of saying that any value will do, in letters and digits alone.
        absent: labels that say that there is no value, in letters and digits alone.
        answers: values that are an answer of yes or no.
        flags: word of a yes or no -> the value it stands for.
        values: another spelling of a value -> the spelling to look for in the schema.
        endings: what a word may have behind a value of the schema.
        clock: a regular expression of a time of day. Group ``hour`` is its hour; beside it at least
            one other must be found, of which ``minute`` is the minute, and ``morning`` and
            ``afternoon`` are those of a clock of twelve hours.
        times: how people say times.
        slot_words: slot -> words by which users name it, beside its own name, whose value they do
            not say ("wifi" for ``internet``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str
    numbers: Mapping[str, str] = {}
    possessive: str = ""
    plural: str = ""
    articles: tuple[str, ...] = ()
    alike: tuple[tuple[str, str], ...] = ()
    respelled: tuple[tuple[str, str], ...] = ()
    texts: Mapping[str, str] = {}
    kinds: str = ""
    too_common: frozenset[str] = frozenset()
    indifferent: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    answers: frozenset[str] = frozenset()
    flags: Mapping[str, str] = {}
    values: Mapping[str, str] = {}
    endings: tuple[str, ...] = ()
    clock: str = r"(?P<hour>\d{1,2})[:.](?P<minute>\d\d)"
    times: SaidTimes = SaidTimes()
    slot_words: Mapping[str, tuple[str, ...]] = {}

    @classmethod
    def of(cls, folder: Path | None, *, language: str = DEFAULT_LANGUAGE) -> "WordForms":
        """Return a checkpoint's forms; without ``word_forms.json`` they are its language's own.

        A part of the file takes the place of the same part of the package's file of its language.
        Of a language that the package has no file of, what the file says is all there is.

        Args:
            folder: the checkpoint's; None for none.
            language: what its replies are in; counts where it has no ``word_forms.json``.

        Raises:
            ConfigError: the file is malformed.
        """
        path = None if folder is None else folder / FORMS_FILE
        if path is None or not path.is_file():
            return cls.of_language(language)
        try:
            given = read_json(path)
            own = _own(str(given["language"]))
            forms = cls.model_validate({**own.model_dump(), **given}) if own else cls(**given)
            for text in set(forms.expressions()) - set(own.expressions() if own else ()):
                check_pattern(text)
            forms._check_whole()
            return forms
        except (OSError, ValueError, KeyError, TypeError, ValidationError, re.error) as error:
            raise ConfigError(
                f"cannot read {path}: {reason_of(error)}; expected a language and parts of "
                f"{DEFAULT_LANGUAGE}_{FORMS_FILE} beside {Path(__file__).name}"
            ) from error

    @classmethod
    def of_language(cls, language: str = DEFAULT_LANGUAGE) -> "WordForms":
        """Return the package's own forms of a language; English's where it has none."""
        own = _own(language) or _own(DEFAULT_LANGUAGE)
        assert own is not None  # its file is part of the package
        return own

    def expressions(self) -> Iterator[str]:
        """Yield all regular expressions."""
        yield from (self.possessive, self.plural, self.kinds, self.clock)
        yield from (text for text, _ in self.respelled)
        yield from self.times.expressions()

    def _check_whole(self) -> None:
        """Refuse a replacement that cannot be made, and a clock without hours."""
        for text, replacement in self.respelled:
            re.compile(f"{text}|").sub(replacement, "")
        if "hour" not in self._clock.groupindex:
            raise DataError("clock has no group 'hour'")
        if lacking := [*self.times.lacking()]:
            raise DataError(f"times have no group of {', '.join(lacking)}")

    def __hash__(self) -> int:
        """Return the same for equal forms."""
        return hash(self.language)

    def __reduce__(self) -> tuple[object, ...]:
        """Let a process of its own compile everything for itself."""
        return WordForms.model_validate, (self.model_dump(),)

    def words_of(self, text: str) -> tuple[Word, ...]:
        """Return the words of lower-case ``text``; neither possessive nor plural counts."""
        found: tuple[Word, ...] = self._words(text)
        return found

    def spellings(self, value: str) -> tuple[tuple[str, ...], ...]:
        """Return the sequences of words by which ``value`` may appear."""
        found: tuple[tuple[str, ...], ...] = self._spellings(value)
        return found

    def comparison_key(self, value: str) -> str:
        """Return the string by which two spellings of a value are compared.

        Case, punctuation, spaces, possessives, plurals, number words and a leading article do not
        count: ``"the Fen Ditton Inn"`` and ``"fenditton inn"`` have the same key.
        """
        if len(value) > _LONGEST_KEY:  # not worth the memory that it would be kept in
            return self._key_of_value(value)
        key: str = self._value_key(value)
        return key

    def text_key(self, text: str) -> str:
        """Return a whole text as values are compared, without the length they are cut to."""
        text = text.lower()
        for spelling, meant in self.texts.items():
            text = text.replace(spelling, meant)
        return "".join([word.key for word in self.words_of(text)])

    def bare_key(self, key: str) -> str:
        """Return a key without the words that say what kind of place it is: ``gonville``."""
        return self._kinds.sub("", key) or key

    def without_kinds(self, name: str) -> str:
        """Return a lower-case name without the words that say what kind of place it is."""
        words = self._kinds.sub("", self._respell(name)).split()
        return self.without_article(" ".join(words))

    def without_article(self, name: str) -> str:
        """Return a lower-case name without the article before it."""
        for article in self.articles:
            name = name.removeprefix(f"{article} ")
        return name

    def same(self, one: str, other: str) -> bool:
        """Say whether two values are one, whatever their spelling; an absent one is none."""
        return bool(one) and self.comparison_key(one) == self.comparison_key(other)

    def named_in(self, name: str, text: str) -> bool:
        """Say whether a lower-case text holds a lower-case name, with or without its article."""
        return self.without_article(name) in text

    def possessive_length(self, text: str) -> int:
        """Return how many of a text's last characters only make its last word a possessive."""
        found = self._possessive.search(text)
        return len(found[0]) if found else 0

    def clock_time(self, value: str) -> str | None:
        """Return ``HH:MM`` for ``9:05``, ``9:05 pm`` or ``5pm``; None for anything else."""
        match = self._clock.fullmatch(value.strip().lower())
        if match is None:
            return None
        said = match.groupdict()
        halves = said.get("morning") or said.get("afternoon")
        if not any(text for name, text in said.items() if name != "hour"):
            return None  # a number is no time by itself
        hour, minute = int(said["hour"]), int(said.get("minute") or 0)
        if halves and hour <= 12:
            hour = hour % 12 + (12 if said.get("afternoon") else 0)
        # MultiWOZ's trains arrive at 24:10; the publisher's clock runs past midnight.
        return f"{hour:02d}:{minute:02d}" if hour <= 24 and minute < 60 else None

    def times_in(self, text: str) -> frozenset[str]:
        """Return every time, HH:MM, that a lower-case text may mean."""
        return self.times.meant(text, self.numbers, self.clock_time)

    def _respell(self, text: str) -> str:
        for pattern, replacement in self._respelled:
            text = pattern.sub(replacement, text)
        return text

    @cached_property
    def _word(self) -> re.Pattern[str]:
        # Letters and digits of any script: a name in Hangul must not be compared by nothing.
        return re.compile(rf"[^\W_]+(?:{self.possessive})?")

    @cached_property
    def _possessive(self) -> re.Pattern[str]:
        return re.compile(rf"(?:{self.possessive})$") if self.possessive else _NOTHING

    @cached_property
    def _plural(self) -> re.Pattern[str]:
        return re.compile(self.plural) if self.plural else _NOTHING

    @cached_property
    def _kinds(self) -> re.Pattern[str]:
        return re.compile(self.kinds) if self.kinds else _NOTHING

    @cached_property
    def _clock(self) -> re.Pattern[str]:
        return re.compile(self.clock)

    @cached_property
    def _respelled(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return tuple((re.compile(text), replacement) for text, replacement in self.respelled)

    @cached_property
    def _key(self) -> Any:
        """Word -> its key; remembered, for the same words come again."""
        return lru_cache(maxsize=_REMEMBERED)(self._key_of_word)

    @cached_property
    def _value_key(self) -> Any:
        return lru_cache(maxsize=_REMEMBERED)(self._key_of_value)

    @cached_property
    def _words(self) -> Any:
        return lru_cache(maxsize=_TEXTS_REMEMBERED)(self._all_words)

    @cached_property
    def _spellings(self) -> Any:
        return lru_cache(maxsize=_REMEMBERED)(self._all_spellings)

    def _all_words(self, text: str) -> tuple[Word, ...]:
        return tuple(
            Word(self._key(match[0]), *match.span()) for match in self._word.finditer(text)
        )

    def _key_of_value(self, value: str) -> str:
        text = self._respell(value.lower())
        words = [self._key(match[0]) for match in self._word.finditer(text)]
        begins = 1 if len(words) > 1 and words[0] in self.articles else 0
        return "".join(words[begins:])[:_LONGEST_KEY]

    def _key_of_word(self, word: str) -> str:
        letters = self._plural.sub("", self._possessive.sub("", word))
        return self.numbers.get(letters, letters)

    def _all_spellings(self, value: str) -> tuple[tuple[str, ...], ...]:
        texts = {value.lower()}
        for one, other in self.alike:
            for text in tuple(texts):
                texts.add(text.replace(one, other))
                texts.add(text.replace(other, one) if other.strip() else text)
        texts |= {self.without_article(text) for text in tuple(texts)}
        found = {tuple(word.key for word in self.words_of(text)) for text in texts}
        return tuple(sorted(sequence for sequence in found if sequence))


@lru_cache
def _own(language: str) -> WordForms | None:
    """Return the package's own forms of a language; None where it has none."""
    path = _FOLDER / f"{language}_{FORMS_FILE}"
    if not language.isidentifier() or not path.is_file():
        return None
    return WordForms.model_validate(read_json(path))
