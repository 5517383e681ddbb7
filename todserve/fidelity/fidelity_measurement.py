"""Fidelity: an export answers the same turns as its checkpoint, and every difference is counted.

``tod export`` calls it when the files are written. Two measurements: both roll out the same
dialogues through the pipeline that serves, and both predict the next token along what the reference
wrote. Example: ``run_fidelity(Path("checkpoints/multiwoz"), Path("out"))``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from todserve.corpora.enrichment import enrich
from todserve.corpora.readers.multiwoz.multiwoz_reader import ReplySource, read_merged
from todserve.corpora.registry import find
from todserve.evaluation.calibration.judged_claims import generated_passages
from todserve.evaluation.dialogue_selection import select
from todserve.evaluation.figures import Figure
from todserve.evaluation.metrics.corpus_scores import score
from todserve.evaluation.metrics.information import kl_divergence
from todserve.evaluation.rollout import PROTOCOL
from todserve.evaluation.scorecard import Signature, code_version
from todserve.evaluation.watched_rollout import Watched, WatchedPipeline, watch
from todserve.fidelity.fidelity_report import Change, FidelityReport
from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.engines.engine import LogitSource
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.engines.engine_spec import REFERENCE
from todserve.runtime.errors import ConfigError
from todserve.runtime.knowledge.delexicalisation import Delexicaliser
from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.prompts import PromptBuilder
from todserve.runtime.language.tasks import TaskName
from todserve.runtime.networks.export_manifest import ExportManifest

CORPUS, SPLIT = "multiwoz21", "dev"
"""Where the turns are from; never from test, since an export may be refused by these figures."""

TURNS = 200
"""How many turns are measured on unless asked otherwise."""

OnBatch = Callable[[int], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """One of the two: a pipeline that answers, and the logits of its network."""

    pipeline: WatchedPipeline
    logits: LogitSource


@dataclass(frozen=True, kw_only=True, slots=True)
class _Distance:
    """How far two networks predict apart along the same tokens."""

    tokens: int
    greatest: float
    mean_kl: float
    same_choice: float


def run_fidelity(
    checkpoint: Path,
    export: Path,
    *,
    turns: int = TURNS,
    root: Path | None = None,
    threads: int | None = None,
    on_batch: OnBatch = lambda turns: None,
) -> FidelityReport:
    """Measure an export folder against its checkpoint and write ``fidelity.json`` into it.

    Args:
        checkpoint: the folder that was exported.
        export: the folder that `tod export` wrote.
        turns: how many of dev to answer.
        root: where the corpora are; the environment variable TOD_DATA when None.
        threads: CPU threads of each engine.
        on_batch: called with the number of turns that one of the two has answered.

    Raises:
        ConfigError: one of the folders is not whole, or the export is of another checkpoint.
        CorpusError: MultiWOZ is missing or malformed.
    """
    manifest = ExportManifest.of_folder(export)
    if manifest is None:
        raise ConfigError(f"{export} is no export; `tod export` writes one")
    reference = WatchedPipeline.load(checkpoint, settings=EngineSettings(threads=threads))
    try:
        found = reference.checkpoint.checksum
        if manifest.checkpoint != found:
            raise ConfigError(
                f"{export} is an export of checkpoint {manifest.checkpoint}, {checkpoint} is "
                f"{found}; export it again"
            )
        settings = EngineSettings(engine=manifest.engine, dtype=manifest.dtype, threads=threads)
        exported = WatchedPipeline.load(export, settings=settings)
        try:
            report = measure_fidelity(
                Contender(pipeline=reference, logits=REFERENCE.spec.logits(checkpoint)),
                Contender(pipeline=exported, logits=manifest.engine.spec.logits(export)),
                fidelity_dialogues(reference.checkpoint, turns=turns, root=root),
                manifest=manifest,
                on_batch=on_batch,
            )
        finally:
            exported.close()
    finally:
        reference.close()
    report.save(export)
    return report


def fidelity_dialogues(
    checkpoint: Checkpoint, *, turns: int = TURNS, root: Path | None = None
) -> list[Dialogue]:
    """Return the first dialogues of dev in the fixed order of ``tod evaluate --quick``.

    Args:
        checkpoint: its schema and database delexicalise the replies.
        turns: how many turns they have together; the last dialogue is cut short for that.
        root: where the corpora are.

    Raises:
        ConfigError: ``turns`` is not positive.
        CorpusError: MultiWOZ is missing or malformed.
    """
    if turns < 1:
        raise ConfigError(f"turns {turns}; expected at least 1")
    delexicaliser = Delexicaliser(checkpoint.knowledge, checkpoint.schema, checkpoint.style.values)
    chosen: list[Dialogue] = []
    for one in select(read_merged(find(CORPUS, root), SPLIT, replies=ReplySource.TSV)):
        if turns == 0:
            break
        kept = replace(one, turns=one.turns[:turns])
        turns -= len(kept.turns)
        chosen.append(
            enrich(kept, delexicaliser, checkpoint.knowledge, checkpoint.schema, keep_spans=False)
        )
    return chosen


def measure_fidelity(
    reference: Contender,
    exported: Contender,
    dialogues: Sequence[Dialogue],
    *,
    manifest: ExportManifest,
    batch: int = 32,
    on_batch: OnBatch = lambda turns: None,
) -> FidelityReport:
    """Let both answer ``dialogues`` and count every difference.

    Args:
        reference: torch in float32.
        exported: the export.
        dialogues: enriched, with plain replies.
        manifest: the export's own.
        batch: most turns in one call.
        on_batch: called with the number of turns that one of the two has answered.

    Raises:
        ConfigError: a logit of either is not finite, or there is nothing to compare.
    """
    expected, got = (
        watch(one.pipeline, dialogues, batch=batch, on_batch=on_batch)
        for one in (reference, exported)
    )
    checkpoint = reference.pipeline.checkpoint
    signature = Signature(
        corpus=CORPUS,
        split=SPLIT,
        subset=f"first-{len(expected)}-turns",
        checkpoint=manifest.checkpoint,
        code=code_version(),
        protocol=PROTOCOL,
    )
    before, after = (_figures(one, checkpoint, signature) for one in (expected, got))
    distance = _distance(reference, exported, expected)
    same = [_written(one) == _written(other) for one, other in zip(expected, got, strict=True)]
    return FidelityReport(
        engine=manifest.engine,
        dtype=manifest.dtype,
        checkpoint=manifest.checkpoint,
        exporter=manifest.exporter,
        signature=str(signature),
        turns=len(expected),
        tokens=distance.tokens,
        max_logit_difference=distance.greatest,
        mean_kl=distance.mean_kl,
        same_choice=distance.same_choice,
        identical_turns=sum(same) / len(same),
        joint_goal_accuracy=_change(before, after, "joint_goal_accuracy", scale=100),
        response_bleu_surrogate=_change(before, after, "response_bleu_surrogate", scale=1),
    )


def _written(one: Watched) -> dict[TaskName, tuple[tuple[int, ...], bool]] | None:
    """Return every token of a turn; None where the request was refused."""
    if one.work is None:
        return None
    readings = one.work.readings
    return {
        task: (reading.generation.ids, reading.generation.finished)
        for task, reading in readings.items()
    }


def _figures(
    watched: Sequence[Watched], checkpoint: Checkpoint, signature: Signature
) -> dict[str, Figure]:
    signed = score([one.outcome for one in watched], checkpoint.schema, signature)
    return {one.figure.name: one.figure for one in signed}


def _change(
    before: dict[str, Figure], after: dict[str, Figure], name: str, *, scale: float
) -> Change | None:
    reference, exported = before[name].value, after[name].value
    if reference is None or exported is None:
        return None
    # sacrebleu's perfect score is a hair above 100.
    return Change(
        reference=min(scale * reference, 100.0),
        exported=min(scale * exported, 100.0),
        of=before[name].of,
    )


def _distance(reference: Contender, exported: Contender, expected: Sequence[Watched]) -> _Distance:
    checkpoint = reference.pipeline.checkpoint
    builder = PromptBuilder(checkpoint.tokenizer, checkpoint.format, checkpoint.schema)
    passages = [
        passage
        for one in expected
        if one.work is not None
        for passage in generated_passages(one.work, builder).values()
        if passage.target
    ]
    if not passages:
        raise ConfigError("the reference wrote no token; expected at least one turn it answers")
    tokens = same = 0
    greatest = divergence = 0.0
    for passage in passages:
        p, q = (
            one.logits.logits(passage.context, passage.prefix, passage.target[:-1])
            for one in (reference, exported)
        )
        # Refuses what is not finite, too.
        divergence += float(kl_divergence(torch.from_numpy(p), torch.from_numpy(q)).sum())
        greatest = max(greatest, float(np.abs(p - q).max()))
        same += int((p.argmax(axis=1) == q.argmax(axis=1)).sum())
        tokens += len(passage.target)
    return _Distance(
        tokens=tokens, greatest=greatest, mean_kl=divergence / tokens, same_choice=same / tokens
    )
