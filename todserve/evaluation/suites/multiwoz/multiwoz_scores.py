"""The standardised MultiWOZ scores of a set of predictions: Inform, Success, BLEU, Combined.

A checkpoint's rollout and the published predictions of other systems are scored with it. Example:
``score_predictions(predictions, tasks, venues).combined`` is ``(inform + success) / 2 + bleu``, all
on a scale of 100.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from todserve.evaluation.suites.domains.domain_flips import estimated_domains
from todserve.evaluation.suites.multiwoz.multiwoz_bleu import SURROGATE, Bleu, standard_bleu
from todserve.evaluation.suites.multiwoz.multiwoz_goals import State, Task
from todserve.evaluation.suites.multiwoz.multiwoz_inform_success import (
    CountedTurn,
    DialogueOutcome,
    DomainOutcome,
    judge,
)
from todserve.evaluation.suites.multiwoz.multiwoz_predictions import PredictedTurn, Predictions
from todserve.evaluation.suites.multiwoz.multiwoz_replies import counted_reply, unknown_placeholders
from todserve.evaluation.suites.multiwoz.multiwoz_values import counted_state
from todserve.evaluation.suites.multiwoz.multiwoz_venues import Venues

RULES = "nekvinda-dusek-2021"
"""Names the rules in every signature."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StandardScores:
    """What the standardised evaluation says of a set of predictions.

    Attributes:
        outcomes: dialogue id -> how it ended.
        bleu: of all predicted replies.
        protocol: ``states:predicted,domains:estimated``: whose they are.
        turns: how many replies were scored.
        uncounted: placeholders that the standard does not know -> how often they were used.
    """

    outcomes: Mapping[str, DialogueOutcome]
    bleu: Bleu
    protocol: str
    turns: int
    uncounted: Mapping[str, int]

    @property
    def inform(self) -> float:
        """Per cent of dialogues whose offers meet the goal."""
        return _per_cent([one.inform for one in self.outcomes.values()])

    @property
    def success(self) -> float:
        """Per cent of dialogues that, besides, told everything asked for."""
        return _per_cent([one.success for one in self.outcomes.values()])

    @property
    def combined(self) -> float:
        """``(inform + success) / 2 + bleu``."""
        return (self.inform + self.success) / 2 + self.bleu.score

    def figures(self) -> dict[str, Any]:
        """Return the four scores, per-domain detail and counts, as plain JSON types."""
        return {
            "inform": round(self.inform, 2),
            "success": round(self.success, 2),
            "bleu": round(self.bleu.score, 2),
            "combined": round(self.combined, 2),
            "bleu_note": f"{SURROGATE}; {self.bleu.signature}",
            "domains": self._domains(),
            "counts": {"dialogues": len(self.outcomes), "turns": self.turns},
            "uncounted_placeholders": dict(self.uncounted),
        }

    def _domains(self) -> dict[str, Any]:
        by_domain: dict[str, list[DomainOutcome]] = {}
        for dialogue in self.outcomes.values():
            for domain, one in dialogue.domains.items():
                by_domain.setdefault(domain, []).append(one)
        return {domain: _domain_figures(by_domain[domain]) for domain in sorted(by_domain)}


def score_predictions(
    predictions: Predictions, tasks: Mapping[str, Task], venues: Venues
) -> StandardScores:
    """Score predictions by the standardised rules.

    Where any turn lacks a state, the corpus's gold states are used for all (MultiWOZ 2.1's; the
    published figures used 2.2's). Where any turn lacks its active domains, they are estimated
    from the changes of the states for all.

    Args:
        predictions: at least one turn; checked against ``tasks`` beforehand.
        tasks: of the split.
        venues: the database.
    """
    own_states = all(turn.state is not None for turns in predictions.values() for turn in turns)
    own_domains = all(
        turn.active_domains is not None for turns in predictions.values() for turn in turns
    )
    outcomes = {}
    for name, turns in predictions.items():
        task = tasks[name]
        states = (
            [counted_state(turn.state or {}) for turn in turns]
            if own_states
            else [wizard.state for wizard in task.turns[: len(turns)]]
        )
        counted = _counted(turns, states, own_domains=own_domains)
        outcomes[name] = judge(task, counted, venues)
    return StandardScores(
        outcomes=outcomes,
        bleu=standard_bleu(
            [
                (turn.response, wizard.reply)
                for name, turns in predictions.items()
                for turn, wizard in zip(turns, tasks[name].turns, strict=False)
            ]
        ),
        protocol=f"states:{'predicted' if own_states else 'GOLD'},"
        f"domains:{'predicted' if own_domains else 'estimated'}",
        turns=sum(map(len, predictions.values())),
        uncounted=Counter(
            placeholder
            for turns in predictions.values()
            for turn in turns
            for placeholder in unknown_placeholders(turn.response)
        ),
    )


def _counted(
    turns: Sequence[PredictedTurn], states: Sequence[State], *, own_domains: bool
) -> list[CountedTurn]:
    estimated = [] if own_domains else estimated_domains(states)
    active = (
        [tuple(turn.active_domains or ()) for turn in turns]
        if own_domains
        else [() if domain is None else (domain,) for domain in estimated]
    )
    return [
        CountedTurn(reply=counted_reply(turn.response), state=state, active=domains)
        for turn, state, domains in zip(turns, states, active, strict=True)
    ]


def _domain_figures(outcomes: Sequence[DomainOutcome]) -> dict[str, Any]:
    return {
        "goals": len(outcomes),
        "inform": round(_per_cent([one.inform for one in outcomes]), 2),
        # As the standard counts: only dialogues with Inform can succeed in a domain.
        "success": round(_per_cent([bool(one.success) for one in outcomes]), 2),
        "losses": dict(Counter(str(one.loss) for one in outcomes if one.loss)),
        "untold": dict(
            Counter(slot.lower() for one in outcomes if one.inform for slot in one.untold)
        ),
    }


def _per_cent(hits: Sequence[bool]) -> float:
    return 100 * sum(hits) / len(hits) if hits else 0.0
