"""ShadowTraffic: asks another version what was answered already, and keeps where it differs.

The gateway calls it when a message was answered; the person never waits for it nor sees it.
Example: ``shadow.offer(dialogue, turn, before, "2.0")`` returns at once.

One turn is asked at a time, and only few wait. Where more come, or people wait for the model
themselves, a turn is dropped and counted. Nothing else depends on it: no action of a bot runs, the
dialogue stays as it is, and what goes wrong is counted and forgotten.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from todserve.gateway.conversations.model_clients import Models
from todserve.gateway.conversations.model_comparison import differences
from todserve.gateway.gateway_errors import GatewayError, RefusedError
from todserve.gateway.gateway_metrics import GatewayMetrics
from todserve.gateway.store.records import DialogueRecord, TurnRecord
from todserve.gateway.store.shadow_answers import ShadowAnswers

_log = logging.getLogger(__name__)
_MOST = 32
"""Turns that wait."""
_SETTLED = 0.05
"""Seconds after which the answer before is on its way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Offered:
    dialogue: DialogueRecord
    turn: TurnRecord
    before: Sequence[TurnRecord]
    version: str
    due: float


class ShadowTraffic:
    """Asks in a thread of its own.

    Args:
        models: are asked.
        answers: where differences are kept.
        metrics: count what came of it.
        crowded: says whether people wait for the model.
    """

    def __init__(
        self,
        models: Models,
        answers: ShadowAnswers,
        metrics: GatewayMetrics,
        *,
        crowded: Callable[[], bool],
    ) -> None:
        self._models = models
        self._answers = answers
        self._metrics = metrics
        self._crowded = crowded
        self._waiting: queue.Queue[_Offered | None] = queue.Queue(_MOST)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shadow-traffic", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def close(self) -> None:
        """End with the turn that is being asked; those that wait are dropped."""
        self._closed.set()
        with suppress(queue.Full):  # then it looks after the turn whether to go on
            self._waiting.put_nowait(None)
        if self._thread.is_alive():
            self._thread.join()

    def offer(
        self, dialogue: DialogueRecord, turn: TurnRecord, before: Sequence[TurnRecord], version: str
    ) -> None:
        """Have a version asked a turn again, unless there is no time for it; never waits.

        Args:
            dialogue: whose turn it is.
            turn: as it was answered.
            before: the turns that the model was shown.
            version: is asked.
        """
        offered = _Offered(
            dialogue=dialogue,
            turn=turn,
            before=before,
            version=version,
            due=time.monotonic() + _SETTLED,
        )
        try:
            if self._crowded():
                raise queue.Full
            self._waiting.put_nowait(offered)
        except queue.Full:
            self._metrics.shadowed(f"{dialogue.model}/{version}", "dropped")

    def _run(self) -> None:
        while (offered := self._waiting.get()) is not None and not self._closed.is_set():
            asked = f"{offered.dialogue.model}/{offered.version}"
            if self._closed.wait(max(0.0, offered.due - time.monotonic())):
                return
            if self._crowded():
                self._metrics.shadowed(asked, "dropped")
                continue
            try:
                found = self._differences(offered, asked)
                self._answers.add(
                    offered.dialogue.dialogue_id, offered.turn.index, offered.version, found
                )
            except (GatewayError, sa.exc.SQLAlchemyError) as error:
                _log.warning("shadow: %s", type(error).__name__)
                self._metrics.shadowed(asked, "failed")
            except Exception as error:  # a thread that ends would end the shadow for good
                _log.error("shadow: %s", type(error).__name__)
                self._metrics.shadowed(asked, "failed")
            else:
                aspects = [one["aspect"] for one in found]
                self._metrics.shadowed(asked, "different" if aspects else "alike", aspects)

    def _differences(self, offered: _Offered, asked: str) -> list[dict[str, Any]]:
        try:
            answer = self._models.answer(
                asked,
                offered.turn.user,
                offered.before,
                request_id=f"shadow-{offered.dialogue.dialogue_id[:32]}-{offered.turn.index}",
            )
        except RefusedError as error:
            # It may not know a domain of the dialogue; that is a difference, too.
            return [{"aspect": "refused", "a": [], "b": [str(error)]}]
        return differences(offered.turn.answer, answer)
