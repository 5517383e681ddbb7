"""Every expected number is worked by hand in the comment beside it."""

import math
import random

import pytest

from todserve.evaluation.calibration.reliability import (
    Judged,
    equal_mass,
    equal_width,
    expected_calibration_error,
    log_loss,
    reliability,
)


def judged(*pairs: tuple[float, int]) -> list[Judged]:
    return [Judged(confidence=confidence, right=bool(right)) for confidence, right in pairs]


SIX = judged((0.9, 1), (0.9, 1), (0.9, 0), (0.9, 0), (0.6, 1), (0.6, 0))


def test_expected_calibration_error_by_hand() -> None:
    found = reliability(SIX)
    # 4 of 6 are 0.4 off (0.9 said, 0.5 right), 2 of 6 are 0.1 off: 1.6 / 6 + 0.2 / 6
    assert found.ece == pytest.approx(0.3)
    # the two groups of ties are two bins in either kind
    assert found.ece_equal_mass == pytest.approx(0.3)
    # 2 * 0.01 + 2 * 0.81 + 0.16 + 0.36 over 6
    assert found.brier == pytest.approx(2.16 / 6)
    assert found.accuracy == pytest.approx(0.5)
    assert found.confidence == pytest.approx(4.8 / 6)
    # -(2 ln .9 + 2 ln .1 + ln .6 + ln .4) / 6
    assert found.log_loss == pytest.approx(
        -(2 * math.log(0.9) + 2 * math.log(0.1) + math.log(0.6) + math.log(0.4)) / 6
    )


def test_the_diagram_says_where_each_bin_lies_and_leaves_empty_ones_out() -> None:
    low, high = equal_width(SIX)
    # 0.6 = 9/15 belongs to the bin that it closes, not to the one that it opens
    assert [low.low, low.high] == pytest.approx([8 / 15, 9 / 15])
    assert [low.confidence, low.accuracy, low.count] == pytest.approx([0.6, 0.5, 2])
    assert [high.low, high.high] == pytest.approx([13 / 15, 14 / 15])
    assert [high.confidence, high.accuracy, high.count] == pytest.approx([0.9, 0.5, 4])


@pytest.mark.parametrize("step", range(1, 16))
def test_a_bound_of_equal_width_belongs_to_the_lower_bin(step: int) -> None:
    (found,) = equal_width(judged((step / 15, 1)))
    assert found.high == pytest.approx(step / 15)


def test_zero_and_one_have_bins() -> None:
    first, last = equal_width(judged((0.0, 0), (1.0, 1)))
    assert (first.low, last.high) == (0.0, 1.0)


def test_equal_mass_bins_by_hand() -> None:
    four = judged((0.1, 0), (0.2, 0), (0.8, 1), (0.9, 0))
    low, high = equal_mass(four, bins=2)
    assert (low.low, low.high, low.count) == (0.1, 0.2, 2)
    assert (high.low, high.high, high.count) == (0.8, 0.9, 2)
    # bin 1: 0.15 said, 0 right; bin 2: 0.85 said, 0.5 right; half each: 0.075 + 0.175
    assert expected_calibration_error((low, high)) == pytest.approx(0.25)


def test_equal_mass_never_parts_ties_whatever_their_order() -> None:
    draw = random.Random(3)
    many = judged(*((draw.choice((0.2, 0.99, 0.99, 1.0)), draw.randrange(2)) for _ in range(200)))
    expected = equal_mass(many)
    assert [one.low for one in expected] == [0.2, 0.99, 1.0]
    draw.shuffle(many)
    again = equal_mass(many)
    assert [one.count for one in again] == [one.count for one in expected]
    assert expected_calibration_error(again) == pytest.approx(expected_calibration_error(expected))


def test_perfect_and_hopeless_confidences() -> None:
    perfect = reliability(judged(*[(0.75, 1)] * 3, (0.75, 0)))
    assert perfect.ece == pytest.approx(0)
    hopeless = reliability(judged(*[(1.0, 0)] * 4))
    assert (hopeless.ece, hopeless.brier) == (1.0, 1.0)
    # certainty is cut at 1 - 1e-6: a wrong claim costs ln 1e6, not infinitely much
    assert hopeless.log_loss == pytest.approx(6 * math.log(10), rel=1e-4)


def test_log_loss_of_one_claim() -> None:
    assert log_loss(Judged(confidence=0.25, right=True)) == pytest.approx(math.log(4))
    assert log_loss(Judged(confidence=0.25, right=False)) == pytest.approx(math.log(4 / 3))
    assert log_loss(Judged(confidence=0.0, right=False)) == 0.0
    assert math.isfinite(log_loss(Judged(confidence=0.0, right=True)))


def test_nothing_judged_has_no_value() -> None:
    found = reliability([])
    assert (found.ece, found.ece_equal_mass, found.brier, found.accuracy) == (None,) * 4
    assert (found.count, found.diagram, found.diagram_equal_mass) == (0, (), ())
