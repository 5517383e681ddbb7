"""Intent scores: accuracy, macro-F1, out-of-scope recall, and what is mistaken for what.

The intent benchmarks call it with the labelled and the predicted intents. Example: of two
"card_lost" one is predicted "card_lost", the other as a label that does not exist: accuracy 0.5, F1
of the label 0.667, invented 0.5.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from todserve.evaluation.figures import f1, share
from todserve.evaluation.suites.intents.intent_prediction import PredictedIntent
from todserve.runtime.language.schema import Schema, letters_and_digits


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledIntent:
    """A prediction beside the corpus's label, as the checkpoint's schema spells it."""

    expected: str
    predicted: PredictedIntent

    @property
    def right(self) -> bool:
        """True when they are the same; an invented label or a refusal never is."""
        return self.predicted.name == self.expected


def spelled(labels: Sequence[str], schema: Schema) -> list[str]:
    """Return the labels as the schema spells them; one it does not have stays as it is.

    Case and marks do not count: ``reverted_card_payment?`` is ``reverted_card_payment``.
    """
    known = frozenset(schema.intents)
    alike = {letters_and_digits(intent): intent for intent in schema.intents}
    return [one if one in known else alike.get(letters_and_digits(one), one) for one in labels]


def intent_figures(rows: Sequence[LabelledIntent]) -> dict[str, Any]:
    """Return the figures of labelled utterances; every row counts, refused ones as wrong.

    Returns:
        ``accuracy``; ``macro_f1`` (plain mean over the corpus's labels); ``invented`` (share of
        rows whose generation names no intent the schema has), ``foreign`` (names one of the
        schema's, but of another corpus), ``refused``; ``rows``, ``labels`` (different ones) and
        ``confusions`` (expected, predicted or null, count; the most frequent first).
    """
    by_label = label_f1(rows)
    wrong = Counter((one.expected, one.predicted.name) for one in rows if not one.right)
    answered = [one.predicted.name for one in rows if not one.predicted.refused]
    count = len(rows)
    return {
        "accuracy": share(sum(one.right for one in rows), count),
        "macro_f1": share(sum(by_label.values()), len(by_label)),
        "invented": share(sum(name is None for name in answered), count),
        "foreign": share(
            sum(name is not None and name not in by_label for name in answered), count
        ),
        "refused": share(count - len(answered), count),
        "rows": count,
        "labels": len(by_label),
        "confusions": [
            {"expected": expected, "predicted": predicted, "count": number}
            for (expected, predicted), number in sorted(
                wrong.items(), key=lambda one: (-one[1], one[0][0], one[0][1] or "")
            )
        ],
    }


def label_f1(rows: Sequence[LabelledIntent]) -> Mapping[str, float]:
    """Return the F1 of every label the corpus has, by name."""
    expected = Counter(one.expected for one in rows)
    predicted = Counter(one.predicted.name for one in rows)
    right = Counter(one.expected for one in rows if one.right)
    # A label of the corpus is expected at least once, so its F1 is always defined.
    return {
        label: f1(right[label], predicted[label], expected[label]) or 0.0
        for label in sorted(expected)
    }


def scope_figures(rows: Sequence[LabelledIntent], out_of_scope: str) -> dict[str, float | None]:
    """Return the out-of-scope figures of Larson et al. (EMNLP 2019).

    Args:
        rows: in-scope and out-of-scope utterances.
        out_of_scope: the label of the latter.

    Returns:
        ``in_scope_accuracy`` (an in-scope utterance called out of scope is wrong),
        ``out_of_scope_recall`` and ``out_of_scope_precision``. An invented label is not the
        out-of-scope label.
    """
    inside = [one for one in rows if one.expected != out_of_scope]
    outside = [one for one in rows if one.expected == out_of_scope]
    called = sum(one.predicted.name == out_of_scope for one in rows)
    found = sum(one.right for one in outside)
    return {
        "in_scope_accuracy": share(sum(one.right for one in inside), len(inside)),
        "out_of_scope_recall": share(found, len(outside)),
        "out_of_scope_precision": share(found, called),
    }
