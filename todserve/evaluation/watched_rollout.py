"""Watched rollout: one that also keeps what the pipeline worked out on the way to an answer.

Calibration and fidelity call it to judge what the network claimed. The pipeline is the one that
serves; only its last step but one is looked at in passing. Example:
``watch(pipeline, dialogues)[0].work.readings``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from todserve.evaluation.rollout import Outcome, roll_out
from todserve.runtime.errors import RequestError
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.pipeline import Listener, Pipeline
from todserve.runtime.stopwatch import Stopwatch
from todserve.runtime.turn_work import TurnWork
from todserve.runtime.wire.request import TurnRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """A turn's outcome and how it came about; ``work`` is None where the request was refused."""

    outcome: Outcome
    work: TurnWork | None


class WatchedPipeline(Pipeline):
    """Answers as its parent does and remembers every turn it worked out."""

    def __init__(self, *arguments: object, **named: object) -> None:
        """Take what the parent takes."""
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self.worked: list[TurnWork | RequestError] = []

    def work_out(
        self,
        requests: Sequence[TurnRequest],
        watch: Stopwatch,
        *,
        understood: Listener | None = None,
    ) -> list[TurnWork | RequestError]:
        """Work out a batch and remember it."""
        worked = super().work_out(requests, watch, understood=understood)
        self.worked += worked
        return worked


def watch(
    pipeline: WatchedPipeline,
    dialogues: Sequence[Dialogue],
    *,
    batch: int = 32,
    on_batch: Callable[[int], object] = lambda turns: None,
) -> list[Watched]:
    """Roll dialogues out and return every turn, turn index by turn index.

    Args:
        pipeline: answers; what it remembers from before is forgotten.
        dialogues: with plain replies.
        batch: most turns in one call.
        on_batch: called with the number of turns done, for a progress bar.
    """
    pipeline.worked.clear()
    outcomes = list(roll_out(pipeline, dialogues, batch=batch, on_batch=on_batch))
    return [
        Watched(outcome=outcome, work=work if isinstance(work, TurnWork) else None)
        for outcome, work in zip(outcomes, pipeline.worked, strict=True)
    ]
