import pytest

from benchmarks.comparison import Cell
from benchmarks.figures import Row, rows
from benchmarks.latency import summarise
from benchmarks.load import Asked, Load
from benchmarks.ratios import BARS, Evidence, divide, ratios


def load(*milliseconds: float, seconds: float = 1.0, errors: int = 0) -> Load:
    answered = [Asked(turn=0, milliseconds=one, ended=0.0) for one in milliseconds]
    failed = [Asked(turn=0, milliseconds=1.0, ended=0.0, error="HTTP 503: no")] * errors
    return Load(counted=(*answered, *failed), seconds=seconds, asked=len(answered) + errors)


def cell(peer: str, clients: int, given: Load) -> Cell:
    return Cell(
        peer=peer,
        clients=clients,
        load=given,
        cpu_seconds=0.3,
        generator_cpu_seconds=0.03,
        wall_seconds=given.seconds,
    )


def row(peer: str, clients: int, p50: float, rate: float) -> Row:
    return Row(
        peer=peer,
        clients=clients,
        rounds=1,
        latency=summarise([p50]),
        p50_of_rounds=(p50,),
        turns_per_second=rate,
        errors=0,
        first_error=None,
        cpu_ms_per_turn=None,
        generator_cpu_ms_per_turn=None,
    )


ALL = Evidence(
    rows=[
        row("ours", 1, 10.0, 100.0),
        row("bare", 1, 7.5, 130.0),
        row("stock", 1, 85.0, 12.0),
        row("cascade_workflow", 1, 200.0, 5.0),
        row("ours", 16, 80.0, 200.0),
        row("stock", 16, 900.0, 16.0),
        row("litserve", 16, 400.0, 40.0),
    ],
    worker_rss={"ours": 150_000_000, "stock": 450_000_000},
    floor_ms=4.0,
    floor_from_dram_ms=8.0,
)


@pytest.mark.parametrize(
    ("name", "value", "met"),
    [
        ("cascade_workflow_over_ours", 20.0, True),
        ("stock_handler_over_ours", 8.5, True),
        ("throughput16_ours_over_stock", 12.5, True),
        ("throughput16_ours_over_litserve", 5.0, True),
        ("turn_over_floor", 2.5, True),
        ("worker_memory_ours_over_stock", 1 / 3, True),
        ("overhead_ms", 2.5, True),
    ],
)
def test_every_ratio_is_worked_out_from_its_two_numbers(name: str, value: float, met: bool) -> None:
    found = ratios(ALL)[name]
    assert found.value == pytest.approx(value)
    assert found.met is met
    above, below = tuple(found.source.values())[:2]
    assert above is not None
    assert below is not None
    worked_out = above - below if name == "overhead_ms" else above / below
    assert found.value == pytest.approx(worked_out)


def test_the_floor_of_weights_read_from_dram_stands_beside_the_stricter_one() -> None:
    source = ratios(ALL)["turn_over_floor"].source
    assert source["floor_from_dram_ms"] == 8.0
    assert source["turn_over_floor_from_dram"] == pytest.approx(1.25)


def test_the_ratios_have_exactly_their_seven_names() -> None:
    assert set(ratios(ALL)) == set(BARS)
    assert len(BARS) == 7


def test_a_missing_peer_leaves_its_ratio_empty_and_says_what_was_missing() -> None:
    found = ratios(Evidence(rows=ALL.rows[:2], worker_rss={}, floor_ms=None))
    assert found["stock_handler_over_ours"].value is None
    assert found["stock_handler_over_ours"].met is None
    assert found["stock_handler_over_ours"].source == {"stock_p50_ms": None, "ours_p50_ms": 10.0}
    assert found["overhead_ms"].value == pytest.approx(2.5)


def test_a_bar_that_is_missed_is_said_to_be_missed() -> None:
    slow = Evidence(
        rows=[row("ours", 1, 20.0, 50.0), row("bare", 1, 7.5, 130.0)],
        worker_rss={"ours": 300, "stock": 450},
        floor_ms=4.0,
    )
    found = ratios(slow)
    assert found["turn_over_floor"].met is False
    assert found["overhead_ms"].met is False
    assert found["worker_memory_ours_over_stock"].met is False


def test_a_quotient_by_nothing_is_nothing() -> None:
    assert divide(1.0, None) is None
    assert divide(None, 1.0) is None
    assert divide(1.0, 0.0) is None


def test_a_row_joins_the_rounds_of_one_peer_and_client_count() -> None:
    first = cell("ours", 1, load(10.0, 20.0, 30.0, seconds=1.0))
    other = cell("stock", 1, load(100.0))
    second = cell("ours", 1, load(20.0, 40.0, seconds=1.5, errors=1))
    found = rows([first, other, second])
    assert [(one.peer, one.rounds) for one in found] == [("ours", 2), ("stock", 1)]
    ours = found[0]
    assert ours.latency is not None
    assert (ours.latency.p50, ours.latency.turns) == (20.0, 5)
    assert ours.p50_of_rounds == (20.0, 30.0)
    assert ours.turns_per_second == pytest.approx(5 / 2.5)
    assert (ours.errors, ours.first_error) == (1, "HTTP 503: no")
    # 0.6 CPU seconds for 6 turns asked.
    assert ours.cpu_ms_per_turn == pytest.approx(100.0)


def test_only_a_workflows_stalls_are_taken_out() -> None:
    stalled = load(100.0, 100.0, 100.0, 4100.0)
    workflow, other = rows([cell("cascade_workflow", 1, stalled), cell("stock", 1, stalled)])
    assert workflow.latency is not None
    assert other.latency is not None
    assert (workflow.latency.stalls, other.latency.stalls) == (1, 0)


def test_a_peer_that_answers_nothing_has_no_latency_but_its_errors() -> None:
    (found,) = rows([cell("stock", 4, load(errors=3))])
    assert found.latency is None
    assert (found.errors, found.turns_per_second) == (3, 0.0)
