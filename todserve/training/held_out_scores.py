"""Held-out scores: at a run's end the checkpoint is calibrated and scored on dialogues put aside.

The last step of a training whose configuration says ``finish: true``, as one for one's own corpus
does by itself. Everything is fitted and scored on what was put aside: temperatures change no
answer, and the intent model's factors are scored by those fitted on the other half.
Example: ``finish(Path("runs/our-bot/checkpoint"), Path("runs/our-bot/prepared"))``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch

from todserve.evaluation.calibration.reliability import Judged, reliability
from todserve.evaluation.calibration.temperature_fit import fit, gather
from todserve.evaluation.figures import Figure
from todserve.evaluation.metrics.corpus_scores import score
from todserve.evaluation.metrics.forced_passages import Forced
from todserve.evaluation.rollout import PROTOCOL
from todserve.evaluation.scorecard import Scorecard, Signature, SignedFigure, code_version
from todserve.evaluation.watched_rollout import WatchedPipeline, watch
from todserve.runtime.checkpoint import load_network
from todserve.runtime.console import tell
from todserve.runtime.decoding.calibration import CALIBRATION_FILE, Calibration, CalibrationFit
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.intents.intent_model import INTENT_MODEL
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.tasks import TaskName
from todserve.training.classifiers.intent_classifier import FittedIntents, fit_intents
from todserve.training.held_out_errors import ERRORS_FILE, HeldOutErrors, HeldOutIntent
from todserve.training.preparation.training_turns import TrainingTurn, load_turns

SCORES_FILE = "scores-held-out.json"
"""The figures, beside the weights."""

MOST_TURNS = 2000
"""Dev turns that are answered."""

_SHOWN = ("joint_goal_accuracy", "slot_f1", "dialogue_act_f1", "response_bleu")
_HELD_OUT = "held-out"


def finish(checkpoint: Path, prepared: Path, *, progress: bool = True) -> Scorecard:
    """Calibrate, fit the intent model, score; write all three into the checkpoint's folder.

    What went wrong, with the sentences, is written beside it, see `held_out_errors`.

    Args:
        checkpoint: just trained.
        prepared: what it was trained from; its dev turns were not.
        progress: show progress bars on stderr.
    """
    from tqdm import tqdm

    begun = perf_counter()
    errors = checkpoint.parent / ERRORS_FILE
    errors.unlink(missing_ok=True)
    for name in (CALIBRATION_FILE, INTENT_MODEL):
        (checkpoint / name).unlink(missing_ok=True)
    turns = load_turns(prepared / "dev.jsonl.gz")[:MOST_TURNS]
    dialogues = list(dialogues_of(turns))
    pipeline = WatchedPipeline.load(checkpoint, settings=EngineSettings())
    try:
        opened = pipeline.checkpoint
        signature = Signature(
            corpus=",".join(sorted({turn.corpus for turn in turns})) or "corpus",
            split=_HELD_OUT,
            subset=f"{len(dialogues)}-dialogues",
            checkpoint=opened.checksum,
            code=code_version(),
            protocol=PROTOCOL,
        )
        with tqdm(total=len(turns), unit=" turns", desc="answering", disable=not progress) as bar:
            watched = watch(pipeline, dialogues, on_batch=bar.update)
        evidence = gather(watched, dialogues, opened)
        outcomes = [one.outcome for one in watched]
        figures = score(outcomes, opened.schema, signature)
        learnt = opened.format.tasks
    finally:
        pipeline.close()
    network = Forced(load_network(checkpoint, dtype=torch.float32))
    with tqdm(unit=" passages", desc="calibrating", disable=not progress) as bar:
        fitted = fit(network, evidence, on_batch=bar.update)
    Calibration(
        checkpoint=signature.checkpoint,
        temperatures={task: fitted[task].temperature for task in learnt if fitted[task].of},
        fit=CalibrationFit(
            corpus=signature.corpus, split=signature.split, signature=str(signature)
        ),
    ).save(checkpoint / CALIBRATION_FILE)
    shown = [one for one in figures if one.figure.name in _SHOWN and one.figure.of]
    judged: Sequence[HeldOutIntent] = ()
    if TaskName.INTENT in learnt:
        with tqdm(unit=" turns", desc="fitting intents", disable=not progress) as bar:
            intents = fit_intents(prepared, checkpoint, on_batch=bar.update)
        if intents is not None:
            shown = [*_intent_figures(intents, signature), *shown]
            judged = intents.judged
    card = Scorecard(
        figures=shown,
        dialogues=len(dialogues),
        turns=len(turns),
        seconds=perf_counter() - begun,
    )
    card.save(checkpoint / SCORES_FILE)
    wrong = HeldOutErrors.of(judged, outcomes, opened.schema)
    wrong.save(errors)
    if not turns:
        tell("too few examples to put any aside: nothing is calibrated or scored")
        return card
    for line in wrong.lines():
        tell(line)
    tell(f"what went wrong, with the sentences: {errors}")
    return card


def dialogues_of(turns: Sequence[TrainingTurn]) -> Iterator[Dialogue]:
    """Yield the dialogues that training turns were made of; a turn without a past begins one."""
    said: list[TrainingTurn] = []
    for turn in turns:
        if said and not turn.history:
            yield _dialogue(said)
            said = []
        said.append(turn)
    if said:
        yield _dialogue(said)


def _dialogue(turns: Sequence[TrainingTurn]) -> Dialogue:
    past = turns[-1].history
    replies = [plain for _, plain, _ in past]
    return Dialogue(
        dialogue_id=turns[0].dialogue_id,
        corpus=turns[0].corpus,
        split=_HELD_OUT,
        turns=tuple(
            Turn(
                user=turn.user,
                belief_state=turn.state,
                intent=turn.intent,
                dialogue_acts=turn.dialogue_acts,
                system=reply,
                delexicalised_response=turn.response,
            )
            for turn, reply in zip(turns, [*replies, turns[-1].response or ""], strict=True)
        ),
    )


def _intent_figures(intents: FittedIntents, signature: Signature) -> list[SignedFigure]:
    judged = [
        Judged(confidence=one.confidence, right=one.label == one.taken_for)
        for one in intents.judged
    ]
    crossed = replace(signature, protocol="utterances-with-their-past,factors-of-the-other-half")
    rows = (
        ("intent_accuracy", intents.accuracy, "as served"),
        ("intent_network", intents.network, "generated alone"),
        ("intent_linear", intents.linear, "vector and n-grams alone"),
        ("intent_ece", reliability(judged).ece, "of what is served"),
    )
    return [
        SignedFigure(
            figure=Figure(name=name, value=value, of=len(judged), unit="turns", note=note),
            signature=crossed,
        )
        for name, value, note in rows
    ]
