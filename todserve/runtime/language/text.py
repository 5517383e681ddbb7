"""Text normalisation: what people type, in the form that the models are trained on.

Corpora and requests go through the same function before prompts are made of them. Example:
``normalise("Two tickets at 5pm")`` is ``"2 tickets at 17:00"``. Which words become what stands in
``text_form.json``: they are part of the prompt format, the same for every checkpoint.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from todserve.runtime.untrusted.json_text import read_json

_CLOCK = re.compile(
    r"(?<![\d:.])(\d{1,2})(?:\s*[:.]\s*([0-5]\d))?\s*(a\.?m\b\.?|p\.?m\b\.?)(?=\W|$)"
    r"|(?<![\d:.])(\d{1,2}):([0-5]\d)(?![\d:])"
)
_SPACE = re.compile(r"\s+")
_TEXTS_REMEMBERED = 256
"""A turn asks for its utterance twice, and the next one for it again."""
_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "“": '"', "”": '"', "–": "-", "—": "-"})


class _Rules(NamedTuple):
    """What ``text_form.json`` says, ready to be used."""

    spelled_out: tuple[tuple[re.Pattern[str], str], ...]
    number: re.Pattern[str]
    numbers: Mapping[str, str]
    times: tuple[tuple[re.Pattern[str], str], ...]


@lru_cache(maxsize=1)
def _rules() -> _Rules:
    found = read_json(Path(__file__).with_name("text_form.json"))
    words = "|".join(sorted(found["numbers"], key=len, reverse=True))
    return _Rules(
        spelled_out=tuple((re.compile(text), meant) for text, meant in found["spelled_out"]),
        number=re.compile(rf"\b(?:{words})\b(?!-)"),
        numbers=found["numbers"],
        times=tuple((re.compile(rf"\b{name}\b"), time) for name, time in found["times"].items()),
    )


def _clock(match: re.Match[str]) -> str:
    if match[4] is not None:
        hour, minute = int(match[4]), match[5]
    else:
        hour, minute = int(match[1]), match[2] or "00"
        afternoon = match[3].startswith("p")
        if hour <= 12:
            hour = hour % 12 + (12 if afternoon else 0)
    return f"{hour:02d}:{minute}" if hour < 24 else match[0]


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def normalise(text: str) -> str:
    """Return ``text`` in lower case, single-spaced, numbers as digits and times as HH:MM.

    The MultiWOZ 2.1 state-tracking release writes so in every utterance ("that one" is "that 1"
    there, "i'm" is "i am"); doing the same to a request keeps it inside what was learnt.
    Idempotent.
    """
    text = unicodedata.normalize("NFKC", text.translate(_QUOTES)).lower()
    text = _SPACE.sub(" ", text).strip()
    rules = _rules()
    for written, spelled_out in rules.spelled_out:
        text = written.sub(spelled_out, text)
    text = rules.number.sub(lambda match: rules.numbers[match[0]], text)
    for written, time in rules.times:
        text = written.sub(time, text)
    return _SPACE.sub(" ", _CLOCK.sub(_clock, text))
