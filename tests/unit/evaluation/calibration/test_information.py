"""Every expected number is worked by hand in the comment beside it."""

import math
from collections.abc import Sequence

import pytest
import torch

from todserve.evaluation.metrics.forced_passages import NextTokens, Passage, in_batches, targets
from todserve.evaluation.metrics.information import (
    DEFINITIONS,
    entropy,
    kl_divergence,
    mean_entropy,
)
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.tasks import TaskName

LN = math.log
HALVES, QUARTER = (1 / 2, 1 / 2), (1 / 4, 3 / 4)
UNEVEN, THIRDS = (1 / 2, 1 / 4, 1 / 4), (1 / 3, 1 / 3, 1 / 3)


def logits(*rows: Sequence[float]) -> torch.Tensor:
    """Return logits of these distributions; each row is shifted, which must not matter."""
    return torch.tensor(rows).log() + torch.arange(1.0, len(rows) + 1)[:, None]


def passage(task: TaskName, *target: int) -> Passage:
    return Passage(task=task, context=(5, len(target)), prefix=(1,), target=target)


def constant(row: Sequence[float]) -> NextTokens:
    """Return a model that always predicts ``row``."""
    return lambda passages: logits(*[row] * sum(len(one.target) for one in passages))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # 1/2 ln(1/2 / 1/4) + 1/2 ln(1/2 / 3/4) = 1/2 ln 2 + 1/2 ln 2/3 = 1/2 ln 4/3
        (HALVES, QUARTER, LN(4 / 3) / 2),
        # 1/4 ln 1/2 + 3/4 ln 3/2: not the same the other way round
        (QUARTER, HALVES, LN(1 / 2) / 4 + 3 * LN(3 / 2) / 4),
        # 1/2 ln 3/2 + 2 * 1/4 ln 3/4 = 1/2 ln 9/8
        (UNEVEN, THIRDS, LN(9 / 8) / 2),
        # 1/3 ln 2/3 + 2/3 ln 4/3 = 1/3 ln 32/27
        (THIRDS, UNEVEN, LN(32 / 27) / 3),
        (UNEVEN, UNEVEN, 0.0),
    ],
)
def test_kl_divergence(first: Sequence[float], second: Sequence[float], expected: float) -> None:
    (value,) = kl_divergence(logits(first), logits(second) + 3).tolist()
    assert value == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (HALVES, LN(2)),
        (THIRDS, LN(3)),
        # 1/2 ln 2 + 2 * 1/4 ln 4
        (UNEVEN, 1.5 * LN(2)),
    ],
)
def test_entropy(row: Sequence[float], expected: float) -> None:
    assert entropy(logits(row)).tolist() == [pytest.approx(expected)]


def test_entropy_of_certainty_is_zero() -> None:
    assert entropy(torch.tensor([[200.0, 0.0, 0.0]])).tolist() == [0.0]


def test_means_are_per_task_and_over_tokens_not_passages() -> None:
    passages = [
        passage(TaskName.INTENT, 0),
        passage(TaskName.INTENT, 1, 1, 1),
        passage(TaskName.RESPONSE, 0, 0),
    ]
    found = mean_entropy(constant(QUARTER), passages, batch=2)
    # H(1/4) = 1/4 ln 4 + 3/4 ln 4/3
    expected = LN(4) / 4 + 3 * LN(4 / 3) / 4
    assert [one.mean for one in found.values()] == [pytest.approx(expected)] * 2
    assert {task: one.tokens for task, one in found.items()} == {
        TaskName.INTENT: 4,
        TaskName.RESPONSE: 2,
    }


def test_a_divergence_is_finite_and_never_negative() -> None:
    generator = torch.Generator().manual_seed(11)
    for scale in (1e-6, 1.0, 1e4):
        first = torch.randn(50, 40, generator=generator) * scale
        for second in (first, first + 1e-7, torch.randn(50, 40, generator=generator) * scale):
            values = kl_divergence(first, second)
            assert bool(torch.isfinite(values).all())
            assert float(values.min()) >= 0.0


def test_models_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"predicts \(1, 2\).*second \(1, 3\)"):
        kl_divergence(logits(HALVES), logits(THIRDS))
    with pytest.raises(ConfigError, match="not finite"):
        kl_divergence(logits(HALVES), torch.tensor([[0.0, -math.inf]]))


def test_batches_hold_every_passage_once_and_contexts_together() -> None:
    passages = [passage(TaskName.INTENT, *range(1 + number % 3)) for number in range(10)]
    batches = list(in_batches(passages, 4))
    assert sorted(place for part in batches for place in part) == list(range(10))
    assert [len(part) for part in batches] == [4, 4, 2]
    order = [passages[place].context for part in batches for place in part]
    assert order == sorted(order)
    assert targets(passages[:3]).tolist() == [0, 0, 1, 0, 1, 2]


def test_every_measure_is_defined_in_nats() -> None:
    assert set(DEFINITIONS) == {"cross_entropy", "entropy", "kl_divergence"}
    assert all("nats" in text for text in DEFINITIONS.values())
