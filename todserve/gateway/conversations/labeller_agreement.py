"""Agreement: who labelled how much, and how far two people judge alike beyond chance.

The labelling routes call it with what the store holds. Example: two people who judged the same ten
turns and said the same of nine, five of them right, have a Cohen's kappa of 0.8.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from todserve.gateway.store.records import TurnRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """What one person did: turns judged right, judged wrong, and corrected last by this one."""

    name: str
    right: int
    wrong: int
    corrected: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """How two people judge the turns that both judged.

    Attributes:
        a: one of them.
        b: the other.
        turns: that both judged.
        agreed: of which both say the same.
        kappa: Cohen's; None where there is none: both say one and the same of everything, or
            they share no turn.
    """

    a: str
    b: str
    turns: int
    agreed: int
    kappa: float | None


def labelled_by(turns: Iterable[TurnRecord]) -> tuple[list[Labelled], list[Agreement]]:
    """Return what each person did, and how each two agree; by name.

    Args:
        turns: as they stand; a verdict on an answer that was run again since counts no more.
    """
    verdicts: dict[str, dict[int, str]] = {}
    corrected: Counter[str] = Counter()
    for place, turn in enumerate(turns):
        for name, verdict in turn.verdicts.items():
            verdicts.setdefault(name, {})[place] = verdict
        if turn.is_corrected:
            corrected[turn.author or ""] += 1
    people = sorted({*verdicts, *corrected})
    return [
        Labelled(
            name=name,
            right=_count(verdicts, name, "right"),
            wrong=_count(verdicts, name, "wrong"),
            corrected=corrected[name],
        )
        for name in people
    ], [_agreement(a, b, verdicts[a], verdicts[b]) for a, b in combinations(sorted(verdicts), 2)]


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Return Cohen's kappa of two people's labels of the same things; None where it has no value.

    Args:
        pairs: the label of the one and of the other, thing by thing.
    """
    if not pairs:
        return None
    total = len(pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    by_chance: float = sum(first[label] * second[label] for label in first) / total**2
    if by_chance == 1:
        return None
    observed = sum(a == b for a, b in pairs) / total
    return (observed - by_chance) / (1 - by_chance)


def _count(verdicts: Mapping[str, Mapping[int, str]], name: str, verdict: str) -> int:
    return sum(one == verdict for one in verdicts.get(name, {}).values())


def _agreement(a: str, b: str, hers: Mapping[int, str], his: Mapping[int, str]) -> Agreement:
    pairs = [(hers[place], his[place]) for place in hers.keys() & his.keys()]
    found = kappa(pairs)
    return Agreement(
        a=a,
        b=b,
        turns=len(pairs),
        agreed=sum(one == other for one, other in pairs),
        kappa=None if found is None else round(found, 4),
    )
