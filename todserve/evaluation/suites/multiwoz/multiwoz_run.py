"""The MultiWOZ run: a checkpoint on a split, by belief states and by whole dialogues.

Example: ``run_evaluation(AnswererSource(checkpoint=folder), quick=True)`` prints a table such as
``joint_goal_accuracy 0.4512 of 731 turns`` with the signature of what was measured.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.enrichment import enrich
from todserve.corpora.readers.multiwoz.multiwoz_reader import ReplySource, read_merged
from todserve.corpora.registry import find
from todserve.evaluation.answerer import AnswererSource
from todserve.evaluation.dialogue_selection import (
    QUICK_DIALOGUES,
    TEST_WARNING,
    check_split,
    select,
)
from todserve.evaluation.metrics.corpus_scores import score
from todserve.evaluation.rollout import Outcome, Protocol
from todserve.evaluation.scorecard import Scorecard, Signature, code_version
from todserve.evaluation.suites.multiwoz.multiwoz_checkpoint import GoalDialogues, RolledOut
from todserve.evaluation.suites.multiwoz.multiwoz_predictions import save_predictions
from todserve.evaluation.suites.multiwoz.multiwoz_rollouts import Rollouts, headline
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.console import tell, warn
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.errors import ConfigError
from todserve.runtime.knowledge.delexicalisation import Delexicaliser
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Schema
from todserve.runtime.secret_free import without_secrets

CORPORA = ("multiwoz21",)
"""Corpora whose labels speak of the same domains, slots, acts and intents as the checkpoints."""


def run_evaluation(
    source: AnswererSource,
    *,
    corpus: str = "multiwoz21",
    split: str = "dev",
    quick: bool = False,
    limit: int | None = None,
    out: Path | None = None,
    root: Path | None = None,
    batch: int = 32,
    allow_test: bool = True,
    end_to_end: bool = True,
    oracle_context: bool = False,
    predictions_out: Path | None = None,
    html: Path | None = None,
    curves: Path | None = None,
    progress: bool = True,
) -> Scorecard:
    """Roll the checkpoint out over a split, print the scorecard and return it.

    Two rollouts: with the corpus's replies in the history for the dialogue-state figures, and
    end to end for Inform, Success, BLEU and Combined. With ``out``, an interrupted evaluation
    goes on where it was when the same one is started again.

    Args:
        source: who answers.
        corpus: short name of the corpus.
        split: ``dev``, or ``test`` for a final report, with a warning.
        quick: score a fixed sample of 100 dialogues.
        limit: score at most so many dialogues.
        out: write the scorecard as JSON to this file.
        root: where the corpora are; the environment variable TOD_DATA when None.
        batch: turns in one pipeline call.
        allow_test: False refuses the test split, for callers that choose by the figures.
        end_to_end: do the second rollout.
        oracle_context: do it by PPTOD's own protocol instead, which lends the model reference
            replies and gold domains; the signature says so.
        predictions_out: write the second rollout's predictions in the public format.
        html: write a report to this file.
        curves: a training run's folder, for the report's learning curves.
        progress: show a progress bar on stderr.

    Raises:
        ConfigError: a wrong checkpoint, corpus, split or combination.
        CorpusError: the corpus is missing or malformed.
        ServerError: the server is not there.
    """
    check_split(split, allow_test=allow_test)
    if corpus not in CORPORA:
        raise ConfigError(f"corpus {corpus!r} cannot be scored; expected {', '.join(CORPORA)}")
    if not end_to_end and (oracle_context or predictions_out is not None):
        raise ConfigError(
            "oracle_context and predictions_out need the rollout of whole dialogues, which "
            "end_to_end=False leaves out"
        )
    if split == "test":
        warn(TEST_WARNING)
    if oracle_context:
        warn("oracle context: reference replies and gold domains leak")
    pipeline = source.open()
    try:
        files = find(corpus, root)
        goals = GoalDialogues.read(files, split, quick=quick, limit=limit) if end_to_end else None
        dialogues = _labelled_dialogues(files, split, pipeline.checkpoint, quick, limit)
        signature = Signature(
            corpus=corpus,
            split=split,
            subset=subset_name(quick=quick, limit=limit),
            checkpoint=source.signed_name(pipeline),
            code=code_version(),
            protocol=str(Protocol.REFERENCE_REPLIES),
        )
        rollouts = Rollouts(
            pipeline=pipeline,
            signature=signature,
            folder=source.checkpoint,
            out=out,
            engine=(
                f"{without_secrets(source.url) if source.url else _engine(source.settings)}"
                f"{' constrained' if source.constrained else ''}"
                f"{'' if source.spelling else ' as typed'}{'' if source.checked else ' unchecked'}"
            ),
            batch=batch,
        )
        turns = sum(len(one.turns) for one in dialogues)
        start = perf_counter()
        with _bar(turns + (goals.turns if goals else 0), shown=progress) as on_batch:
            outcomes = rollouts.states(dialogues, on_batch)
            protocol = Protocol.ORACLE_CONTEXT if oracle_context else Protocol.END_TO_END
            rolled = rollouts.whole(goals, protocol, on_batch) if goals else None
        schema = pipeline.checkpoint.schema
        figures = score(outcomes, schema, signature)
        card = Scorecard(
            figures=(*figures, *(rolled.signed(signature) if rolled else ())),
            dialogues=len(dialogues),
            turns=turns,
            seconds=perf_counter() - start,
            headline=headline(figures, rolled, signature),
        )
    finally:
        pipeline.close()
    tell(card.table())
    if rolled is not None:
        tell(f"  {rolled.flips} A-B-A flips of the active domain")
        tell(f"  {rolled.rules.told()}")
    if predictions_out is not None and rolled is not None:
        save_predictions(rolled.predictions, predictions_out)
        tell(f"predictions written to {predictions_out}")
    if html is not None:
        _write_report(html, card, outcomes, rolled, schema, split, curves)
    if out is not None:
        card.save(out)
        rollouts.forget()
        tell(f"written to {out}")
    return card


def _engine(settings: EngineSettings | None) -> str:
    return (settings or EngineSettings()).model_dump_json(exclude={"threads"})


def subset_name(*, quick: bool, limit: int | None) -> str:
    """Return the subset's part of the signature: ``all``, ``quick-100``, ``quick-100-first-10``."""
    name = f"quick-{QUICK_DIALOGUES}" if quick else "all"
    return name if limit is None else f"{name}-first-{limit}"


def _labelled_dialogues(
    source: CorpusSource, split: str, checkpoint: Checkpoint, quick: bool, limit: int | None
) -> list[Dialogue]:
    chosen = select(read_merged(source, split, replies=ReplySource.TSV), quick=quick, limit=limit)
    return list(_enriched(chosen, checkpoint))


def _enriched(dialogues: list[Dialogue], checkpoint: Checkpoint) -> Iterator[Dialogue]:
    # Replies delexicalised by the rules that training's were, not by dev's own annotation.
    delexicaliser = Delexicaliser(checkpoint.knowledge, checkpoint.schema, checkpoint.style.values)
    for dialogue in dialogues:
        yield enrich(
            dialogue, delexicaliser, checkpoint.knowledge, checkpoint.schema, keep_spans=False
        )


def _write_report(
    html: Path,
    card: Scorecard,
    outcomes: Sequence[Outcome],
    rolled: RolledOut | None,
    schema: Schema,
    split: str,
    curves: Path | None,
) -> None:
    from todserve.evaluation.report.html_report import ReportedRollout, write_report

    write_report(
        html,
        title=f"{CORPORA[0]} {split}, checkpoint {card.figures[0].signature.checkpoint}",
        card=card.content(),
        rolled_out=ReportedRollout(
            outcomes=outcomes,
            schema=schema,
            split=split,
            endings=rolled.scores.outcomes if rolled else {},
            predictions=rolled.predictions if rolled else {},
        ),
        run=curves,
    )
    tell(f"report written to {html}")


@contextmanager
def _bar(turns: int, *, shown: bool) -> Iterator[Callable[[int], object]]:
    from tqdm import tqdm

    with tqdm(total=turns, unit=" turns", disable=not shown, dynamic_ncols=True) as bar:
        yield bar.update
