from collections.abc import Sequence

import pytest

from todserve.evaluation.suites.domains.domain_scores import (
    DecidedTurn,
    DomainScores,
    always_stay,
    score_domains,
    score_table,
)

H, T, R = "hotel", "train", "restaurant"


def gold_given(expected: Sequence[str], decided: Sequence[str]) -> list[DecidedTurn]:
    """Each decision was shown the corpus's previous domain."""
    return [
        DecidedTurn(expected=wanted, given=expected[at - 1] if at else None, decided=found)
        for at, (wanted, found) in enumerate(zip(expected, decided, strict=True))
    ]


def own_given(expected: Sequence[str], decided: Sequence[str]) -> list[DecidedTurn]:
    """Each decision was shown the one before it."""
    return [
        DecidedTurn(expected=wanted, given=decided[at - 1] if at else None, decided=found)
        for at, (wanted, found) in enumerate(zip(expected, decided, strict=True))
    ]


def rates(scores: DomainScores) -> tuple[float | None, ...]:
    return (
        scores.accuracy,
        scores.switch_precision,
        scores.switch_recall,
        scores.switch_f1,
        scores.spurious_switch_rate,
        scores.missed_switch_rate,
    )


# Five turns after the first; the corpus switches at turns 2 and 4.
EXPECTED = [H, H, T, T, R, R]


@pytest.mark.parametrize(
    ("decided", "made", "wanted_rates"),
    [
        (EXPECTED, 2, (1, 1, 1, 1, 0, 0)),
        # Turn 2 missed, the rest right by the corpus's previous domain.
        ([H, H, H, T, R, R], 1, (4 / 5, 1, 1 / 2, 2 / 3, 0, 1 / 2)),
        # Turn 1 spurious, turn 4 switched to the wrong domain: neither missed nor right.
        ([H, T, T, T, H, R], 3, (3 / 5, 1 / 3, 1 / 2, 2 / 5, 1 / 3, 0)),
    ],
)
def test_scores_given_the_corpus_domain_are_those_worked_out_by_hand(
    decided: Sequence[str], made: int, wanted_rates: tuple[float, ...]
) -> None:
    scores = score_domains([gold_given(EXPECTED, decided)])
    assert (scores.turns, scores.wanted, scores.made) == (5, 2, made)
    assert rates(scores) == pytest.approx(wanted_rates)


@pytest.mark.parametrize(
    ("decided", "made", "wanted_rates"),
    [
        (EXPECTED, 2, (1, 1, 1, 1, 0, 0)),
        # Turn 2 missed and the mistake kept; turn 3 is wrong, turn 4 right again.
        ([H, H, H, H, R, R], 1, (3 / 5, 1, 1 / 2, 2 / 3, 0, 1 / 2)),
        # Turn 2 missed, turn 3 a turn too late: made and right, so not spurious.
        ([H, H, H, T, R, R], 2, (4 / 5, 1, 1 / 2, 2 / 3, 0, 1 / 2)),
        # Turn 1 is spurious and a turn too early: turn 2 is right without a switch.
        ([H, T, T, T, R, R], 2, (4 / 5, 1 / 2, 1, 2 / 3, 1 / 3, 0)),
    ],
)
def test_scores_given_its_own_domain_are_those_worked_out_by_hand(
    decided: Sequence[str], made: int, wanted_rates: tuple[float, ...]
) -> None:
    scores = score_domains([own_given(EXPECTED, decided)])
    assert (scores.turns, scores.wanted, scores.made) == (5, 2, made)
    assert rates(scores) == pytest.approx(wanted_rates)


def test_the_baseline_that_always_stays() -> None:
    gold = score_domains([always_stay(EXPECTED, own=False)])
    assert rates(gold) == (3 / 5, None, 0, 0, 0, 1)
    own = score_domains([always_stay(EXPECTED, own=True)])
    assert rates(own) == (1 / 5, None, 0, 0, 0, 1)
    assert gold.first_accuracy == own.first_accuracy == 1


def test_nothing_to_count_is_no_score() -> None:
    scores = score_domains([[], gold_given([H], [T])])
    assert rates(scores) == (None,) * 6
    assert (scores.turns, scores.first_accuracy) == (0, 0)


def test_the_table_has_a_row_for_each_decision() -> None:
    table = score_table([("always stay", score_domains([always_stay(EXPECTED, own=True)]))])
    head, row = table.splitlines()
    assert head.split() == [
        *("turns", "wanted", "made", "acc", "P", "R", "F1", "spurious", "missed", "first")
    ]
    assert row.split() == [
        *("always", "stay", "5", "2", "0", "0.2000", "-"),
        *("0.0000", "0.0000", "0.0000", "1.0000", "1.0000"),
    ]
