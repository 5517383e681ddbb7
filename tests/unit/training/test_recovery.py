"""Going back to good weights: when, to which, and how often."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import nn

from todserve.runtime.errors import TrainingError
from todserve.training.loop.distributed import World
from todserve.training.loop.recovery import GoodCopy, Trust
from todserve.training.loop.weight_average import WeightAverage
from todserve.training.training_config import Recovery


class Run:
    """A network of one weight, trained towards smaller numbers."""

    def __init__(self, trust: Trust | None = None, **settings: float | None) -> None:
        self.network = nn.Linear(1, 1, bias=False)
        with torch.no_grad():
            self.network.weight.fill_(4.0)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=0.1)
        self.average = WeightAverage(self.network, decay=0.5)
        chosen = Recovery.model_validate({"every": 2, **settings})
        self.good = GoodCopy(
            chosen, self.network, [self.optimizer], self.average, World(), trust or Trust()
        )
        self.step = 0

    @property
    def weight(self) -> float:
        return float(self.network.weight.detach())

    def make(self, losses: Sequence[float]) -> list[str | None]:
        """Make a step for each loss that is to be believed of it."""
        said = []
        for loss in losses:
            self.network.weight.grad = torch.ones(1, 1)
            self.optimizer.step()
            self.average.update(self.step)
            said.append(self.good.add(torch.tensor(loss), self.step))
            self.step += 1
        return said


def test_a_good_stretch_is_kept_and_a_bad_one_undone() -> None:
    run = Run()
    assert run.make([1.0, 1.0]) == [None, None]
    kept = run.weight
    mean = float(run.average.mean["weight"])
    state = {k: v.clone() for k, v in run.optimizer.state[run.network.weight].items()}
    said = run.make([1.5, 1.5])
    assert said[0] is None
    assert said[1] is not None
    assert "step 3: loss 1.500" in said[1]
    assert run.weight == kept
    assert float(run.average.mean["weight"]) == mean
    for name, value in run.optimizer.state[run.network.weight].items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)
    assert run.good.scale == 0.5


@pytest.mark.parametrize(("loss", "risen"), [(1.39, False), (1.41, True)])
def test_a_rise_is_one_beyond_factor_and_slack(loss: float, risen: bool) -> None:
    run = Run(rise=1.35, slack=0.05)
    run.make([1.0, 1.0])
    assert (run.make([loss, loss])[1] is not None) is risen


def test_a_rise_is_nothing_where_only_numbers_are_asked_for() -> None:
    run = Run(rise=None)
    assert run.make([1.0, 1.0, 90.0, 90.0]) == [None] * 4
    assert run.make([math.nan, 1.0])[1] is not None


def test_before_the_first_good_stretch_the_start_comes_back() -> None:
    run = Run()
    run.make([math.nan, 1.0])
    assert run.weight == 4.0
    for value in run.optimizer.state[run.network.weight].values():
        assert float(value.sum()) == 0


def test_after_its_returns_the_run_ends() -> None:
    run = Run(returns=1)
    run.make([1.0, 1.0, 9.0, 9.0])
    with pytest.raises(TrainingError, match=r"loss 9\.000, and 1 returns .*learning_rate"):
        run.make([9.0, 9.0])


def test_turns_of_another_kind_are_judged_anew() -> None:
    run = Run()
    run.make([1.0, 1.0, 1.0])
    run.good.forget()
    assert run.make([5.0, 5.0, 5.0, 5.0]) == [None] * 4


def test_what_was_seen_goes_on_where_it_stood() -> None:
    whole, first = Run(), Run()
    whole.make([1.0, 1.0, 1.2, 1.8])
    first.make([1.0, 1.0, 1.2])
    second = Run(trust=first.good.trust())
    assert second.make([1.8])[0] is not None
    assert second.good.trust() == whole.good.trust()
    assert second.good.scale == 0.5
