"""A checkpoint's standardised MultiWOZ scores: Inform, Success, BLEU, Combined, flips.

``tod evaluate multiwoz`` calls it to roll whole dialogues out and to score them. Example figure:
``inform 62.35 of 999 dialogues``, signed ``...|own-replies-in-history,...,nekvinda-dusek-2021``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from todserve.corpora.corpus_source import CorpusSource
from todserve.evaluation.answerer import ScoredAnswerer
from todserve.evaluation.dialogue_selection import select
from todserve.evaluation.figures import Figure
from todserve.evaluation.metrics.rule_counts import RuleCounts
from todserve.evaluation.outcome_log import OutcomeLog, roll_out_logged
from todserve.evaluation.rollout import Protocol
from todserve.evaluation.scorecard import Signature, SignedFigure
from todserve.evaluation.suites.domains.domain_flips import changes_of
from todserve.evaluation.suites.multiwoz.multiwoz_bleu import SURROGATE
from todserve.evaluation.suites.multiwoz.multiwoz_end_to_end import (
    active_domains,
    dialogues_to_roll_out,
    predictions_of,
)
from todserve.evaluation.suites.multiwoz.multiwoz_goals import Task, read_tasks
from todserve.evaluation.suites.multiwoz.multiwoz_predictions import Predictions
from todserve.evaluation.suites.multiwoz.multiwoz_scores import (
    RULES,
    StandardScores,
    score_predictions,
)
from todserve.evaluation.suites.multiwoz.multiwoz_venues import Venues
from todserve.runtime.language.dialogue import Dialogue

SCORES = ("inform", "success", "bleu", "combined")


@dataclass(frozen=True, kw_only=True, slots=True)
class GoalDialogues:
    """Dialogues to roll out, and what they are held against."""

    dialogues: list[Dialogue]
    tasks: Mapping[str, Task]
    venues: Venues

    @classmethod
    def read(
        cls, source: CorpusSource, split: str, *, quick: bool = False, limit: int | None = None
    ) -> "GoalDialogues":
        """Read a split's dialogues, goals and venues; keep those ``selection.select`` keeps.

        Raises:
            CorpusError: a file is missing or malformed.
        """
        tasks = read_tasks(source, split)
        return cls(
            dialogues=select(dialogues_to_roll_out(source, split, tasks), quick=quick, limit=limit),
            tasks=tasks,
            venues=Venues.read(source),
        )

    @property
    def turns(self) -> int:
        """How many turns they have."""
        return sum(len(one.turns) for one in self.dialogues)


@dataclass(frozen=True, kw_only=True, slots=True)
class RolledOut:
    """A checkpoint's end-to-end result.

    Attributes:
        predictions: in the public format.
        scores: by the standardised rules.
        flips: A-B-A flips of the active domain that was served.
        protocol: what the corpus lent the model.
        rules: how often each rule of the reply stage struck.
    """

    predictions: Predictions
    scores: StandardScores
    flips: int
    protocol: Protocol
    rules: RuleCounts

    def headline(self) -> dict[str, Any]:
        """Return the scores and flips, and the protocol's name in words."""
        figures = self.scores.figures()
        oracle = self.protocol is Protocol.ORACLE_CONTEXT
        return {
            **{name: figures.pop(name) for name in SCORES},
            "flips": self.flips,
            "rules": self.rules.figures(),
            "mode": "oracle-context" if oracle else "end-to-end",
            "end_to_end": figures,
        }

    def signed(self, signature: Signature) -> tuple[SignedFigure, ...]:
        """Return the scores for the scorecard, signed with what they were measured by."""
        of = replace(signature, protocol=self.signed_protocol)
        notes = {"bleu": SURROGATE, "combined": "(inform + success) / 2 + bleu"}
        return tuple(
            SignedFigure(
                figure=Figure(
                    name=name,
                    value=float(getattr(self.scores, name)) if name != "bleu" else self._bleu,
                    of=len(self.scores.outcomes),
                    unit="dialogues",
                    note=notes.get(name, "per cent"),
                ),
                signature=of,
            )
            for name in SCORES
        )

    @property
    def signed_protocol(self) -> str:
        """The part of the signature that says how the scores came about."""
        rules = f"{RULES},{self.scores.protocol},bleu:surrogate-2.1-spans"
        return f"{self.protocol},{rules},{self.scores.bleu.signature}"

    @property
    def _bleu(self) -> float:
        return self.scores.bleu.score


def roll_out_goals(
    pipeline: ScoredAnswerer,
    goals: GoalDialogues,
    log: OutcomeLog,
    *,
    protocol: Protocol = Protocol.END_TO_END,
    batch: int = 32,
    on_batch: Callable[[int], object] = lambda turns: None,
) -> RolledOut:
    """Roll out dialogues and score them by the standardised rules.

    Args:
        pipeline: answers.
        goals: the dialogues and their goals.
        log: of this protocol.
        protocol: END_TO_END, or ORACLE_CONTEXT for PPTOD's own; there the evaluator estimates
            the domains, as it does for PPTOD's published predictions.
        batch: most turns in one call.
        on_batch: called with the number of turns done.
    """
    outcomes = roll_out_logged(
        pipeline, goals.dialogues, log, protocol=protocol, batch=batch, on_batch=on_batch
    )
    predictions = predictions_of(outcomes, own_domains=protocol is Protocol.END_TO_END)
    return RolledOut(
        predictions=predictions,
        scores=score_predictions(predictions, goals.tasks, goals.venues),
        flips=changes_of(active_domains(outcomes)).flips,
        protocol=protocol,
        rules=RuleCounts.of(outcomes),
    )
