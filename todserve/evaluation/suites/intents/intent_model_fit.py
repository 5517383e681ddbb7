"""Fitting an intent model: a linear model on examples, its place beside the network on others.

`intent_classifier` calls it when a checkpoint's intent model is trained. The linear model is
multinomial logistic regression over the encoder's vector of an utterance and its n-grams. How much
it counts beside the network's own intent is fitted on examples that neither has seen: by the
likelihood of the right intent, so that what is served is a calibrated probability. Example:
``fit_linear(examples)``, then ``with_factors(model, judged)``.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from todserve.runtime.errors import CorpusError, TrainingError
from todserve.runtime.intents.intent_features import block_counts, weighted
from todserve.runtime.intents.intent_model import (
    IntentFacts,
    IntentModel,
    generated_log_probabilities,
    unit,
)
from todserve.runtime.language.dialogue import OUT_OF_SCOPE

MOST_GRAMS = 20_000
"""N-grams kept, those of most examples: 6 MB for 150 intents."""

_STRENGTH = 30.0  # logistic regression's C, as good as any on three projects' held-out fifths
_GRAM_SHARE = 0.5  # of an n-gram block's length beside the vector's, likewise
_ITERATIONS = 150
_TOLERANCE = 1e-3
_LARGEST = 4.0  # of a factor
_UNTOLD = np.array([1.0, 0.0])  # the factors where nothing is known
_CAUTION = 2.0  # nats that a factor costs, one off them
_AFFORDED = 0.005  # of the accuracy inside, for what lies outside
_OFFSETS = tuple(step / 4 for step in range(33))
_LEAST_OUTSIDE = 5  # examples that an offset is fitted on


@dataclass(frozen=True, kw_only=True, slots=True)
class IntentExample:
    """An utterance with its label.

    Attributes:
        utterance: as typed.
        vector: mean of its encoder states; None where the engine shows none.
        intent: the corpus's.
    """

    utterance: str
    vector: NDArray[np.float32] | None
    intent: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """An example that nothing was trained on, and what the network generated for it."""

    example: IntentExample
    generated: tuple[str | None, float]


def fit_linear(examples: Sequence[IntentExample], *, note: str = "") -> IntentModel:
    """Fit the linear model; the network counts nothing yet.

    Args:
        examples: all with a vector, or none.
        note: goes into the file.

    Raises:
        CorpusError: fewer than two intents.
        TrainingError: scikit-learn is not installed.
    """
    intents = sorted({one.intent for one in examples})
    if len(intents) < 2:
        raise CorpusError(
            f"{len(examples)} examples of {len(intents)} intents; expected two intents at least"
        )
    try:
        from scipy import sparse
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise TrainingError(
            "fitting intents needs scikit-learn, which is not installed; "
            "run: pip install 'todserve[train]'"
        ) from error
    grams, rarity = known_grams([one.utterance for one in examples])
    rows = [weighted(one.utterance, grams, rarity) for one in examples]
    bounds = np.cumsum([0, *(len(places) for places, _ in rows)])
    matrix = sparse.csr_matrix(
        (
            _GRAM_SHARE * np.concatenate([weights for _, weights in rows]),
            np.concatenate([places for places, _ in rows]),
            bounds,
        ),
        shape=(len(rows), len(grams)),
    )
    width = 0
    vectors = [one.vector for one in examples if one.vector is not None]
    if len(vectors) == len(examples):
        width = len(vectors[0])
        matrix = sparse.hstack([np.stack([unit(one) for one in vectors]), matrix]).tocsr()
    solver: Any = LogisticRegression(C=_STRENGTH, max_iter=_ITERATIONS, tol=_TOLERANCE)
    solver.fit(matrix.astype(np.float32), [intents.index(one.intent) for one in examples])
    weights, biases = solver.coef_, solver.intercept_
    if len(weights) == 1:  # scikit-learn keeps one row for two classes
        weights, biases = np.vstack([-weights, weights]) / 2, np.hstack([-biases, biases]) / 2
    return IntentModel(
        facts=IntentFacts(intents=tuple(intents), note=note),
        grams=grams,
        rarity=rarity.astype(np.float16),
        gram_weights=(_GRAM_SHARE * weights[:, width:].T).astype(np.float16),
        vector_weights=weights[:, :width].T.astype(np.float16),
        biases=biases.astype(np.float32),
    )


def known_grams(utterances: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """Return the n-grams that are kept, sorted, and their inverse document frequencies."""
    frequency: Counter[int] = Counter(
        name for one in utterances for block in block_counts(one) for name in block
    )
    kept = sorted(frequency, key=lambda name: (-frequency[name], name))[:MOST_GRAMS]
    grams = np.array(sorted(kept), dtype=np.uint32)
    counts = np.array([frequency[int(name)] for name in grams], dtype=np.float32)
    rarity = np.log((1 + len(utterances)) / (1 + counts)) + 1
    return grams, rarity.astype(np.float16).astype(np.float32)


def with_factors(model: IntentModel, heard: Sequence[Heard]) -> IntentModel:
    """Return the model with its place beside the network: both factors and the offset outside.

    Args:
        model: fitted on other examples.
        heard: examples of intents it does not know are left out.
    """
    from scipy.optimize import minimize

    intents = model.facts.intents
    known = [one for one in heard if one.example.intent in intents]
    if not known:
        return model
    linear = np.stack([_linear(model, one) for one in known])
    generated = np.stack([generated_log_probabilities(intents, one.generated) for one in known])
    right = np.array([intents.index(one.example.intent) for one in known])

    def loss(factors: NDArray[np.float64]) -> float:
        joined = factors[0] * linear + factors[1] * generated
        highest = joined.max(axis=1, keepdims=True)
        whole = np.log(np.exp(joined - highest).sum(axis=1)) + highest[:, 0]
        # Of a handful of examples nothing may be concluded: the linear model stands as it is.
        far = (factors - _UNTOLD) @ (factors - _UNTOLD)
        return float((whole - joined[np.arange(len(right)), right]).sum() + _CAUTION * far)

    found = minimize(loss, [1.0, 0.5], method="L-BFGS-B", bounds=[(0.05, _LARGEST), (0, _LARGEST)])
    first, second = (round(float(factor), 4) for factor in found.x)
    fitted = _with(model, linear=first, generated=second)
    return _with(fitted, outside=_outside(fitted, linear, known))


def _with(model: IntentModel, **facts: float) -> IntentModel:
    return replace(model, facts=model.facts.model_copy(update=facts))


def _linear(model: IntentModel, one: Heard) -> NDArray[np.float64]:
    return model.log_probabilities(one.example.utterance, one.example.vector)


def _outside(model: IntentModel, linear: NDArray[np.float64], known: Sequence[Heard]) -> float:
    """Return the offset of what lies outside.

    The one that finds most of it among those that cost at most `_AFFORDED` of the accuracy inside:
    examples of what lies outside are few, and what people say there is without end.
    """
    intents = model.facts.intents
    outside = np.array([one.example.intent == OUT_OF_SCOPE for one in known])
    if OUT_OF_SCOPE not in intents or outside.all() or outside.sum() < _LEAST_OUTSIDE:
        return 0.0
    joined = np.stack(
        [model.joined(row, one.generated) for row, one in zip(linear, known, strict=True)]
    )
    right = np.array([intents.index(one.example.intent) for one in known])
    column = intents.index(OUT_OF_SCOPE)

    def shares(offset: float) -> tuple[float, float]:
        moved = joined.copy()
        moved[:, column] += offset
        hit = moved.argmax(axis=1) == right
        return float(hit[~outside].mean()), float(hit[outside].mean())

    found = {offset: shares(offset) for offset in _OFFSETS}
    least = max(inside for inside, _ in found.values()) - _AFFORDED
    affordable = [offset for offset in _OFFSETS if found[offset][0] >= least]
    return max(affordable, key=lambda offset: (found[offset][1], found[offset][0], -abs(offset)))


def cross_fitted(model: IntentModel, heard: Sequence[Heard]) -> list[tuple[str, float]]:
    """Return each example's intent and its probability, by factors fitted on the other half.

    So that what is scored was never fitted on, not even by three numbers.
    """
    halves = [with_factors(model, heard[other::2]) for other in (1, 0)]
    found = []
    for place, one in enumerate(heard):
        judged = halves[place % 2].judged(one.example.utterance, one.example.vector, one.generated)
        found.append((judged.name, judged.confidence))
    return found


def linear_accuracy(model: IntentModel, heard: Sequence[Heard]) -> float:
    """Return the share of examples that the linear model alone gets right; NaN of none."""
    right = [
        model.facts.intents[int(_linear(model, one).argmax())] == one.example.intent
        for one in heard
    ]
    return sum(right) / len(right) if right else math.nan
