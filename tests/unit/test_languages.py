"""Every language says everything: the files of a kind have the same keys, whatever the language."""

import json
import re
from typing import Any

import pytest

from tests.support.source_tree import ROOT
from todserve.bot.bot_phrases import PHRASES, Language
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.reply.reply_style import ReplyStyle
from todserve.runtime.untrusted.checked_pattern import check_pattern

ROOMS = ROOT / "todserve" / "runtime"
# Kind -> its files; English's, the first, is what the others are held against.
FOLDER = ROOT / "todserve" / "bot" / "phrases"
KINDS = {
    "reply": ("reply", "{}.json", ("english", "german", "korean")),
    "values of replies": ("knowledge", "{}_values.json", ("english", "german")),
    "word forms": ("language", "{}_word_forms.json", ("english", "german")),
    "said values": ("values", "{}.json", ("english", "german", "korean")),
}
# What lists words or slots has those that the language or its corpora need.
OWN = {
    *("kinds", "services", "flags", "removable", "asked", "asks_for", "told", "questions"),
    *("numbers", "written", "missing", "plain_words", "run_together", "spellings", "never"),
    *("doubts", "times_after", "places", "slots", "words", "scales", "currencies", "hundredths"),
    *("days", "weekdays", "weeks", "months", "years", "ordinals", "hours", "minutes", "named"),
    *("values", "texts", "steps", "tens", "slot_words", "ranks"),
}
MAY_BE_LEFT_OUT = {"wording"}
FILES = [(kind, name) for kind, (_, _, names) in KINDS.items() for name in names]


def content(kind: str, language: str) -> dict[str, Any]:
    room, name, _ = KINDS[kind]
    read: dict[str, Any] = json.loads((ROOMS / room / name.format(language)).read_text("utf-8"))
    return read


def paths(given: dict[str, Any], at: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return the path of every key but those of lists of words."""
    found = set()
    for key, value in given.items():
        here = (*at, key)
        found.add(here)
        numbers = key == "numbers" and "words" in value
        if isinstance(value, dict) and (key not in OWN or numbers) and key not in MAY_BE_LEFT_OUT:
            found |= paths(value, here)
    return found


@pytest.mark.parametrize(("kind", "language"), FILES)
def test_a_file_of_a_language_has_the_keys_of_english(kind: str, language: str) -> None:
    assert content(kind, language)["language"] == language
    assert paths(content(kind, language)) == paths(content(kind, "english"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_of_a_kind_is_held_against_the_others(kind: str) -> None:
    room, name, languages = KINDS[kind]
    files = {path.name for path in (ROOMS / room).glob(name.format("*"))} - {"currencies.json"}
    assert files == {name.format(language) for language in languages}


@pytest.mark.parametrize("language", ["german", "korean"])
def test_every_question_and_sentence_has_the_fields_of_english(language: str) -> None:
    english, other = content("reply", "english"), content("reply", language)
    for name, text in other["sentences"].items():
        wanted = english["sentences"][name]
        for field in ("{key}", "{told}", "{services}", "[value_reference]"):
            assert (field in text) == (field in wanted), f"{name}: {text}"


def test_the_mould_of_other_languages_is_what_a_checkpoint_may_say() -> None:
    for text in ReplyStyle.of_language("german").expressions():
        check_pattern(text)
    for text in WordForms.of_language("german").expressions():
        check_pattern(text)


@pytest.mark.parametrize("language", Language)
def test_a_bot_says_the_same_things_in_every_language(language: Language) -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {*Language}
    english, other = PHRASES[Language.EN], PHRASES[language]
    assert english.responses.keys() == other.responses.keys()
    for name, text in other.responses.items():
        assert ("{reference}" in text) == ("{reference}" in english.responses[name])
    assert all(re.compile(pattern) for pattern in (other.book, other.reference))
