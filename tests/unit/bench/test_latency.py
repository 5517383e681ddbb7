import pytest

from benchmarks.latency import percentile, split_stalls, summarise


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7.0], 99, 7.0),
        ([10.0, 20.0, 30.0, 40.0], 0, 10.0),
        ([10.0, 20.0, 30.0, 40.0], 50, 25.0),
        ([40.0, 10.0, 30.0, 20.0], 100, 40.0),
        ([10.0, 20.0, 30.0, 40.0, 50.0], 95, 48.0),
        ([float(one) for one in range(101)], 99, 99.0),
    ],
)
def test_a_percentile_lies_between_its_two_neighbours(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == pytest.approx(expected)


@pytest.mark.parametrize(("values", "share"), [([], 50), ([1.0], 101), ([1.0], -1)])
def test_a_percentile_of_nothing_or_beyond_the_end_is_refused(
    values: list[float], share: float
) -> None:
    with pytest.raises(ValueError, match=r"values|share"):
        percentile(values, share)


def test_a_stall_is_above_two_seconds_and_ten_medians() -> None:
    assert split_stalls([100, 110, 120, 4100]) == ([100, 110, 120], [4100])
    # Not above two seconds, though far above the median.
    assert split_stalls([10, 10, 10, 1900]) == ([10, 10, 10, 1900], [])
    # Above two seconds, but everyone waits that long in a full queue.
    assert split_stalls([2100, 2300, 4100]) == ([2100, 2300, 4100], [])
    assert split_stalls([]) == ([], [])


def test_stalls_stay_in_the_percentiles_unless_they_are_asked_apart() -> None:
    milliseconds = [100.0, 100.0, 100.0, 5000.0]
    together, apart = summarise(milliseconds), summarise(milliseconds, stalls_apart=True)
    assert (together.turns, together.stalls) == (4, 0)
    assert together.p99 > 4000
    assert (apart.turns, apart.p99) == (3, 100.0)
    assert (apart.stalls, apart.longest_stall) == (1, 5000.0)
