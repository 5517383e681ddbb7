"""``run_calibration``: fit a checkpoint's temperatures on dev and say how honest it is.

``tod calibrate`` calls it: the pipeline that serves answers dialogues, the corpus judges what it
claimed, one half fits a temperature per task and the other half tells whether it helped.
Example: ``run_calibration(Path("checkpoints/multiwoz"), write=True)`` writes ``calibration.json``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from todserve.corpora.silver.silver_annotator import DevHalf, dev_half
from todserve.evaluation.calibration.calibration_dialogues import (
    CORPUS,
    SPLIT,
    Half,
    calibration_half,
    dev_dialogues,
)
from todserve.evaluation.calibration.calibration_report import CalibrationReport
from todserve.evaluation.calibration.temperature_fit import OnBatch, fit, gather, measure
from todserve.evaluation.dialogue_selection import select
from todserve.evaluation.figures import Figure, save_figures
from todserve.evaluation.metrics.forced_passages import Forced, NextTokens
from todserve.evaluation.metrics.generation_rates import generation_rates, task_rates
from todserve.evaluation.metrics.invented_labels import Labels
from todserve.evaluation.rollout import PROTOCOL
from todserve.evaluation.scorecard import Signature, code_version
from todserve.evaluation.watched_rollout import Watched, WatchedPipeline, watch
from todserve.runtime.checkpoint import load_network
from todserve.runtime.console import tell
from todserve.runtime.decoding.calibration import CALIBRATION_FILE, Calibration, CalibrationFit
from todserve.runtime.engines.engine_settings import EngineSettings
from todserve.runtime.errors import ConfigError
from todserve.runtime.language.dialogue import Dialogue


def run_calibration(
    checkpoint: Path,
    *,
    write: bool = False,
    limit: int | None = None,
    out: Path | None = None,
    root: Path | None = None,
    settings: EngineSettings | None = None,
    batch: int = 32,
    progress: bool = True,
) -> CalibrationReport:
    """Fit a temperature per task on dev, print how honest confidences are, and return it.

    Args:
        checkpoint: a checkpoint folder for MultiWOZ.
        write: put ``calibration.json`` into the folder, for serving to use.
        limit: use at most so many dialogues, always the same ones.
        out: write the report as JSON to this file.
        root: where the corpora are; the environment variable TOD_DATA when None.
        settings: engine, dtype, threads.
        batch: turns in one pipeline call.
        progress: show progress bars on stderr.

    Raises:
        ConfigError: a wrong checkpoint, or too few dialogues for two halves.
        CorpusError: the corpus is missing or malformed.
    """
    settings = settings or EngineSettings()
    pipeline = WatchedPipeline.load(checkpoint, settings=settings)
    try:
        dialogues = dev_dialogues(pipeline.checkpoint, root)
        labels = Labels.of(
            (turn for one in dialogues for turn in one.turns), pipeline.checkpoint.schema
        )
        held_out = [one for one in dialogues if dev_half(one.dialogue_id) is DevHalf.HELD_OUT]
        report = calibrate(
            pipeline,
            select(held_out, limit=limit),
            Forced(load_network(checkpoint, dtype=getattr(torch, settings.dtype))),
            labels,
            subset=f"all/{DevHalf.HELD_OUT}" + ("" if limit is None else f"-first-{limit}"),
            batch=batch,
            progress=progress,
        )
    finally:
        pipeline.close()
    tell(report.table())
    if out is not None:
        save_figures(report.as_json(), out)
        tell(f"written to {out}")
    if write:
        path = checkpoint / CALIBRATION_FILE
        as_calibration(report).save(path)
        tell(f"written to {path}")
    return report


def calibrate(
    pipeline: WatchedPipeline,
    dialogues: Sequence[Dialogue],
    model: NextTokens,
    labels: Labels,
    *,
    subset: str,
    batch: int = 32,
    progress: bool = False,
) -> CalibrationReport:
    """Roll ``dialogues`` out, fit on one half of them and measure on the other.

    Args:
        pipeline: answers.
        dialogues: enriched.
        model: the same network, to be forced along what was written.
        labels: every label there is, to know an invented one.
        subset: names the dialogues in the signatures.
        batch: turns in one pipeline call.
        progress: show progress bars on stderr.

    Raises:
        ConfigError: one half would be empty.
    """
    halves = [
        [one for one in dialogues if calibration_half(one.dialogue_id) is half] for half in Half
    ]
    if not all(halves):
        raise ConfigError(
            f"{len(dialogues)} dialogues, {len(halves[0])} to fit on and {len(halves[1])} to "
            "report; expected at least one of each; raise the limit"
        )
    checkpoint = pipeline.checkpoint
    whole = Signature(
        corpus=CORPUS,
        split=SPLIT,
        subset=subset,
        checkpoint=checkpoint.checksum,
        code=code_version(),
        protocol=PROTOCOL,
    )
    turns = sum(len(one.turns) for one in dialogues)
    with _bar(turns, " turns", progress) as on_batch:
        to_fit, to_report = (watch(pipeline, one, batch=batch, on_batch=on_batch) for one in halves)
    fit_on, report_on = (
        gather(watched, half, checkpoint)
        for watched, half in zip((to_fit, to_report), halves, strict=True)
    )
    with _bar(None, " passages", progress) as on_batch:
        fitted = fit(model, fit_on, batch=2 * batch, on_batch=on_batch)
        tasks = measure(model, report_on, fitted, batch=2 * batch, on_batch=on_batch)
    return CalibrationReport(
        fit=replace(whole, subset=f"{subset}/{Half.FIT}"),
        report=replace(whole, subset=f"{subset}/{Half.REPORT}"),
        dialogues=(len(halves[0]), len(halves[1])),
        turns=(len(to_fit), len(to_report)),
        tasks=tasks,
        robustness=_robustness([*to_fit, *to_report], labels),
        robustness_signature=whole,
    )


def as_calibration(report: CalibrationReport) -> Calibration:
    """Return what serving reads: the temperatures and where they come from."""
    return Calibration(
        checkpoint=report.fit.checkpoint,
        temperatures={task: one.temperature for task, one in report.tasks.items()},
        fit=CalibrationFit(
            corpus=report.fit.corpus, split=report.fit.split, signature=str(report.fit)
        ),
    )


def _robustness(watched: Sequence[Watched], labels: Labels) -> tuple[Figure, ...]:
    answers = [one.outcome.answer for one in watched]
    return (*generation_rates(answers), *task_rates(answers, labels))


@contextmanager
def _bar(total: int | None, unit: str, progress: bool) -> Iterator[OnBatch]:
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, disable=not progress, dynamic_ncols=True) as bar:
        yield bar.update
