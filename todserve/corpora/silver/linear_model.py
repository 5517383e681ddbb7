"""Linear models over named features, fitted by scikit-learn and kept as plain matrices.

The silver annotator and the domain model are fitted with it. Example: `fit_classes` on features
``["user:taxi", ...]`` and classes ``["book_taxi", ...]`` gives a model whose ``classes`` names the
likeliest class of a row.

scikit-learn comes with ``pip install todserve[train]`` and is imported only when fitting.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from todserve.runtime.errors import TrainingError

_CLASS_STRENGTH = 1.0  # logistic regression's C
_LABEL_STRENGTH = 0.05  # linear SVM's C
_FOLDS = 4
_THRESHOLDS = tuple(-0.02 * step for step in range(31))


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearModel:
    """Linear scores over named features: all that is left of scikit-learn's estimators.

    Attributes:
        vectoriser: features -> sparse row.
        weights: (features x columns).
        biases: (columns,).
        names: what each column stands for.
    """

    vectoriser: Any
    weights: Any
    biases: Any
    names: tuple[Any, ...]

    def scores(self, features: Sequence[list[str]]) -> Any:
        """Return (rows x columns) scores."""
        return self.vectoriser.transform(features) @ self.weights + self.biases

    def classes(self, features: Sequence[list[str]]) -> list[str]:
        """Return the name with the highest score for each row."""
        return [str(self.names[at]) for at in self.scores(features).argmax(axis=1)]


def vectorise(features: Sequence[list[str]]) -> tuple[Any, Any]:
    """Return a vectoriser fitted on named features, and their sparse 0/1 matrix.

    A feature seen once teaches nothing and is left out.

    Raises:
        TrainingError: scikit-learn is not installed.
    """
    try:
        from sklearn.feature_extraction.text import CountVectorizer
    except ImportError as error:
        raise TrainingError(
            "silver annotation needs scikit-learn, which is not installed; "
            "run: pip install 'todserve[train]'"
        ) from error
    vectoriser = CountVectorizer(analyzer=_as_given, binary=True, min_df=min(2, len(features)))
    return vectoriser, vectoriser.fit_transform(features)


def _as_given(features: list[str]) -> list[str]:
    return features


def fit_classes(features: Sequence[list[str]], classes: Sequence[str]) -> LinearModel:
    """Fit one class a row: multinomial logistic regression."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    vectoriser, matrix = vectorise(features)
    model = LogisticRegression(C=_CLASS_STRENGTH, max_iter=1000, random_state=0)
    if len(set(classes)) < 2:
        return LinearModel(
            vectoriser=vectoriser,
            weights=np.zeros((matrix.shape[1], 1)),
            biases=np.zeros(1),
            names=(classes[0],),
        )
    model.fit(matrix, list(classes))
    weights, biases = model.coef_, model.intercept_
    if len(weights) == 1:  # scikit-learn keeps one row for two classes
        weights, biases = np.vstack([-weights, weights]), np.hstack([-biases, biases])
    return LinearModel(
        vectoriser=vectoriser, weights=weights.T, biases=biases, names=tuple(model.classes_)
    )


def fit_labels(vectoriser: Any, matrix: Any, truth: Any, labels: Sequence[Hashable]) -> LinearModel:
    """Fit any number of labels a row: one linear SVM a label.

    Args:
        vectoriser: what made the matrix.
        matrix: (rows x features), sparse.
        truth: (rows x labels), 0 or 1.
        labels: what the columns of ``truth`` stand for.
    """
    import numpy as np
    from sklearn.svm import LinearSVC

    weights = np.zeros((matrix.shape[1], len(labels)))
    biases = np.zeros(len(labels))
    for column in range(len(labels)):
        wanted = truth[:, column]
        if wanted.all() or not wanted.any():
            # Nothing to tell apart: always given, or never.
            biases[column] = np.inf if wanted.all() else -np.inf
            continue
        model = LinearSVC(C=_LABEL_STRENGTH, random_state=0).fit(matrix, wanted)
        weights[:, column], biases[column] = model.coef_[0], model.intercept_[0]
    return LinearModel(vectoriser=vectoriser, weights=weights, biases=biases, names=tuple(labels))


def best_threshold(vectoriser: Any, matrix: Any, truth: Any, labels: Sequence[Hashable]) -> float:
    """Return the score from which a label should be given: best micro-F1 over folds.

    Args: as `fit_labels`; rows of a dialogue must be neighbours.
    """
    import numpy as np

    # Contiguous folds: the turns of a dialogue stay together.
    folds = np.arange(matrix.shape[0]) * _FOLDS // matrix.shape[0]
    scores = np.zeros(truth.shape)
    for fold in range(_FOLDS):
        inside = folds == fold
        model = fit_labels(vectoriser, matrix[~inside], truth[~inside], labels)
        scores[inside] = matrix[inside] @ model.weights + model.biases

    def micro_f1(threshold: float) -> float:
        given = scores > threshold
        return float(2 * (given & (truth == 1)).sum() / max(given.sum() + truth.sum(), 1))

    return max(_THRESHOLDS, key=micro_f1)
