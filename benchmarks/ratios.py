"""Ratios: the figures that the bars are about, each with the numbers it came from.

Example: ``ratios(evidence)["stock_handler_over_ours"].value`` is ``9.1``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures import Row

BARS: Mapping[str, tuple[str, float]] = {
    "cascade_workflow_over_ours": (">=", 14.73),
    "stock_handler_over_ours": (">=", 8.0),
    "throughput16_ours_over_stock": (">=", 10.0),
    "throughput16_ours_over_litserve": (">=", 3.0),
    "turn_over_floor": ("<=", 3.0),
    "worker_memory_ours_over_stock": ("<=", 0.5),
    "overhead_ms": ("<=", 5.0),
}
"""What is aimed at; 14.73 is the paper's ratio of a cascaded system's turn to its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What the ratios are made of.

    Attributes:
        rows: of the comparison.
        worker_rss: peer -> resident bytes of its largest worker.
        floor_ms: least milliseconds of the median turn; None if not worked out.
        floor_from_dram_ms: the same if every step read its weights from DRAM.
    """

    rows: Sequence[Row]
    worker_rss: Mapping[str, int]
    floor_ms: float | None
    floor_from_dram_ms: float | None = None

    def p50(self, peer: str, clients: int = 1) -> float | None:
        """Return a median in ms, None if the peer has none."""
        for row in self.rows:
            if (row.peer, row.clients) == (peer, clients) and row.latency:
                return row.latency.p50
        return None

    def rate(self, peer: str, clients: int) -> float | None:
        """Return turns/s, None if the peer has none."""
        for row in self.rows:
            if (row.peer, row.clients) == (peer, clients) and row.latency:
                return row.turns_per_second
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """A figure and where it came from.

    Attributes:
        value: None where a number is missing.
        source: name -> number that went in.
        bar: ``>=`` or ``<=`` and the number aimed at.
    """

    value: float | None
    source: Mapping[str, float | None]
    bar: tuple[str, float]

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None where there is no value."""
        if self.value is None:
            return None
        sign, aim = self.bar
        return self.value >= aim if sign == ">=" else self.value <= aim


def ratios(evidence: Evidence) -> dict[str, Ratio]:
    """Return the seven figures by name."""
    ours, rss = evidence.p50("ours"), evidence.worker_rss
    bare = evidence.p50("bare")
    divided: dict[str, tuple[tuple[str, float | None], tuple[str, float | None]]] = {
        "cascade_workflow_over_ours": (
            ("cascade_workflow_p50_ms", evidence.p50("cascade_workflow")),
            ("ours_p50_ms", ours),
        ),
        "stock_handler_over_ours": (
            ("stock_p50_ms", evidence.p50("stock")),
            ("ours_p50_ms", ours),
        ),
        "throughput16_ours_over_stock": (
            ("ours_turns_per_second", evidence.rate("ours", 16)),
            ("stock_turns_per_second", evidence.rate("stock", 16)),
        ),
        "throughput16_ours_over_litserve": (
            ("ours_turns_per_second", evidence.rate("ours", 16)),
            ("litserve_turns_per_second", evidence.rate("litserve", 16)),
        ),
        "turn_over_floor": (("ours_p50_ms", ours), ("floor_ms", evidence.floor_ms)),
        "worker_memory_ours_over_stock": (
            ("ours_worker_rss_bytes", rss.get("ours")),
            ("stock_worker_rss_bytes", rss.get("stock")),
        ),
    }
    found = {
        name: Ratio(value=divide(above[1], below[1]), source=dict((above, below)), bar=BARS[name])
        for name, (above, below) in divided.items()
    }
    floor = found["turn_over_floor"]
    far = evidence.floor_from_dram_ms
    found["turn_over_floor"] = Ratio(
        value=floor.value,
        source={
            **floor.source,
            "floor_from_dram_ms": far,
            "turn_over_floor_from_dram": divide(ours, far),
        },
        bar=floor.bar,
    )
    found["overhead_ms"] = Ratio(
        value=None if ours is None or bare is None else ours - bare,
        source={"ours_p50_ms": ours, "bare_pipeline_p50_ms": bare},
        bar=BARS["overhead_ms"],
    )
    return found


def divide(above: float | None, below: float | None) -> float | None:
    """Return the quotient, None where a number is missing or the divisor is 0."""
    return None if above is None or not below else above / below
