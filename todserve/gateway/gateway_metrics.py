"""Gateway metrics: what Prometheus reads at ``/metrics``.

The middleware, the model clients and the channels count what they do in it. Example:
``GatewayMetrics(room).exposition()`` is the text.

No label holds what a client chose: a route is its pattern, a refusal its reason. So nothing that
anybody said is in here, nobody's id, and there are only so many series.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from todserve.gateway.answer_metrics import AnswerMetrics
from todserve.gateway.waiting_room import WaitingRoom

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0)


class GatewayMetrics:
    """Counts what one gateway process does; for any number of threads."""

    def __init__(self, room: WaitingRoom) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "tod_gateway_requests",
            "Requests that were answered, by the pattern of their route.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "tod_gateway_request_seconds",
            "From a request's head to the end of its answer, waiting included.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._refusals = Counter(
            "tod_gateway_refusals",
            "Requests refused before their route, by reason.",
            ("reason",),
            registry=self._registry,
        )
        self._wait = Histogram(
            "tod_gateway_wait_seconds",
            "How long a message waited for its place; refused ones are left out.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._model = Histogram(
            "tod_gateway_model_seconds",
            "How long the model endpoint took for a turn, repeated attempts included.",
            ("outcome",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._dialogues = Counter(
            "tod_gateway_dialogues", "Dialogues that were begun.", registry=self._registry
        )
        self._turns = Counter(
            "tod_gateway_turns",
            "Turns that were stored, by the model and version that answered.",
            ("version",),
            registry=self._registry,
        )
        self._marks = Counter(
            "tod_gateway_turn_marks",
            "Turns that speak for a look when they are answered, or that people judged.",
            ("version", "mark"),
            registry=self._registry,
        )
        self._fallbacks = Counter(
            "tod_gateway_canary_fallbacks",
            "Turns that the canary could not answer, and the other version was asked.",
            ("version",),
            registry=self._registry,
        )
        self._shadowed = Counter(
            "tod_gateway_shadow_turns",
            "Turns that fell to the shadow, by what became of them.",
            ("version", "outcome"),
            registry=self._registry,
        )
        self._differences = Counter(
            "tod_gateway_shadow_differences",
            "Turns that the shadow answered otherwise, by what differs.",
            ("version", "aspect"),
            registry=self._registry,
        )
        for name, told, look in (
            ("tod_gateway_waiting", "Messages that wait for a place.", lambda: room.waiting),
            ("tod_gateway_under_way", "Messages that have one.", lambda: room.taken),
            ("tod_gateway_places", "Places that there are.", lambda: room.places),
        ):
            Gauge(name, told, registry=self._registry).set_function(look)
        self.answers = AnswerMetrics(self._registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; ``route`` is a pattern."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a refusal."""
        self._refusals.labels(reason).inc()

    def waited(self, seconds: float) -> None:
        """Count the wait of a message that got its place."""
        self._wait.observe(seconds)

    def begun(self) -> None:
        """Count a dialogue."""
        self._dialogues.inc()

    def stored(self, version: str, marks: Iterable[str]) -> None:
        """Count a turn that was answered and stored; ``version`` as ``tod/1.0``."""
        self._turns.labels(version).inc()
        for mark in marks:
            self._marks.labels(version, mark).inc()

    def judged(self, version: str, marks: Iterable[str]) -> None:
        """Count what a person said of a turn."""
        for mark in marks:
            self._marks.labels(version, mark).inc()

    def fell_back(self, version: str) -> None:
        """Count a turn that the canary could not answer."""
        self._fallbacks.labels(version).inc()

    def shadowed(self, version: str, outcome: str, aspects: Iterable[str] = ()) -> None:
        """Count a turn of the shadow: ``alike``, ``different``, ``failed`` or ``dropped``."""
        self._shadowed.labels(version, outcome).inc()
        for aspect in aspects:
            self._differences.labels(version, aspect).inc()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Count what the model took, and whether it answered."""
        began = time.perf_counter()
        outcome = "failed"
        try:
            yield
            outcome = "answered"
        finally:
            self._model.labels(outcome).observe(time.perf_counter() - began)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
