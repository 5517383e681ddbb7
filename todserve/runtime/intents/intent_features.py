"""Intent features: the words and letters of an utterance as numbered, weighted n-grams.

The intent model is fitted on them and looks at the very same when it serves. Single words and pairs
of neighbours are one block, runs of two to five letters inside a word the other; each is TF-IDF of
length 1, so that neither counts more because there is more of it. N-grams are named by a checksum,
so no table of strings is kept. Example: ``block_counts("my card")[0]`` has the words ``my``,
``card`` and both.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.language.text import normalise

BLOCKS = 2
"""Words and letters."""

_SHORTEST, _LONGEST = 2, 5  # letters of a run; a word's own edges count as letters


def block_counts(utterance: str) -> tuple[Counter[int], Counter[int]]:
    """Return how often each n-gram stands in an utterance: of words, and of letters."""
    words = normalise(utterance).split()
    return _named("w", _word_grams(words)), _named("c", _letter_grams(words))


def _named(kind: str, grams: Iterator[str]) -> Counter[int]:
    return Counter(crc32(f"{kind}{gram}".encode()) for gram in grams)


def _word_grams(words: list[str]) -> Iterator[str]:
    yield from words
    yield from (f"{one} {other}" for one, other in pairwise(words))


def _letter_grams(words: list[str]) -> Iterator[str]:
    for word in words:
        letters = f" {word} "
        for size in range(_SHORTEST, _LONGEST + 1):
            if size >= len(letters):
                yield letters
                break
            for start in range(len(letters) - size + 1):
                yield letters[start : start + size]


def weighted(
    utterance: str, grams: NDArray[np.uint32], rarity: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the places of an utterance's known n-grams and what each weighs.

    Args:
        utterance: as typed.
        grams: the known names, sorted.
        rarity: inverse document frequency of each.
    """
    places: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    weights: list[NDArray[np.float32]] = [np.zeros(0, dtype=np.float32)]
    for counts in block_counts(utterance):
        names = np.fromiter(counts, dtype=np.uint32, count=len(counts))
        times = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
        found = np.minimum(np.searchsorted(grams, names), max(0, len(grams) - 1))
        known = grams[found] == names if len(grams) else np.zeros(len(names), dtype=bool)
        value = (1 + np.log(times[known])) * rarity[found[known]]
        length = float(np.linalg.norm(value))
        if length:
            places.append(found[known])
            weights.append((value / length).astype(np.float32))
    return np.concatenate(places), np.concatenate(weights)
