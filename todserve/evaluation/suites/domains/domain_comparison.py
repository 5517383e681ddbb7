"""Three ways to decide the domain, side by side on the same predicted states.

Called by `domain_run` after a rollout: the states and intents are the checkpoint's own, so their
mistakes are in it; the domain of each turn is decided anew, carried on from turn to turn, by the
*rule* alone (``domain.decide`` without a model), by the *classifier* alone (its likeliest domain),
and by the two *combined*, as serving does. *Combined, no intent* is what a client gets that asks
for the belief state alone. Example: the rule takes a slot the model made up at its word, which the
classifier contradicts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from todserve.evaluation.rollout import Outcome
from todserve.evaluation.suites.domains.domain_flips import DomainChanges, changes_of
from todserve.evaluation.suites.domains.domain_scores import (
    DecidedTurn,
    DomainScores,
    always_stay,
    score_domains,
)
from todserve.runtime.language.dialogue import BeliefState, state_update
from todserve.runtime.language.schema import Schema
from todserve.runtime.language.text import normalise
from todserve.runtime.language.word_forms import WordForms
from todserve.runtime.tracking.active_domain import decide
from todserve.runtime.tracking.domain_model import DomainModel


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictedScene:
    """A turn as the decision meets it.

    Attributes:
        utterance: the user's words, normalised.
        update: how the predicted state changed.
        intent: as predicted; None where none was understood.
        expected: the corpus's domain; None where nothing is annotated yet.
    """

    utterance: str
    update: BeliefState
    intent: str | None
    expected: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonRow:
    """What one way of deciding scores, a line of the report."""

    decision: str
    scores: DomainScores
    changes: DomainChanges


Decider = Callable[[str | None, PredictedScene], str | None]
"""(previous domain, turn) -> domain."""


def scenes_of_outcomes(outcomes: Iterable[Outcome]) -> list[list[PredictedScene]]:
    """Return the scenes of each dialogue, turns in order."""
    dialogues: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        dialogues.setdefault(outcome.dialogue_id, []).append(outcome)
    return [_scenes(sorted(turns, key=lambda one: one.index)) for turns in dialogues.values()]


def compare_decisions(
    dialogues: Sequence[Sequence[PredictedScene]], schema: Schema, model: DomainModel
) -> list[ComparisonRow]:
    """Score each way to decide, the always-stay baseline first."""
    deciders: Mapping[str, Decider] = {
        "rule": lambda previous, one: (
            decide(previous, one.update, one.intent, one.utterance, schema).active
        ),
        "classifier": lambda previous, one: _likeliest(model, previous, one, schema.forms),
        "combined": lambda previous, one: (
            decide(previous, one.update, one.intent, one.utterance, schema, model).active
        ),
        "rule, no intent": lambda previous, one: (
            decide(previous, one.update, None, one.utterance, schema).active
        ),
        "combined, no intent": lambda previous, one: (
            decide(previous, one.update, None, one.utterance, schema, model).active
        ),
    }
    gold = [[one.expected for one in dialogue if one.expected] for dialogue in dialogues]
    stays = [always_stay(domains, own=True) for domains in gold]
    rows = [_row("always stay", stays)]
    for name, decider in deciders.items():
        rows.append(_row(name, [_decided(dialogue, decider) for dialogue in dialogues]))
    return rows


def _row(name: str, dialogues: Sequence[Sequence[DecidedTurn]]) -> ComparisonRow:
    return ComparisonRow(
        decision=name,
        scores=score_domains(dialogues),
        changes=changes_of([one.decided for one in turns] for turns in dialogues),
    )


def _decided(dialogue: Sequence[PredictedScene], decider: Decider) -> list[DecidedTurn]:
    turns = []
    previous: str | None = None
    for scene in dialogue:
        given, previous = previous, decider(previous, scene)
        if scene.expected is not None:
            turns.append(DecidedTurn(expected=scene.expected, given=given, decided=previous))
    return turns


def _likeliest(
    model: DomainModel, previous: str | None, scene: PredictedScene, forms: WordForms
) -> str:
    found = model.turn_probabilities(scene.utterance, scene.intent, previous, forms)
    return max(found, key=lambda domain: found[domain])


def _scenes(outcomes: Sequence[Outcome]) -> list[PredictedScene]:
    scenes = []
    known: BeliefState = {}
    for outcome in outcomes:
        answer = outcome.answer
        scenes.append(
            PredictedScene(
                utterance=normalise(outcome.turn.user),
                update=state_update(known, outcome.state),
                intent=answer.intent.name if answer and answer.intent else None,
                expected=outcome.turn.active_domain,
            )
        )
        known = outcome.state
    return scenes
