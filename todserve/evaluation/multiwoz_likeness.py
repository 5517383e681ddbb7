"""Likeness of two names, as the standardised MultiWOZ evaluation measures it.

Stands inside the venue database: a state that says ``the nandos`` still finds ``nandos``. The
measure is fuzzywuzzy's partial ratio over Levenshtein alignments, which the published figures
were made with. Other partial ratios differ for some twenty pairs of MultiWOZ's names, and a venue
more or less decides a dialogue. Example: ``likeness("nandos", "nandos city centre")`` is 100.
"""

from collections.abc import Iterator
from functools import lru_cache


@lru_cache(maxsize=1 << 17)
def likeness(one: str, other: str) -> int:
    """Return 0 to 100: how well the shorter text fits somewhere into the longer one.

    The texts are aligned by the fewest insertions, deletions and substitutions. Every run of
    equal characters proposes a window of the longer text, as long as the shorter; the best
    window counts. An empty text is like nothing.
    """
    if not one or not other:
        return 0
    if one == other:
        return 100
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    best = 0.0
    for in_short, in_long in _runs(short, long):
        start = max(in_long - in_short, 0)
        window = long[start : start + len(short)]
        best = max(best, _shared(short, window))
    return round(100 * best)


def _shared(one: str, other: str) -> float:
    """Return twice the longest common subsequence over the summed lengths."""
    row = [0] * (len(other) + 1)
    for character in one:
        diagonal = 0
        for at, against in enumerate(other, start=1):
            above = row[at]
            row[at] = diagonal + 1 if character == against else max(above, row[at - 1])
            diagonal = above
    return 2 * row[-1] / (len(one) + len(other))


def _runs(short: str, long: str) -> Iterator[tuple[int, int]]:
    """Yield where each run of aligned equal characters begins, in ``short`` and in ``long``.

    The end of both texts counts as a last, empty run.
    """
    previous: tuple[int, int] | None = None
    for pair in _aligned(short, long):
        if previous is None or (pair[0] - previous[0], pair[1] - previous[1]) != (1, 1):
            yield pair
        previous = pair
    yield len(short), len(long)


def _aligned(short: str, long: str) -> list[tuple[int, int]]:
    """Return the positions of equal characters in one cheapest alignment, in order.

    Of several, the one that walks back from the end along the diagonal wherever it can, and
    does not break off a run of insertions or deletions that may go on.
    """
    costs = [list(range(len(long) + 1))]
    for at, character in enumerate(short, start=1):
        above = costs[-1]
        row = [at]
        for to, against in enumerate(long, start=1):
            row.append(min(above[to] + 1, row[-1] + 1, above[to - 1] + (character != against)))
        costs.append(row)
    pairs: list[tuple[int, int]] = []
    at, to = len(short), len(long)
    inserting = deleting = False
    while at or to:
        cost = costs[at][to]
        inserted = to > 0 and cost == costs[at][to - 1] + 1
        deleted = at > 0 and cost == costs[at - 1][to] + 1
        same = at > 0 and to > 0 and short[at - 1] == long[to - 1]
        diagonal = at > 0 and to > 0 and cost == costs[at - 1][to - 1] + (not same)
        inserting = inserted and (inserting or not diagonal)
        deleting = deleted and not inserting and (deleting or not diagonal)
        if inserting:
            to -= 1
        elif deleting:
            at -= 1
        else:
            at, to = at - 1, to - 1
            if same:
                pairs.append((at, to))
    return pairs[::-1]
