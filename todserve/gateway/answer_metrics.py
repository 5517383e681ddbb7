"""AnswerMetrics: figures of what was answered, for ``/metrics``: stages, confidences, rules, drift.

The gateway calls it for each turn once it is stored. Example:
``metrics.stored(answer, before={}, usual=description)``.

Labels are the model's own names of stages, reasons and rules, at most so many of each. Drift is of
the newest turns that this process stored, beside the shares that the model says it was trained on.
"""

import time
from collections import Counter as Counts
from collections import deque
from collections.abc import Callable, Mapping
from itertools import chain
from threading import Lock
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from todserve.bot.user_message import plain
from todserve.runtime.language.label_shares import changed_slots, divergence
from todserve.runtime.wire.model_description import ModelDescription

_NEWEST = 1000
_LEAST = 50
"""Turns before which a share says nothing."""
_SECONDS = 300.0
"""Between two times that a model is asked for its shares; another version has others."""
_MOST_NAMES = 60
_STAGES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_CONFIDENCES = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class AnswerMetrics:
    """Counts what the stored turns of one gateway process hold; for any number of threads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._stages = Histogram(
            "tod_gateway_stage_seconds",
            "How long a stage of a turn took, of those of the model and of the gateway.",
            ("stage",),
            buckets=_STAGES,
            registry=registry,
        )
        self._confidence = Histogram(
            "tod_gateway_confidence",
            "How sure the model was, of intents and of values that a turn set.",
            ("of",),
            buckets=_CONFIDENCES,
            registry=registry,
        )
        self._values = Counter(
            "tod_gateway_refused_values",
            "Values that were understood and not believed, by reason.",
            ("reason",),
            registry=registry,
        )
        self._rules = Counter(
            "tod_gateway_reply_rules",
            "What the model's first replies were refused or repaired for.",
            ("rule",),
            registry=registry,
        )
        self._names: dict[str, set[str]] = {}
        self._newest: deque[tuple[str | None, tuple[str, ...]]] = deque(maxlen=_NEWEST)
        self._usual: ModelDescription | None = None
        self._due = 0.0
        self._lock = Lock()
        registry.register(_Drift(self))

    def stored(
        self,
        answer: Mapping[str, Any],
        timing_ms: Mapping[str, float],
        *,
        before: Mapping[str, Mapping[str, Any]],
        usual: Callable[[], ModelDescription | None],
    ) -> None:
        """Count a turn.

        Args:
            answer: of the model.
            timing_ms: stage -> milliseconds, of the gateway.
            before: the belief state before it.
            usual: asked now and then what the model says of itself.
        """
        for stage, milliseconds in chain(
            (answer.get("timing_ms") or {}).items(), timing_ms.items()
        ):
            self._stages.labels(self._known("stage", stage)).observe(milliseconds / 1000)
        intent = answer.get("intent") or {}
        if intent.get("confidence") is not None:
            self._confidence.labels("intent").observe(intent["confidence"])
        state = answer.get("belief_state") or {}
        changed = changed_slots(plain(before), plain(state))
        for name in changed:
            domain, _, slot = name.partition("-")
            value = state.get(domain, {}).get(slot)
            if isinstance(value, Mapping) and value.get("confidence") is not None:
                self._confidence.labels("value").observe(value["confidence"])
        for one in answer.get("refused") or ():
            self._values.labels(self._known("reason", str(one.get("reason")))).inc()
        for rule in (answer.get("response") or {}).get("rules") or ():
            self._rules.labels(self._known("rule", str(rule))).inc()
        with self._lock:
            self._newest.append((intent.get("name"), tuple(changed)))
            now = time.monotonic()
            is_due = now >= self._due
            if is_due:
                self._due = now + _SECONDS
        if is_due:
            self._usual = usual() or self._usual

    def drift(self) -> dict[str, float]:
        """Return what drifted how far; empty while too little is known to say."""
        with self._lock:
            newest = [*self._newest]
        usual = self._usual
        if usual is None or len(newest) < _LEAST:
            return {}
        found = {
            "intents": divergence(
                usual.intent_shares, Counts(name for name, _ in newest if name is not None)
            ),
            "slots": divergence(
                usual.slot_shares, Counts(chain.from_iterable(slots for _, slots in newest))
            ),
        }
        return {name: value for name, value in found.items() if value is not None}

    def _known(self, kind: str, name: str) -> str:
        # The endpoint's own words; one that made up a new one each time would fill the memory.
        names = self._names.setdefault(kind, set())
        if name not in names and len(names) >= _MOST_NAMES:
            return "(other)"
        names.add(name)
        return name


class _Drift(Collector):
    """Tells drift where there is any to tell: a gauge that says 0 would say that all is well."""

    def __init__(self, metrics: AnswerMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> list[GaugeMetricFamily]:
        """Return the gauge."""
        gauge = GaugeMetricFamily(
            "tod_gateway_drift",
            "Kullback-Leibler divergence of the newest turns' labels from training's, in nats.",
            labels=["of"],
        )
        for name, value in self._metrics.drift().items():
            gauge.add_metric([name], value)
        return [gauge]
