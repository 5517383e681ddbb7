"""Confusion of intents: which are taken for which.

The HTML report calls it with the intents that an evaluation predicted. Example: of four
``find_train`` of which one is called ``book_train``, the row ``find_train`` reads 0.75 and 0.25.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from todserve.corpora.silver.silver_annotator import DevHalf, dev_half
from todserve.evaluation.figures import share
from todserve.evaluation.rollout import Outcome

IntentPair = tuple[str, str | None]
"""(the corpus's intent, the predicted one or None where no known one was named)."""

MOST_LABELS = 25
"""Labels with a row of their own; the rest share one."""

OTHER, NO_INTENT = "(other)", "(none)"
"""Names of the shared row and column, and of the column for a turn without a known intent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfusionCell:
    """How often a label was taken for another, and the share of its row; 0 in an empty row."""

    count: int
    share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfusionRow:
    """A label of the corpus, how often it occurs, and what it was taken for."""

    label: str
    count: int
    cells: tuple[ConfusionCell, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Confusion:
    """A confusion matrix and its most frequent mistakes.

    Attributes:
        columns: predicted labels; those of the rows in their order, then the shared ones.
        rows: the corpus's labels, the most frequent first.
        mistakes: (expected, predicted, count), the most frequent first, over all labels.
    """

    columns: tuple[str, ...]
    rows: tuple[ConfusionRow, ...]
    mistakes: tuple[tuple[str, str, int], ...]


def scored_intents(outcomes: Sequence[Outcome], split: str) -> list[IntentPair]:
    """Return the pairs that the intent accuracy is counted over.

    On dev that leaves out ``dev-annotator``, whose labels taught the silver annotator.
    """
    return [
        (one.turn.intent, one.answer.intent.name if one.answer and one.answer.intent else None)
        for one in outcomes
        if one.turn.intent and (split != "dev" or dev_half(one.dialogue_id) is DevHalf.HELD_OUT)
    ]


def confusion(
    pairs: Sequence[IntentPair], *, most: int = MOST_LABELS, mistakes: int = 15
) -> Confusion | None:
    """Return the matrix of ``pairs``, None without any.

    Args:
        pairs: (expected, predicted).
        most: labels with a row and a column of their own, by how often the corpus has them.
        mistakes: most mistakes to list.
    """
    if not pairs:
        return None
    frequent = Counter(expected for expected, _ in pairs)
    labels = sorted(frequent, key=lambda label: (-frequent[label], label))[:most]
    own = frozenset(labels)

    def place(label: str | None) -> str:
        if label is None:
            return NO_INTENT
        return label if label in own else OTHER

    counts = Counter((place(expected), place(predicted)) for expected, predicted in pairs)
    totals = Counter(place(expected) for expected, _ in pairs)
    columns = (
        *labels,
        *(name for name in (OTHER, NO_INTENT) if any(column == name for _, column in counts)),
    )
    wrong = Counter((expected, predicted) for expected, predicted in pairs if expected != predicted)
    return Confusion(
        columns=columns,
        rows=tuple(
            ConfusionRow(
                label=label,
                count=totals[label],
                cells=tuple(
                    ConfusionCell(
                        count=counts[label, column],
                        share=share(counts[label, column], totals[label]) or 0.0,
                    )
                    for column in columns
                ),
            )
            for label in (*labels, *([OTHER] if totals[OTHER] else []))
        ),
        mistakes=tuple(
            (expected, predicted or NO_INTENT, count)
            for (expected, predicted), count in sorted(
                wrong.items(), key=lambda one: (-one[1], one[0][0], one[0][1] or "")
            )[:mistakes]
        ),
    )
