"""The two rollouts of a MultiWOZ evaluation, and the headline they give.

``tod evaluate multiwoz`` calls it for its rollouts. Example: ``rollouts.states(dialogues, update)``
lends the corpus's replies for the dialogue-state figures; ``rollouts.whole(...)`` lends nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from todserve.evaluation.answerer import ScoredAnswerer
from todserve.evaluation.outcome_log import OutcomeLog, outcome_key, roll_out_logged
from todserve.evaluation.rollout import Outcome, Protocol
from todserve.evaluation.scorecard import Signature, SignedFigure
from todserve.evaluation.suites.multiwoz.multiwoz_checkpoint import (
    SCORES,
    GoalDialogues,
    RolledOut,
    roll_out_goals,
)
from todserve.runtime.language.dialogue import Dialogue

_UNITS = {
    "joint_goal_accuracy": "share, 0 to 1",
    "slot_f1": "share, 0 to 1",
    "inform": "per cent of dialogues",
    "success": "per cent of dialogues",
    "bleu": "0 to 100",
    "combined": "(inform + success) / 2 + bleu",
    "flips": "A-B-A flips of the active domain",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollouts:
    """Rolls out one split with one answerer, keeping what is finished beside ``out``.

    Attributes:
        pipeline: answers.
        signature: of the dialogue-state figures.
        folder: the checkpoint's.
        out: the file of figures to be; None keeps nothing.
        engine: what else answers depend on, as text.
        batch: most turns in one call.
    """

    pipeline: ScoredAnswerer
    signature: Signature
    folder: Path
    out: Path | None
    engine: str
    batch: int

    def states(
        self, dialogues: Sequence[Dialogue], on_batch: Callable[[int], object]
    ) -> list[Outcome]:
        """Return the outcomes with the corpus's replies in the history."""
        return roll_out_logged(
            self.pipeline,
            dialogues,
            self._log(Protocol.REFERENCE_REPLIES, "labelled"),
            protocol=Protocol.REFERENCE_REPLIES,
            batch=self.batch,
            on_batch=on_batch,
        )

    def whole(
        self, goals: GoalDialogues, protocol: Protocol, on_batch: Callable[[int], object]
    ) -> RolledOut:
        """Return whole dialogues' predictions and scores."""
        return roll_out_goals(
            self.pipeline,
            goals,
            self._log(protocol, "goals"),
            protocol=protocol,
            batch=self.batch,
            on_batch=on_batch,
        )

    def forget(self) -> None:
        """Remove what was kept: the figures are written."""
        OutcomeLog.open(self.out, "").remove()

    def _log(self, protocol: Protocol, dialogues: str) -> OutcomeLog:
        if self.out is None:
            return OutcomeLog.open(None, "")
        split = f"{self.signature.corpus}/{self.signature.split}/{dialogues}"
        return OutcomeLog.open(
            self.out, outcome_key(self.folder, self.out, protocol, split, self.engine)
        )


def headline(
    figures: Sequence[SignedFigure], rolled: RolledOut | None, signature: Signature
) -> Mapping[str, Any]:
    """Return what the file of figures begins with; null for what was not rolled out.

    Args:
        figures: of the dialogue states.
        rolled: whole dialogues; None when they were left out.
        signature: of ``figures``.
    """
    values = {one.figure.name: one.figure.value for one in figures}
    whole = f"; end-to-end:{rolled.signed_protocol}" if rolled else ""
    names = (*SCORES, "flips")
    found = rolled.headline() if rolled else dict.fromkeys(names)
    return {
        "joint_goal_accuracy": values["joint_goal_accuracy"],
        "slot_f1": values["slot_f1"],
        **{name: found[name] for name in names},
        "signature": str(
            replace(signature, protocol=f"state-tracking:{signature.protocol}{whole}")
        ),
        "units": _UNITS,
        **{name: value for name, value in found.items() if name not in names},
    }
