"""Trials: the model as a speaker asks it, while versions of it are on trial.

The gateway's speaker asks it for every answer, and it chooses the version that is asked. Example:
``trials.answer(dialogue, "a train to ely", turns, request_id="4f2a")`` asks the dialogue's version.

Nobody goes without an answer for a trial: what the canary cannot answer is asked of the version
that answers everybody else, and counted.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from todserve.gateway.conversations.model_clients import Models, Told
from todserve.gateway.gateway_errors import GatewayError, MissingError, ModelAwayError
from todserve.gateway.gateway_metrics import GatewayMetrics
from todserve.gateway.releases.rollouts import Rollouts
from todserve.gateway.releases.shadow_traffic import ShadowTraffic
from todserve.gateway.store.records import LABELLED, DialogueRecord, TurnRecord
from todserve.gateway.store.turn_traits import model_of, reasons_of
from todserve.runtime.wire.model_description import ModelDescription


class Trials:
    """Asks for answers, and counts by version what came of them; for any number of threads.

    Args:
        rollouts: what is tried.
        models: are asked.
        shadow: is handed what was answered.
        metrics: count it.
        low_confidence: what is less is a doubt.
    """

    def __init__(
        self,
        rollouts: Rollouts,
        models: Models,
        shadow: ShadowTraffic,
        metrics: GatewayMetrics,
        *,
        low_confidence: float,
    ) -> None:
        self._rollouts = rollouts
        self._models = models
        self._shadow = shadow
        self._metrics = metrics
        self._low_confidence = low_confidence

    def answer(
        self,
        dialogue: DialogueRecord,
        user: str,
        turns: Sequence[TurnRecord],
        *,
        request_id: str,
        filled_by: Callable[[str], Sequence[str]] | None = None,
        now: str | None = None,
        understood: Told | None = None,
    ) -> dict[str, Any]:
        """Return the answer's JSON to a message of a dialogue; see ``Models.answer``.

        Raises:
            GatewayError: as ``Models.ask``.
        """

        def asked(model: str) -> dict[str, Any]:
            return self._models.answer(
                model,
                user,
                turns,
                request_id=request_id,
                filled_by=filled_by,
                now=now,
                understood=understood,
            )

        held_with = self._rollouts.held_with(dialogue)
        try:
            return asked(held_with)
        except (MissingError, ModelAwayError):
            if held_with == dialogue.model:
                raise
            self._metrics.fell_back(held_with)
            return asked(dialogue.model)

    def stored(
        self, dialogue: DialogueRecord, turn: TurnRecord, before: Sequence[TurnRecord]
    ) -> None:
        """Count a turn, and hand it to the shadow where it falls to it.

        Args:
            dialogue: whose turn it is.
            turn: as it was stored.
            before: the turns that the model was shown.
        """
        self._metrics.stored(model_of(turn.answer), reasons_of(turn.answer, self._low_confidence))
        self._metrics.answers.stored(
            turn.answer,
            turn.timing_ms,
            before=before[-1].state if before else {},
            usual=partial(self._described, dialogue.model),
        )
        version = self._rollouts.shadow_of(dialogue, turn.message_id)
        if version is not None and turn.answer["model"]["version"] != version:
            self._shadow.offer(dialogue, turn, before, version)

    def _described(self, model: str) -> ModelDescription | None:
        try:
            return self._models.describe(model, request_id="usual-labels")
        except GatewayError:
            return None

    def judged(self, turn: TurnRecord, content: Mapping[str, Any]) -> None:
        """Count what somebody said of a turn."""
        marks = ["corrected"] if any(content.get(key) is not None for key in LABELLED) else []
        if content.get("verdict") is not None:
            marks.append(content["verdict"])
        self._metrics.judged(model_of(turn.standing), marks)
