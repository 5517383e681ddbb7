"""From a rollout to predictions in the public format, and the dialogues to roll out.

`multiwoz_checkpoint` calls it before and after it rolls dialogues out, and scores what it returns.
Example: an answer with reply ``[value_name] costs [value_fee] .``, active domain attraction,
becomes the turn ``{"response": "[value_name] costs [value_entrancefee] .", "active_domains":
["attraction"], ...}``.
"""

from collections.abc import Iterable, Mapping, Sequence

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.readers.multiwoz.multiwoz_reader import (
    ReplySource,
    read_annotated,
    read_merged,
)
from todserve.evaluation.rollout import Outcome
from todserve.evaluation.suites.multiwoz.multiwoz_goals import Task, dialogue_key
from todserve.evaluation.suites.multiwoz.multiwoz_predictions import PredictedTurn
from todserve.runtime.language.dialogue import Dialogue

_PUBLIC_NAMES: Mapping[str, str] = {
    "[value_fee]": "[entrancefee]",
    "[value_openhours]": "[openhours]",
    "[value_internet]": "[internet]",
    "[value_parking]": "[parking]",
}
"""Our placeholder -> the standard's, where ours would count for nothing."""


def dialogues_to_roll_out(
    source: CorpusSource, split: str, tasks: Mapping[str, Task]
) -> list[Dialogue]:
    """Return every dialogue that has a goal, with as many turns as its goal's.

    User turns are worded as in the tsv, as training's are. The tsv lacks one test dialogue and
    splits the turns of a few differently; those come as annotated.

    Raises:
        CorpusError: a file is missing or malformed.
    """
    annotated = {dialogue_key(one.dialogue_id): one for one in read_annotated(source, split)}
    merged = {
        dialogue_key(one.dialogue_id): one
        for one in read_merged(source, split, replies=ReplySource.TSV)
    }
    found = []
    for name, task in tasks.items():
        one = merged.get(name)
        fits = one is not None and len(one.turns) == len(task.turns)
        found.append(one if one is not None and fits else annotated[name])
    return found


def predictions_of(
    outcomes: Iterable[Outcome], *, own_domains: bool
) -> dict[str, list[PredictedTurn]]:
    """Return what was predicted, by dialogue, turns in order.

    Args:
        outcomes: of whole dialogues; they may alternate. A refused turn says nothing.
        own_domains: give the pipeline's active domain; False leaves the evaluator to estimate it,
            as it does for systems that predict none.
    """
    predictions: dict[str, list[PredictedTurn]] = {}
    for one in sorted(outcomes, key=lambda one: one.index):
        turns = predictions.setdefault(dialogue_key(one.dialogue_id), [])
        turns.append(_turn(one, own_domains=own_domains))
    return predictions


def active_domains(outcomes: Iterable[Outcome]) -> list[Sequence[str | None]]:
    """Return the served active domain of each turn, one sequence a dialogue."""
    sequences: dict[str, list[str | None]] = {}
    for one in sorted(outcomes, key=lambda one: one.index):
        domain = one.answer.domain.active if one.answer and one.answer.domain else None
        sequences.setdefault(one.dialogue_id, []).append(domain)
    return list(sequences.values())


def _turn(outcome: Outcome, *, own_domains: bool) -> PredictedTurn:
    answer = outcome.answer
    response = answer.response.delexicalised if answer and answer.response else ""
    for ours, theirs in _PUBLIC_NAMES.items():
        response = response.replace(ours, theirs)
    domain = answer.domain.active if answer and answer.domain else None
    active = () if domain is None else (domain,)
    return PredictedTurn(
        response=response, state=outcome.state, active_domains=active if own_domains else None
    )
