"""Korean particles: the form that a particle takes behind a value, chosen by the last syllable.

A language's file that says ``"particles": "korean"`` has its replies written so. Example: after
``별`` the reply's ``[value]를`` is written ``을``, since the syllable ends in a consonant.

A reply is learnt with some value before its particle and said with another one, so the particle is
chosen anew (Korean orthography, article 41, writes particles onto the word before them).
"""

import re

_HANGUL = re.compile(r"[가-힣]")
_PARTICLE = re.compile(
    r"(?P<mark>['\"]?)(?P<particle>으로|이라는|이라고|이란|이에요|예요|라는|라고|란|로|은|는|이|가|을|를|과|와)"
    r"(?![가-힣])"
)
_AFTER_CONSONANT = ("은", "이", "을", "과", "으로", "이라는", "이라고", "이란", "이에요")
_AFTER_VOWEL = ("는", "가", "를", "와", "로", "라는", "라고", "란", "예요")
_FINAL_SOUNDS = 28
_FINAL_L = 8
_DIGIT_FINALS = {"1": _FINAL_L, "7": _FINAL_L, "8": _FINAL_L, "0": 1, "3": 1, "6": 1}
"""Digits that are read with a consonant at their end: 일, 칠, 팔; 영, 삼, 육."""
_ASIDE = re.compile(r"\s*\([^()]*\)$")
_APART = (
    # Pieces of a generation are joined with a space before each placeholder, and some replies of
    # the corpora are written so. 이 and 가 may be words of their own; these particles never are.
    (re.compile(r"(^|\s)(['\"‘“(]) (?=\[value_)"), r"\1\2"),
    (re.compile(r"(?<=\]) (?=(?:은|는|을|를|의)(?![가-힣]))"), ""),
)


def joined(template: str) -> str:
    """Return a reply with placeholders whose quotation marks and particles stand at them."""
    for pattern, written in _APART:
        template = pattern.sub(written, template)
    return template


def agreeing(value: str, after: str) -> str:
    """Return ``after`` with the particle at its start as ``value`` wants it.

    Args:
        value: as it is written; one that ends in a letter of another script says nothing of its
            sound, and the particle stays.
        after: the reply after the value.
    """
    match = _PARTICLE.match(after)
    final = _final_sound(value)
    if match is None or final is None:
        return after
    given = match["particle"]
    row = _AFTER_CONSONANT if given in _AFTER_CONSONANT else _AFTER_VOWEL
    place = row.index(given)
    # 로 also follows the sound ㄹ.
    vowel_like = final == 0 or (final == _FINAL_L and _AFTER_VOWEL[place] == "로")
    wanted = (_AFTER_VOWEL if vowel_like else _AFTER_CONSONANT)[place]
    return match["mark"] + wanted + after[match.end() :]


def _final_sound(value: str) -> int | None:
    """Return the place of the last syllable's final consonant, 0 for none, None if unknown."""
    last = _ASIDE.sub("", value).rstrip("'\"!?.~ ")[-1:]
    if _HANGUL.fullmatch(last):
        return (ord(last) - ord("가")) % _FINAL_SOUNDS
    return _DIGIT_FINALS.get(last, 0) if last in "0123456789" and last else None
