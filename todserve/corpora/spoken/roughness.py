"""Roughness: rewrites a text as somebody in a hurry would type it.

The spoken maker puts what it has made through it, with a probability. Misspellings, slips of the
keyboard, spelling by ear, abbreviations, dialect, run-ons, dictation without punctuation; several
in one message. Words that no one could guess again are left as they are.
Example: ``a cheap restaurant in the centre, please`` is ``cheep resturant in da centre pls``.
"""

import random
import re
from collections.abc import Callable, Collection, Mapping

from todserve.corpora.spoken.wordings import Wordings

_PUNCTUATION = re.compile(r"[.,?!;]+(?=\s|$)")
_CORE = re.compile(r"[a-z']{2,}|[가-힣]{2,}")
_CLOCK = re.compile(r"(?<![\w:])(?:[01]\d|2[0-3]):[0-5]\d(?![\w:])")
_IN_WORDS = (" past", " to", " till", "half", "quarter", "qtr")
_SHORTEST = 4
_RATES = (0.06, 0.12, 0.2, 0.35)


class Roughness:
    """Makes texts rough in the words of one language."""

    def __init__(self, wordings: Wordings) -> None:
        """Take misspellings, abbreviations and the rest from ``wordings``."""
        rough = wordings.rough
        self._short: Mapping[str, list[str]] = rough.get("short", {})
        self._misspelt: Mapping[str, list[str]] = rough.get("misspelt", {})
        self._sounds: list[list[str]] = rough.get("sounds", [])
        self._keys: Mapping[str, str] = rough.get("keys", {})
        self._dialect = [
            (re.compile(rf"\b{re.escape(one)}\b"), other) for one, other in rough.get("dialect", [])
        ]
        self._before: list[str] = rough.get("before", [])
        self._after: list[str] = rough.get("after", [])
        self._little = frozenset(rough.get("little", ()))

    def __call__(
        self,
        text: str,
        chance: random.Random,
        *,
        keep: Collection[str] = (),
        time: Callable[[str, random.Random], str] | None = None,
    ) -> str:
        """Return ``text`` made rough in one or more ways.

        Args:
            text: what was said.
            chance: chooses the ways.
            keep: words that must stay as they are, such as those of a name.
            time: says a clock time in words.
        """
        if time is not None and chance.random() < 0.4:
            said = text
            # "Half 15:00" is said in words already.
            text = _CLOCK.sub(
                lambda match: (
                    match[0]
                    if said[: match.start()].rstrip().endswith(_IN_WORDS)
                    else time(match[0], chance)
                ),
                text,
            )
        ways = chance.choices((self._typed, self._dialectal, self._dictated, self._framed), k=2)
        for way in dict.fromkeys(ways):
            text = way(text, frozenset(keep), chance)
        return text

    def misspelt(self, word: str, chance: random.Random) -> str:
        """Return ``word`` misspelt: as often seen, by ear, or by a slip of the keyboard."""
        if word in self._misspelt and chance.random() < 0.6:
            return chance.choice(self._misspelt[word])
        if len(word) < _SHORTEST or not word.isascii() or not word.isalpha():
            return word
        if chance.random() < 0.4:
            heard = self._by_ear(word, chance)
            if heard != word:
                return heard
        return self._slip(word, chance)

    def _by_ear(self, word: str, chance: random.Random) -> str:
        fitting = [(one, other) for one, other in self._sounds if one in word[1:]]
        if not fitting:
            return word
        one, other = chance.choice(fitting)
        at = word.index(one, 1)
        return word[:at] + other + word[at + len(one) :]

    def _slip(self, word: str, chance: random.Random) -> str:
        at = chance.randrange(1, len(word))
        kind = chance.random()
        if kind < 0.3 and at < len(word) - 1:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if kind < 0.55:
            return word[:at] + word[at + 1 :]
        if kind < 0.75:
            return word[:at] + word[at] + word[at:]
        near = self._keys.get(word[at], word[at])
        if kind < 0.85:
            return word[:at] + chance.choice(near) + word[at:]
        return word[:at] + chance.choice(near) + word[at + 1 :]

    def _typed(self, text: str, keep: frozenset[str], chance: random.Random) -> str:
        rate = chance.choice(_RATES)
        words: list[str] = []
        said = text.split()
        for at, word in enumerate(said):
            found = _CORE.search(word)
            if found is not None and found[0] not in keep:
                kind = chance.random()
                core = found[0]
                if kind < rate:
                    core = self.misspelt(core, chance)
                elif kind < 2 * rate and core in self._short:
                    shorter = chance.choice(self._short[core])
                    # "for 2" must not become "42".
                    core = core if shorter.isdigit() and _counts(said, at) else shorter
                word = word[: found.start()] + core + word[found.end() :]
            words.append(word)
        joined = " ".join(words)
        if len(words) > 3 and chance.random() < 0.08:  # a space that was not hit
            at = chance.randrange(len(words) - 1)
            if not {words[at], words[at + 1]} & keep:
                joined = " ".join([*words[:at], words[at] + words[at + 1], *words[at + 2 :]])
        return joined

    def _dialectal(self, text: str, keep: frozenset[str], chance: random.Random) -> str:
        for pattern, other in self._dialect:
            if chance.random() < 0.5 and not set(pattern.findall(text)) & keep:
                text = pattern.sub(other, text)
        return text

    def _dictated(self, text: str, keep: frozenset[str], chance: random.Random) -> str:
        text = _PUNCTUATION.sub("", text)
        if chance.random() < 0.4:  # a telegram
            kept = [word for word in text.split() if word not in self._little or word in keep]
            text = " ".join(kept) or text
        return text

    def _framed(self, text: str, keep: frozenset[str], chance: random.Random) -> str:
        if self._before and chance.random() < 0.6:
            text = chance.choice(self._before) + text
        if self._after and chance.random() < 0.6:
            text = text + chance.choice(self._after)
        return text


def _counts(words: list[str], at: int) -> bool:
    """Say whether a number stands beside a word."""
    return any(word[:1].isdigit() for word in words[max(at - 1, 0) : at + 2])
