"""Fitting a domain model: maximum entropy over words, dialogue acts and the previous domain.

The ablation fits several such models, and `training.domain_classifier` the one that a checkpoint
carries. Example: rows ``(["word:taxi", "previous:hotel"], "taxi")`` in, a `DomainModel` out.
"""

import math
from collections import Counter
from collections.abc import Sequence

from todserve.corpora.silver.linear_model import fit_classes
from todserve.runtime.errors import CorpusError
from todserve.runtime.tracking.domain_model import DomainModel

Row = tuple[list[str], str]
"""(features of a turn, its domain)."""

_DECIMALS = 2  # of a weight; a third changes no decision on MultiWOZ's dev split


def fit_domain_model(
    rows: Sequence[Row], *, least: int = 2, keep: int | None = None, note: str = ""
) -> DomainModel:
    """Fit multinomial logistic regression (L2, C = 1).

    Args:
        rows: of the train split.
        least: features of fewer rows are left out.
        keep: keep so many features, those that move most: spread of the weights over the domains
            times the square root of the feature's rows. None keeps all.
        note: goes into the file.

    Raises:
        CorpusError: no rows, or all of one domain.
    """
    if len({domain for _, domain in rows}) < 2:
        raise CorpusError(
            f"{len(rows)} turns of {len({domain for _, domain in rows})} domains; expected turns "
            "of two domains at least; read more of the corpus"
        )
    seen = Counter(name for features, _ in rows for name in features)
    known = {name for name, count in seen.items() if count >= least}
    fitted = fit_classes(
        [[name for name in features if name in known] for features, _ in rows],
        [domain for _, domain in rows],
    )
    weights = {
        str(name): [float(weight) for weight in fitted.weights[column]]
        for name, column in fitted.vectoriser.vocabulary_.items()
    }

    def importance(name: str) -> float:
        return (max(weights[name]) - min(weights[name])) * math.sqrt(seen[name])

    ordered = sorted(weights, key=lambda name: (-importance(name), name))
    return DomainModel(
        domains=tuple(str(name) for name in fitted.names),
        biases=tuple(round(float(bias), _DECIMALS) for bias in fitted.biases),
        weights={name: _centred(weights[name]) for name in sorted(ordered[:keep])},
        note=note,
    )


def _centred(weights: Sequence[float]) -> tuple[float, ...]:
    # A constant on all domains changes no probability; around zero the numbers are shortest.
    mean = sum(weights) / len(weights)
    return tuple(round(weight - mean, _DECIMALS) for weight in weights)
