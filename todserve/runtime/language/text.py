"""Text normalisation: what people type, in the form that the models are trained on.

Stands before the prompts: corpora and requests pass through the same function.
Example: ``normalise("Two tickets at 5pm")`` is ``"2 tickets at 17:00"``.
"""

import re
import unicodedata

_UNITS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty
""".split()  # noqa: SIM905  (a list of quoted words would be harder to read)
_NUMBERS = {word: str(number) for number, word in enumerate(_UNITS)}
_NUMBER = re.compile(rf"\b(?:{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})\b(?!-)")
_CLOCK = re.compile(
    r"(?<![\d:.])(\d{1,2})(?:\s*[:.]\s*([0-5]\d))?\s*(a\.?m\b\.?|p\.?m\b\.?)(?=\W|$)"
    r"|(?<![\d:.])(\d{1,2}):([0-5]\d)(?![\d:])"
)
_SPELLED_OUT = (
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\bcan't\b"), "cannot"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"(?<=\w)'m\b"), " am"),
    (re.compile(r"(?<=\w)'re\b"), " are"),
    (re.compile(r"(?<=\w)'ve\b"), " have"),
    (re.compile(r"(?<=\w)'d\b"), " would"),
    (re.compile(r"(?<=\w)'ll\b"), " will"),
    (re.compile(r"\bguesthouse"), "guest house"),
    (re.compile(r"\bwi-fi\b"), "wifi"),
    (re.compile(r"\bcenter\b"), "centre"),
)
_NOON = re.compile(r"\b(?:12 )?(noon|midnight)\b")
_SPACE = re.compile(r"\s+")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "“": '"', "”": '"', "–": "-", "—": "-"})


def _clock(match: re.Match[str]) -> str:
    if match[4] is not None:
        hour, minute = int(match[4]), match[5]
    else:
        hour, minute = int(match[1]), match[2] or "00"
        afternoon = match[3].startswith("p")
        if hour <= 12:
            hour = hour % 12 + (12 if afternoon else 0)
    return f"{hour:02d}:{minute}" if hour < 24 else match[0]


def normalise(text: str) -> str:
    """Return ``text`` in lower case, single-spaced, numbers as digits and times as HH:MM.

    The MultiWOZ 2.1 state-tracking release writes so in every utterance ("that one" is "that 1"
    there, "i'm" is "i am"); doing the same to a request keeps it inside what was learnt.
    Idempotent.
    """
    text = unicodedata.normalize("NFKC", text.translate(_QUOTES)).lower()
    text = _SPACE.sub(" ", text).strip()
    for written, spelled_out in _SPELLED_OUT:
        text = written.sub(spelled_out, text)
    text = _NUMBER.sub(lambda match: _NUMBERS[match[0]], text)
    text = _NOON.sub(lambda match: "12:00" if match[1] == "noon" else "00:00", text)
    return _SPACE.sub(" ", _CLOCK.sub(_clock, text))
