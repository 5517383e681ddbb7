"""Few-shot runs: train on samples of a corpus, several seeds each, and score every one.

``tod few-shot CONFIG`` ends here. A cell is one sample size and one seed: its sample is drawn
(`few_shot_sampling`), trained on by `run_training` from what the configuration starts from, and
scored; its figures are one JSON file, and what has a file is not run again. The seed draws the
sample and is the run's ``seed`` as well. Example: ``run_few_shot("multiwoz", evaluate, "dev")``
writes ``runs/multiwoz-few-shot/share-0.01-seed-0.json`` ... and ``table.md``.

Two things a sample does not make few: MultiWOZ's intents and acts are labelled by an annotator
that has seen half of dev, whatever the share (states are the corpus's own); and a vocabulary made
from scratch has seen the texts of dev.
"""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from todserve.evaluation.figures import save_figures
from todserve.evaluation.scorecard import code_version
from todserve.runtime.checkpoint import CHECKSUM_LENGTH, weights_checksum
from todserve.runtime.console import tell
from todserve.runtime.errors import ConfigError
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.whole_files import write_whole
from todserve.training.few_shot.few_shot_samples import Sample, Share, derive, dialogues_in
from todserve.training.preparation.preparation_record import check_prepared
from todserve.training.preparation.training_turns import is_prepared, load_turns
from todserve.training.training_config import TrainingConfig
from todserve.training.training_run import run_training

Evaluate = Callable[[Path], Mapping[str, float | None]]
"""Scores a checkpoint folder: figure -> value, None for a figure of nothing."""

SHARES = tuple(Share(amount=amount) for amount in (0.01, 0.05, 0.10, 0.20))
"""PPTOD's shares of the training dialogues."""

SEEDS = 5

# They do not change what is learnt, so a cell may be resumed with others.
_INDIFFERENT = frozenset({"name", "seed", "save_minutes", "dev_minutes", "dev_turns"})


def run_few_shot(
    config: str,
    evaluate: Evaluate,
    evaluation: str,
    *,
    samples: Sequence[Sample] = SHARES,
    seeds: int = SEEDS,
    overrides: tuple[str, ...] = (),
    prepared: Path | None = None,
    root: Path | None = None,
    runs: Path = Path("runs"),
    threads: int | None = None,
    keep: bool = False,
) -> dict[str, Any]:
    """Train and score every cell that has no figures yet; return the summary.

    Args:
        config: a YAML file or the name of a shipped configuration; its ``initial`` is what
            every cell starts from, None for from scratch.
        evaluate: scores a checkpoint.
        evaluation: names what it measures, e.g. ``multiwoz-dev``; cells of another are refused.
        samples: sizes, `Share` or `PerIntent`.
        seeds: the seeds are 0 to ``seeds - 1``.
        overrides: ``key=value`` replacements of the configuration's keys, e.g. ``initial=DIR``.
        prepared: the whole prepared corpus; ``runs/NAME/prepared`` when None, made if missing.
        root: where the corpora are; TOD_DATA when None.
        runs: parent of the run's folder; the cells are in ``runs/NAME-few-shot``.
        threads: CPU threads.
        keep: keep each cell's run folder, steps and all, once it is scored.

    Returns:
        Sample name -> figure -> ``mean``, ``sd`` (of a sample: n - 1; None for one seed), ``n``
        and ``values``; also in ``summary.json`` and, as text, ``table.md``.

    Raises:
        ConfigError: a wrong configuration, or cells of another one in the folder.
        CorpusError: a corpus is missing or malformed.
    """
    settings = TrainingConfig.load(config, overrides)
    if seeds < 1 or not samples:
        raise ConfigError(f"{len(samples)} samples of {seeds} seeds; expected at least 1 of each")
    folder = runs / f"{settings.name}-few-shot"
    whole = prepared or runs / settings.name / "prepared"
    if not is_prepared(whole):
        from todserve.training.preparation.prepared_corpus import prepare

        tell(f"preparing {', '.join(settings.corpora)} in {whole}")
        tell("\n".join(prepare(whole, settings.preparation, root=root)))
    check_prepared(whole, settings.preparation)
    made_by = _fingerprint(settings, whole, evaluation)
    _check_folder(folder, made_by)
    turns = load_turns(whole / "train.jsonl.gz")
    summary: dict[str, Any] = {}
    for sample in samples:
        cells: list[dict[str, Any]] = []
        for seed in range(seeds):
            name = f"{sample.name}-seed-{seed}"
            file = folder / f"{name}.json"
            if not file.is_file():
                kept = sample.sample(turns, seed)
                tell(f"{name}: {len(kept)} turns of {dialogues_in(kept)} dialogues")
                if not is_prepared(folder / name / "prepared"):
                    derive(whole, folder / name / "prepared", kept)
                checkpoint = run_training(
                    config,
                    overrides=(*overrides, f"name={name}", f"seed={seed}"),
                    runs=folder,
                    threads=threads,
                )
                save_figures(
                    {
                        "sample": sample.name,
                        "seed": seed,
                        "dialogues": dialogues_in(kept),
                        "turns": len(kept),
                        "evaluation": evaluation,
                        "figures": dict(evaluate(checkpoint)),
                        "checkpoint": weights_checksum(checkpoint)[:CHECKSUM_LENGTH],
                        "code": code_version(),
                        "made_by": made_by,
                    },
                    file,
                )
            if not keep and (folder / name).is_dir():
                shutil.rmtree(folder / name)
            cells.append(read_json(file))
            # After every cell, so that an interrupted run shows what it has.
            summary[sample.name] = summarised(cells)
            save_figures(summary, folder / "summary.json")
            write_whole(folder / "table.md", table(summary))
    tell(table(summary).removesuffix("\n"))
    return summary


def summarised(cells: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return figure -> mean, standard deviation, number and values over the cells that have it."""
    names = dict.fromkeys(name for cell in cells for name in cell["figures"])
    summary: dict[str, dict[str, Any]] = {}
    for name in names:
        found = [cell["figures"].get(name) for cell in cells]
        values = [value for value in found if value is not None]
        summary[name] = {
            "mean": mean(values) if values else None,
            "sd": stdev(values) if len(values) > 1 else None,
            "n": len(values),
            "values": values,
        }
    return summary


def table(summary: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Return the summary as a Markdown table: a row for each sample, ``mean ± sd (n)``."""
    figures = list(dict.fromkeys(name for row in summary.values() for name in row))
    lines = [f"| sample | {' | '.join(figures)} |", "|---" * (len(figures) + 1) + "|"]
    for sample, row in summary.items():
        cells = " | ".join(_shown(row[name]) if name in row else "-" for name in figures)
        lines.append(f"| {sample} | {cells} |")
    return "\n".join(lines) + "\n"


def _shown(figure: Mapping[str, Any]) -> str:
    if figure["mean"] is None:
        return "-"
    spread = "" if figure["sd"] is None else f" ± {figure['sd']:.4f}"
    return f"{figure['mean']:.4f}{spread} ({figure['n']})"


def _check_folder(folder: Path, made_by: str) -> None:
    """Keep in the folder what its cells are made by, or compare it with what is there."""
    file = folder / "made-by.json"
    if not file.is_file():
        save_figures({"made_by": made_by}, file)
        return
    found = read_json(file).get("made_by")
    if found != made_by:
        raise ConfigError(
            f"the cells in {folder} were made by another configuration, corpus, start or "
            f"evaluation ({found}, expected {made_by}); delete the folder or choose another `name`"
        )


def _fingerprint(settings: TrainingConfig, prepared: Path, evaluation: str) -> str:
    """Return a checksum of what decides a cell's figures, besides sample and seed."""
    digest = hashlib.sha256(evaluation.encode())
    decisive = settings.model_dump(mode="json", exclude=set(_INDIFFERENT))
    digest.update(json.dumps(decisive, sort_keys=True).encode())
    with gzip.open(prepared / "train.jsonl.gz") as turns:
        while block := turns.read(1 << 20):
            digest.update(block)
    if settings.initial is not None and Path(settings.initial).is_dir():
        digest.update(weights_checksum(Path(settings.initial)).encode())
    return digest.hexdigest()[:CHECKSUM_LENGTH]
