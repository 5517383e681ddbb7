"""Scores of a domain decision, always beside a decision that never leaves a domain.

The domain benchmark calls it with the domains that a rule, a model or a checkpoint decided.
Example: of ``hotel hotel train`` decided as ``hotel hotel hotel`` one of the two turns after the
first is right, and the one wanted switch is missed.

Scored are the turns after a dialogue's first; on the first there is nothing to hold. With the
corpus's domain g(t), the decided one p(t), and the previous domain q(t) that the decision was
given (the corpus's g(t-1) or the decision's own p(t-1)):

- a switch is *wanted* where g(t) is not g(t-1), *made* where p(t) is not q(t), so also where a
  first domain is named late;
- accuracy: turns with p(t) = g(t);
- switch precision: of the switches made, those with p(t) = g(t);
- switch recall: of the switches wanted, those with p(t) = g(t); F1 is the harmonic mean;
- spurious-switch rate: of the turns where none is wanted, those where one was made to a wrong
  domain (a switch back after a mistake of its own is not spurious);
- missed-switch rate: of the switches wanted, those where none was made and p(t) is wrong.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

from todserve.evaluation.figures import share


@dataclass(frozen=True, kw_only=True, slots=True)
class DecidedTurn:
    """A turn of a dialogue and what was decided.

    Attributes:
        expected: the corpus's domain.
        given: the previous domain the decision was shown; None at first.
        decided: None where nothing named a domain.
    """

    expected: str
    given: str | None
    decided: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainScores:
    """How good a domain decision is; shares are None where there was nothing to count.

    Attributes:
        turns: scored, each after its dialogue's first.
        wanted: switches in the corpus.
        made: switches decided.
        accuracy: see above, as are the others.
        switch_precision: of those made.
        switch_recall: of those wanted.
        switch_f1: their harmonic mean.
        spurious_switch_rate: of the turns that should hold.
        missed_switch_rate: of the switches wanted.
        first_accuracy: of the dialogues' first turns.
    """

    turns: int
    wanted: int
    made: int
    accuracy: float | None
    switch_precision: float | None
    switch_recall: float | None
    switch_f1: float | None
    spurious_switch_rate: float | None
    missed_switch_rate: float | None
    first_accuracy: float | None

    def figures(self) -> dict[str, float | int | None]:
        """Return the scores by name."""
        return asdict(self)


def score_domains(dialogues: Iterable[Sequence[DecidedTurn]]) -> DomainScores:
    """Return the scores; the turns of each dialogue are in order."""
    turns = wanted = made = right = right_wanted = right_made = spurious = missed = 0
    firsts = first_right = 0
    for dialogue in dialogues:
        if dialogue:
            firsts += 1
            first_right += dialogue[0].decided == dialogue[0].expected
        for before, turn in pairwise(dialogue):
            is_wanted = turn.expected != before.expected
            is_made = turn.decided != turn.given
            is_right = turn.decided == turn.expected
            turns += 1
            right += is_right
            wanted += is_wanted
            made += is_made
            right_wanted += is_wanted and is_right
            right_made += is_made and is_right
            spurious += is_made and not is_wanted and not is_right
            missed += is_wanted and not is_made and not is_right
    precision, recall = share(right_made, made), share(right_wanted, wanted)
    return DomainScores(
        turns=turns,
        wanted=wanted,
        made=made,
        accuracy=share(right, turns),
        switch_precision=precision,
        switch_recall=recall,
        switch_f1=_harmonic(precision, recall),
        spurious_switch_rate=share(spurious, turns - wanted),
        missed_switch_rate=share(missed, wanted),
        first_accuracy=share(first_right, firsts),
    )


def always_stay(expected: Sequence[str], *, own: bool) -> list[DecidedTurn]:
    """Return the baseline's decisions for one dialogue: it never leaves a domain.

    Args:
        expected: the corpus's domains.
        own: stay for ever where the dialogue began; False stays, each turn, with the corpus's
            domain of the turn before. Either is told the first domain.
    """
    found = [DecidedTurn(expected=one, given=None, decided=one) for one in expected[:1]]
    for before, now in pairwise(expected):
        held = expected[0] if own else before
        found.append(DecidedTurn(expected=now, given=held, decided=held))
    return found


def score_table(rows: Sequence[tuple[str, DomainScores]]) -> str:
    """Return the scores as aligned text, a row each."""
    heads = ("turns", "wanted", "made", "acc", "P", "R", "F1", "spurious", "missed", "first")
    width = max((len(name) for name, _ in rows), default=0)
    lines = [" " * width + "".join(f"{head:>9}" for head in heads)]
    for name, scores in rows:
        cells = "".join(f"{_shown(value):>9}" for value in scores.figures().values())
        lines.append(f"{name:<{width}}{cells}")
    return "\n".join(lines)


def _shown(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _harmonic(one: float | None, other: float | None) -> float | None:
    # Nothing made while something was wanted is a recall of 0, and so an F1 of 0.
    if one is None and other is None:
        return None
    total = (one or 0.0) + (other or 0.0)
    return 2 * (one or 0.0) * (other or 0.0) / total if total else 0.0
