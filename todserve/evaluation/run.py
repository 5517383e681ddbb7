"""``tod evaluate``: score a checkpoint on a split of a corpus.

Example: ``run_evaluation(Path("checkpoints/multiwoz-small"), quick=True)`` prints a table such as
``joint_goal_accuracy 0.4512 of 731 turns`` with the signature of what was measured.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from todserve.corpora.enrich import enrich
from todserve.corpora.multiwoz import ReplySource, read_merged
from todserve.corpora.source import find
from todserve.evaluation.code_version import code_version
from todserve.evaluation.rollout import PROTOCOL, Outcome, roll_out
from todserve.evaluation.scorecard import Scorecard, Signature
from todserve.evaluation.scoring import score
from todserve.evaluation.selection import QUICK_DIALOGUES, TEST_WARNING, check_split, select
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.delexicalise import Delexicaliser
from todserve.runtime.dialogue import Dialogue
from todserve.runtime.engines.settings import EngineSettings
from todserve.runtime.errors import ConfigError
from todserve.runtime.turn import TurnPipeline

CORPORA = ("multiwoz21",)
"""Corpora whose labels speak of the same domains, slots, acts and intents as the checkpoints."""


def run_evaluation(
    checkpoint: Path,
    *,
    corpus: str = "multiwoz21",
    split: str = "dev",
    quick: bool = False,
    limit: int | None = None,
    out: Path | None = None,
    root: Path | None = None,
    settings: EngineSettings | None = None,
    batch: int = 32,
    allow_test: bool = False,
    progress: bool = True,
) -> Scorecard:
    """Roll the checkpoint out over a split, print the scorecard and return it.

    Args:
        checkpoint: a checkpoint folder.
        corpus: short name of the corpus.
        split: ``dev``; ``test`` only with ``allow_test``.
        quick: score a fixed sample of 100 dialogues.
        limit: score at most so many dialogues.
        out: write the scorecard as JSON to this file.
        root: where the corpora are; the environment variable TOD_DATA when None.
        settings: engine, dtype, threads.
        batch: turns in one pipeline call.
        allow_test: score the test split after all, with a warning.
        progress: show a progress bar on stderr.

    Raises:
        ConfigError: a wrong checkpoint, corpus or split.
        CorpusError: the corpus is missing or malformed.
    """
    check_split(split, allow_test=allow_test)
    if corpus not in CORPORA:
        raise ConfigError(f"corpus {corpus!r} cannot be scored; expected {', '.join(CORPORA)}")
    if split == "test":
        print(f"WARNING: {TEST_WARNING}", file=sys.stderr)
    pipeline = TurnPipeline.load(checkpoint, settings=settings)
    try:
        source = find(corpus, root)
        chosen = select(
            read_merged(source, split, replies=ReplySource.TSV), quick=quick, limit=limit
        )
        dialogues = list(_enriched(chosen, pipeline.checkpoint))
        start = perf_counter()
        outcomes = _rolled_out(pipeline, dialogues, batch=batch, progress=progress)
        card = Scorecard(
            figures=score(
                outcomes,
                pipeline.checkpoint.schema,
                Signature(
                    corpus=corpus,
                    split=split,
                    subset=subset_name(quick=quick, limit=limit),
                    checkpoint=pipeline.checkpoint.checksum,
                    code=code_version(),
                    protocol=PROTOCOL,
                ),
            ),
            dialogues=len(dialogues),
            turns=len(outcomes),
            seconds=perf_counter() - start,
        )
    finally:
        pipeline.close()
    print(card.table())
    if out is not None:
        card.save(out)
        print(f"written to {out}")
    return card


def subset_name(*, quick: bool, limit: int | None) -> str:
    """Return the subset's part of the signature: ``all``, ``quick-100``, ``quick-100-first-10``."""
    name = f"quick-{QUICK_DIALOGUES}" if quick else "all"
    return name if limit is None else f"{name}-first-{limit}"


def _enriched(dialogues: list[Dialogue], checkpoint: Checkpoint) -> Iterator[Dialogue]:
    # Replies delexicalised by the rules that training's were, not by dev's own annotation.
    delexicaliser = Delexicaliser(checkpoint.knowledge, checkpoint.schema)
    for dialogue in dialogues:
        yield enrich(
            dialogue, delexicaliser, checkpoint.knowledge, checkpoint.schema, keep_spans=False
        )


def _rolled_out(
    pipeline: TurnPipeline, dialogues: list[Dialogue], *, batch: int, progress: bool
) -> list[Outcome]:
    from tqdm import tqdm

    turns = sum(len(one.turns) for one in dialogues)
    with tqdm(total=turns, unit=" turns", disable=not progress, dynamic_ncols=True) as bar:
        return list(roll_out(pipeline, dialogues, batch=batch, on_batch=bar.update))
