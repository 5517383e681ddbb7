"""Speller: corrects misspelt English words, knowing the checkpoint's own names and values.

`UtteranceReader` calls it before the paraphrases; the network reads its ``Spelled.text``, while the
answer and the history keep what was typed. Only a word that neither English nor the checkpoint
knows is touched. Example: ``speller.read("a vietnameese place")`` is ``a vietnamese place`` and
says what changed.

The words are those of symspellpy's English dictionary. Its index of deletions, the fast way to
search them, would take 1.7 s and 140 MB of every worker (0.6 s and 29 MB at its smallest); a scan
by rapidfuzz takes 1 to 2 ms an unknown word, remembered, and nothing for a word that is known.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from todserve.runtime.knowledge.knowledge_base import KnowledgeBase
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.tokenizer import Tokenizer
from todserve.runtime.spelling.spelling_rules import SpellingRules
from todserve.runtime.wire.response import WordChange

_FREQUENT = 2_000_000
"""Occurrences, of a trillion words, that make a word likely to be meant; 15,000 words have them."""
_COMMON, _VERY_COMMON = 20_000_000, 200_000_000
_SHORTEST = 4  # letters; a shorter word is near too many others
_ENOUGH_LETTERS = (4, 6, 9)
"""Letters from which one, two and three mistakes in a word of the checkpoint are understood."""
_SHORTEST_RUN_ON = 5
_CLEARLY = 4.0  # how much more frequent the best of several words must be
_MOSTLY_STRANGE = 0.5
_MOSTLY_CLEAR = 0.5
_ENGLISH_SHARE = 0.5
_REMEMBERED = 8192

_CHUNK = re.compile(r"[^\s,;!?()\"“”…]+")
_EDGES = ".:'’‘`-*~"
_ENDS = ("!", "?")
_REPEATED = re.compile(r"([a-z])\1{2,}")
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spelled:
    """An utterance with its misspelt words corrected, and what was changed.

    Attributes:
        text: what the network reads.
        changes: the words that were read as others, in order; empty where nothing was.
    """

    text: str
    changes: tuple[WordChange, ...] = ()

    def then(self, later: "Spelled") -> "Spelled":
        """Return what ``later`` made of this text, with the changes of both."""
        return Spelled(text=later.text, changes=(*self.changes, *later.changes))


@dataclass(frozen=True, slots=True)
class _Typed:
    """One word of an utterance and where it stands."""

    word: str
    start: int
    end: int
    is_name: bool


class Speller:
    """Corrects the words that neither English nor one checkpoint knows."""

    def __init__(
        self,
        english: Mapping[str, int],
        own: Iterable[str],
        values: Iterable[str] = (),
        rules: SpellingRules | None = None,
    ) -> None:
        """Put the words in order; use ``of`` for a checkpoint.

        Args:
            english: word -> how often it occurs.
            own: the checkpoint's words.
            values: those of them that are labels and values of its schema, likeliest of all.
            rules: how English is misspelt; the package's own without.
        """
        self._rules = rules or SpellingRules.of_language()
        self._english = english
        self._values = frozenset(values)
        self._own = frozenset(own)
        self._own_by_length = _by_length(self._own)
        self._frequent_by_length = _by_length(
            word for word, count in english.items() if count >= _FREQUENT
        )
        self._meant = lru_cache(maxsize=_REMEMBERED)(self._search)

    @classmethod
    def of(cls, schema: Schema, knowledge: KnowledgeBase, tokenizer: Tokenizer) -> "Speller | None":
        """Return the speller of a checkpoint; None for one whose language is not English."""
        values = frozenset(_words_in(_schema_texts(schema)))
        own = values.union(_words_in(_database_texts(knowledge)))
        pieces = [word for word in tokenizer.words() if len(word) >= _SHORTEST]
        if not (_mostly(str.isascii, own) and _mostly(str.isascii, pieces)):
            return None
        rules = SpellingRules.of_language()
        english = rules.words()
        if not _mostly(english.__contains__, pieces):
            return None
        return cls(english, filter(str.isascii, own), filter(str.isascii, values), rules)

    def read(self, utterance: str) -> Spelled:
        """Return the utterance as it is meant."""
        typed = list(self._typed(utterance))
        strange = [one for one in typed if not self.knows(one.word.lower())]
        if not strange:
            return Spelled(text=utterance)
        foreign = len(typed) >= 3 and self._is_foreign(strange, of=len(typed))
        parts: list[str] = []
        changes: list[WordChange] = []
        read_to = 0
        for one in strange:
            meant = self._meant(one.word.lower(), foreign or one.is_name)
            if meant is None:
                continue
            written = _in_case_of(one.word, meant)
            parts += [utterance[read_to : one.start], written]
            read_to = one.end
            changes.append(WordChange(typed=one.word, read=written))
        return Spelled(text="".join([*parts, utterance[read_to:]]), changes=tuple(changes))

    def _is_foreign(self, strange: Sequence[_Typed], *, of: int) -> bool:
        """Say whether it is another language, or none: many strange words, and few are near any."""
        clear = sum(self._meant(one.word.lower(), False) is not None for one in strange)
        return len(strange) > _MOSTLY_STRANGE * of and clear < _MOSTLY_CLEAR * len(strange)

    def knows(self, word: str) -> bool:
        """Say whether a lower-case word is known, or is none that could be misspelt."""
        if word in self._own or word in self._english or word in self._rules.unlisted:
            return True
        if not word.isascii():
            return False
        if len(word) < _SHORTEST - 1:  # "u" and "nr" are no mistakes
            return True
        one = word.removesuffix("s").removesuffix("'")
        if one != word and (one in self._own or one in self._rules.unlisted):
            return True
        return any(
            british.subn(ending, word)[0] in self._english
            for british, ending in self._rules.other_endings
            if british.search(word)
        )

    def _typed(self, utterance: str) -> Iterator[_Typed]:
        """Yield the words of letters alone: no number, time, code, address or bracketed token."""
        shouting = utterance.isupper()
        begins = True
        before: tuple[str, ...] = ()
        for chunk in _CHUNK.finditer(utterance):
            word = chunk[0].strip(_EDGES)
            if word and word.replace("'", "").replace("’", "").isalpha():
                start = chunk.start() + chunk[0].index(word)
                introduced = not self._rules.introduces.isdisjoint((before[-1:], before))
                written_so = word[0].isupper() and not begins and not shouting
                is_name = introduced or written_so
                yield _Typed(word, start, start + len(word), is_name)
            begins = chunk[0].endswith((".", ":")) or utterance[chunk.end() :].startswith(_ENDS)
            before = (*before[-1:], word.lower())

    def _search(self, word: str, only_own: bool) -> str | None:
        """Return the word that is meant by an unknown one; None where that is not clear."""
        if not (word.isascii() and word.isalpha()) or len(word) < _SHORTEST - 1:
            return None
        if len(word) < _SHORTEST:
            return None if only_own else self._swapped(word)
        if _REPEATED.search(word):
            return self._squeezed(word)
        own, mistakes = self._own_word(word)
        if own and mistakes == 1:
            return own
        meant = own
        if not only_own:
            meant = self._english_word(word, own) or own
        parts, rarest = self._run_on(word)
        # Letters run together are all there; two mistakes are a guess.
        guessed = meant is not None and _mistakes(word, meant) > 1
        return parts if parts and guessed or rarest > _CLEARLY * self._count(meant) else meant

    def _own_word(self, word: str) -> tuple[str | None, int]:
        """Return the checkpoint's word that is meant, and the mistakes in it."""
        most = sum(len(word) >= least for least in _ENOUGH_LETTERS)
        found = _nearest(word, self._own_by_length, most=most)
        near = [one for one, distance in found if distance == 1]
        if near:
            best = self._best(word, [one for one in near if one in self._values] or near)
            # With four letters a word of other subjects is as likely, but for a value.
            if len(word) == _SHORTEST and best not in self._values:
                others = self._english_near(word)
                best = best if best == self._best(word, [*near, *others]) else None
            return best, 1 if best else 0
        # A name of six letters is two mistakes away from too many words that were never heard of.
        sure = len(word) > _ENOUGH_LETTERS[1]
        far = [
            (one, distance)
            for one, distance in found
            if self._rules.begins_alike(word, one) and (sure or one in self._values)
        ]
        alike = [one for one, _ in far if one[-1] == word[-1]]
        best = self._best(word, alike or [one for one, distance in far if distance == 2])
        return best, 2

    def _english_word(self, word: str, own: str | None) -> str | None:
        """Return the English word that is meant rather than ``own``, the checkpoint's word."""
        near = self._english_near(word)
        swapped = [one for one in near if sorted(one) == sorted(word)]
        best = self._best(word, swapped if len(word) == _SHORTEST else near)
        if best is not None:
            if swapped:
                return best
            if len(word) < _ENOUGH_LETTERS[1]:  # "trane" may be a train
                rivals = _nearest(word, self._own_by_length, most=2)
                return None if any(one[0] == word[0] for one, _ in rivals) else best
            return best if _CLEARLY**2 * self._count(best) >= self._count(own) else None
        if own is not None or len(word) <= _ENOUGH_LETTERS[1]:
            return None
        found = _nearest(word, self._frequent_by_length, most=2)
        # Nothing less than both ends tells a word with two mistakes from one never heard of.
        return self._best(
            word, [one for one, _ in found if (one[0], one[-1]) == (word[0], word[-1])]
        )

    def _english_near(self, word: str) -> list[str]:
        found = _nearest(word, self._frequent_by_length, most=1)
        return [one for one, _ in found if self._rules.begins_alike(word, one)]

    def _swapped(self, word: str) -> str | None:
        """Return ``the`` for ``teh``: three letters say no more than that."""
        swaps = {word[1] + word[0] + word[2], word[0] + word[2] + word[1]} - {word}
        found = [one for one in swaps if self._count(one) >= _VERY_COMMON]
        return found[0] if len(found) == 1 else None

    def _squeezed(self, word: str) -> str | None:
        """Return ``cheap`` for ``cheeeap``; a drawn-out "hmmmm" stays."""
        for kept in (r"\1\1", r"\1"):
            shorter = _REPEATED.sub(kept, word)
            if shorter in self._rules.unlisted or len(shorter) < _SHORTEST:
                return None
            if shorter in self._own or self._count(shorter) >= _FREQUENT:
                return shorter
        return None

    def _best(self, word: str, candidates: list[str]) -> str | None:
        """Return the candidate that is meant: with swapped letters, or clearly more frequent."""
        swapped = [one for one in candidates if sorted(one) == sorted(word)]
        ranked = sorted(swapped or candidates, key=lambda one: (-self._count(one), one))
        if not ranked:
            return None
        stem = len(word) - 3
        rivals = [one for one in ranked[1:] if stem < _SHORTEST or one[:stem] != ranked[0][:stem]]
        clear = all(self._count(ranked[0]) >= _CLEARLY * self._count(one) for one in rivals)
        return ranked[0] if clear else None

    def _count(self, word: str | None) -> int:
        return self._english.get(word, 1) if word else 0

    def _run_on(self, word: str) -> tuple[str | None, int]:
        """Return ``cheap hotel`` for ``cheaphotel`` and how often its rarer word occurs."""
        if len(word) < _SHORTEST_RUN_ON:
            return None, 0
        found = []
        for cut in range(1, len(word)):
            parts = word[:cut], word[cut:]
            long = [one for one in parts if one not in self._rules.small]
            if all(self._stands_alone(one, beside_small=len(long) < 2) for one in long):
                found.append((min(map(self._count, parts)), " ".join(parts)))
        rarest, best = max(found, default=(0, None))
        return best, rarest

    def _stands_alone(self, word: str, *, beside_small: bool) -> bool:
        if len(word) < _SHORTEST - 1 + beside_small:
            return False
        enough = _COMMON if not beside_small or word in self._own else _VERY_COMMON
        return self._count(word) >= enough


def _mistakes(word: str, other: str) -> int:
    return OSA.distance(word, other)


def _nearest(word: str, by_length: Mapping[int, list[str]], *, most: int) -> list[tuple[str, int]]:
    """Return (word, mistakes) of the known words at most ``most`` mistakes away, nearest first."""
    found = [
        (known, distance)
        for length in range(len(word) - most, len(word) + most + 1)
        for known, distance, _ in process.extract(
            word,
            by_length.get(length, ()),
            scorer=OSA.distance,
            score_cutoff=most,
            limit=None,
        )
    ]
    return sorted(found, key=lambda one: one[1])


def _by_length(words: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for word in words:
        if len(word) >= _SHORTEST:
            found[len(word)].append(word)
    return dict(found)


def _in_case_of(typed: str, meant: str) -> str:
    if typed.isupper():
        return meant.upper()
    return meant[:1].upper() + meant[1:] if typed[0].isupper() else meant


def _schema_texts(schema: Schema) -> Iterator[str]:
    yield from schema.intents
    for service in schema.services:
        yield service.name
        for slot in service.slots:
            yield from (slot.name, *slot.values)


def _database_texts(knowledge: KnowledgeBase) -> Iterator[str]:
    for domain in knowledge.domains:
        for column in knowledge.columns(domain):
            yield from knowledge.values(domain, column)


def _words_in(texts: Iterable[str]) -> Iterator[str]:
    """Yield the lower-case words of letters, which may repeat."""
    for text in texts:
        yield from _LETTERS.findall(text.lower().replace("_", " "))


def _mostly(holds: Callable[[str], bool], words: Collection[str]) -> bool:
    return sum(map(holds, words)) >= _ENGLISH_SHARE * len(words)
