"""Corpus scores: makes signed figures of the outcomes of a rollout.

The benchmarks call it after a rollout; it decides which turns count for which figure.
Example: act and intent figures on MultiWOZ's dev leave out ``dev-annotator``, the half whose labels
taught the silver annotator and so, through it, the model.
"""

from collections.abc import Sequence
from dataclasses import replace

from todserve.corpora.silver.silver_annotator import DevHalf, dev_half
from todserve.evaluation.metrics.belief_scores import belief_scores
from todserve.evaluation.metrics.generation_rates import generation_rates, task_rates
from todserve.evaluation.metrics.invented_labels import Labels
from todserve.evaluation.metrics.label_scores import dialogue_act_f1, intent_accuracy
from todserve.evaluation.metrics.response_bleu import response_bleu
from todserve.evaluation.rollout import Outcome
from todserve.evaluation.scorecard import Signature, SignedFigure
from todserve.runtime.language.dialogue import DialogueAct
from todserve.runtime.language.schema import Schema


def score(
    outcomes: Sequence[Outcome], schema: Schema, signature: Signature
) -> tuple[SignedFigure, ...]:
    """Return every figure; a refused turn counts as wrong wherever it has a label.

    Args:
        outcomes: of whole dialogues.
        schema: spells values.
        signature: of all these dialogues.
    """
    labelled, of_labelled = list(outcomes), signature
    if (signature.corpus, signature.split) == ("multiwoz21", "dev"):
        labelled = [one for one in outcomes if dev_half(one.dialogue_id) is DevHalf.HELD_OUT]
        of_labelled = replace(signature, subset=f"{signature.subset}/{DevHalf.HELD_OUT}")
    beliefs = belief_scores(
        [
            (one.state, one.turn.belief_state)
            for one in outcomes
            if one.turn.belief_state is not None
        ],
        schema,
    )
    labels = (
        intent_accuracy([(_intent(one), one.turn.intent) for one in labelled if one.turn.intent]),
        dialogue_act_f1(
            [
                (_acts(one), frozenset(one.turn.dialogue_acts))
                for one in labelled
                if one.turn.dialogue_acts is not None
            ]
        ),
    )
    bleu = response_bleu(
        [
            (_reply(one), one.turn.delexicalised_response)
            for one in outcomes
            if one.turn.delexicalised_response
        ]
    )
    answers = [one.answer for one in outcomes]
    rates = generation_rates(answers)
    rates += task_rates(answers, Labels.of((one.turn for one in outcomes), schema))
    return tuple(
        SignedFigure(figure=figure, signature=of)
        for figures, of in (
            (beliefs, signature),
            (labels, of_labelled),
            ((bleu, *rates), signature),
        )
        for figure in figures
    )


def _intent(outcome: Outcome) -> str | None:
    answer = outcome.answer
    return answer.intent.name if answer and answer.intent else None


def _acts(outcome: Outcome) -> frozenset[DialogueAct]:
    acts = outcome.answer.dialogue_act if outcome.answer else None
    return frozenset(
        DialogueAct(domain=one.domain, act=one.act, slot=one.slot) for one in acts or ()
    )


def _reply(outcome: Outcome) -> str:
    answer = outcome.answer
    return answer.response.delexicalised if answer and answer.response else ""
