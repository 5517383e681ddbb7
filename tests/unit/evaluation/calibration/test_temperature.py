import math
from collections.abc import Sequence

import pytest
import torch

from todserve.evaluation.calibration.judged_claims import ClaimKind
from todserve.evaluation.calibration.temperature import (
    FITTED_BY,
    GRID,
    best_for_claims,
    best_for_tokens,
    log_probs_at,
)
from todserve.evaluation.metrics.forced_passages import Passage
from todserve.runtime.language.tasks import TaskName


def log_confidences(margin: float) -> list[float]:
    """Return the log-probability of the better of two tokens at each temperature of the grid."""
    return [-math.log1p(math.exp(-margin / one)) for one in GRID]


def said(margin: float, right: int, wrong: int) -> list[tuple[list[float], bool]]:
    logs = log_confidences(margin)
    return [(logs, True)] * right + [(logs, False)] * wrong


# A margin of t ln 9 is a confidence of 0.9 at temperature t, so nine right of ten make t honest.
@pytest.mark.parametrize("temperature", [0.5, 0.8, 1.0, 1.7, 3.0])
def test_the_temperature_that_makes_confidence_equal_accuracy_is_found(temperature: float) -> None:
    claims = said(temperature * math.log(9), 9, 1)
    assert best_for_claims(claims) == pytest.approx(temperature, rel=0.02)


def test_claims_of_several_tokens_are_fitted_as_products() -> None:
    # Two tokens of sqrt(0.9) each at temperature 2.
    probability = math.sqrt(0.9)
    margin = 2 * math.log(probability / (1 - probability))
    logs = [2 * one for one in log_confidences(margin)]
    claims = [(logs, True)] * 9 + [(logs, False)]
    assert best_for_claims(claims) == pytest.approx(2.0, rel=0.02)


def test_tokens_are_fitted_by_their_likelihood() -> None:
    # Three of four times the first token came: honest at logits t (ln 3, 0).
    logits = 1.5 * torch.tensor([math.log(3), 0.0])
    columns = torch.stack([(logits / one).log_softmax(dim=0) for one in GRID], dim=1)
    assert best_for_tokens([columns[[0, 0]], columns[[0, 1]]]) == pytest.approx(1.5, rel=0.02)


def test_a_fit_stays_within_the_grid() -> None:
    assert best_for_claims(said(1.0, 5, 0)) == GRID[0]
    assert best_for_claims([([-1e-9] * len(GRID), False)]) in GRID
    assert best_for_claims([]) == 1.0
    assert best_for_tokens([]) == 1.0
    assert 1.0 in GRID


def test_log_probabilities_are_those_of_the_divided_logits_in_the_order_of_the_passages() -> None:
    rows = {1: [2.0, 0.0, -1.0], 2: [0.0, 3.0, 0.5]}

    def model(passages: Sequence[Passage]) -> torch.Tensor:
        return torch.tensor([rows[one.context[0]] for one in passages for _ in one.target])

    passages = [
        Passage(task=TaskName.RESPONSE, context=(2,), prefix=(0,), target=(1, 2)),
        Passage(task=TaskName.INTENT, context=(1,), prefix=(0,), target=(0,)),
    ]
    seen: list[int] = []
    first, second = log_probs_at(
        model,
        passages,
        {TaskName.RESPONSE: (1.0, 4.0), TaskName.INTENT: (0.5,)},
        batch=1,
        on_batch=seen.append,
    )
    expected = [
        torch.tensor(rows[2]).div(one).log_softmax(dim=0)[[1, 2]].tolist() for one in (1.0, 4.0)
    ]
    assert first.T.tolist() == [pytest.approx(one) for one in expected]
    expected_second = -math.log1p(math.exp(-4) + math.exp(-6))
    assert second.tolist() == [[pytest.approx(expected_second, abs=1e-6)]]
    assert seen == [1, 1]


def test_only_the_response_has_no_right_and_wrong() -> None:
    assert {task for task, kind in FITTED_BY.items() if kind is None} == {TaskName.RESPONSE}
    assert set(FITTED_BY) == set(TaskName)
    assert FITTED_BY[TaskName.DIALOGUE_ACT] is ClaimKind.ACT
