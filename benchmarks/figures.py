"""Figures: the cells of one peer and client count become one row.

Example: ``rows(cells)[0].latency.p50``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.comparison import Cell
from benchmarks.latency import LatencySummary, percentile, summarise

STALLING = ("cascade_workflow",)
"""Peers whose stalls are reported apart from their latencies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One peer at one number of clients, all rounds together.

    Attributes:
        peer: its name.
        clients: how many asked at once.
        rounds: how often.
        latency: of the answered turns; None where none was answered.
        p50_of_rounds: the median of each round, in order: how much the machine varied.
        turns_per_second: answered in all windows by their seconds, stalls included.
        errors: turns without an answer.
        first_error: what the first one was.
        cpu_ms_per_turn: of the peer's processes.
        generator_cpu_ms_per_turn: of the load generator.
    """

    peer: str
    clients: int
    rounds: int
    latency: LatencySummary | None
    p50_of_rounds: tuple[float, ...]
    turns_per_second: float
    errors: int
    first_error: str | None
    cpu_ms_per_turn: float | None
    generator_cpu_ms_per_turn: float | None


def rows(cells: Sequence[Cell]) -> list[Row]:
    """Return a row for each peer and client count, in the order they were first measured."""
    grouped: dict[tuple[int, str], list[Cell]] = {}
    for cell in cells:
        grouped.setdefault((cell.clients, cell.peer), []).append(cell)
    return [_row(group) for group in grouped.values()]


def _row(cells: Sequence[Cell]) -> Row:
    milliseconds = [one for cell in cells for one in cell.load.milliseconds]
    errors = [error for cell in cells for error in cell.load.errors]
    seconds = sum(cell.load.seconds for cell in cells)
    asked = sum(cell.load.asked for cell in cells)
    peer = cells[0].peer
    return Row(
        peer=peer,
        clients=cells[0].clients,
        rounds=len(cells),
        latency=summarise(milliseconds, stalls_apart=peer in STALLING) if milliseconds else None,
        p50_of_rounds=tuple(
            percentile(cell.load.milliseconds, 50) for cell in cells if cell.load.milliseconds
        ),
        turns_per_second=len(milliseconds) / seconds if seconds else 0.0,
        errors=len(errors),
        first_error=errors[0] if errors else None,
        cpu_ms_per_turn=_each(sum(cell.cpu_seconds for cell in cells), asked),
        generator_cpu_ms_per_turn=_each(sum(cell.generator_cpu_seconds for cell in cells), asked),
    )


def _each(seconds: float, turns: int) -> float | None:
    return 1e3 * seconds / turns if turns else None
