"""Verbs that learn: train, few-shot, calibrate, fit-names, fit-domains, fit-intents, count-drafts.

Example: ``tod train multiwoz steps=200``.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from todserve.cli.options import (
    CheckpointArgument,
    Config,
    Corpora,
    Json,
    Limit,
    MaybeCheckpoint,
    Overrides,
    Prepared,
    Threads,
    Write,
    checkpoint_of,
)
from todserve.cli.verb_command import VerbCommand, taking_many

PANEL = "Learn"
_SHARES = (0.01, 0.05, 0.1, 0.2)


def add_training_verbs(app: typer.Typer) -> None:
    """Add ``train``, ``few-shot`` and the verbs that fit parts of a checkpoint."""
    app.command("train", cls=VerbCommand, rich_help_panel=PANEL)(_train)
    many = taking_many("--shares", "--per-intent")
    app.command("few-shot", cls=many, rich_help_panel=PANEL)(_few_shot)
    app.command("calibrate", cls=VerbCommand, rich_help_panel=PANEL)(_calibrate)
    app.command("fit-names", cls=VerbCommand, rich_help_panel=PANEL)(_fit_names)
    app.command("fit-domains", cls=VerbCommand, rich_help_panel=PANEL)(_fit_domains)
    app.command("fit-intents", cls=VerbCommand, rich_help_panel=PANEL)(_fit_intents)
    app.command("count-drafts", cls=VerbCommand, rich_help_panel=PANEL)(_count_drafts)


def _train(
    config: Config,
    overrides: Overrides = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="checkpoint folder; else runs/NAME/checkpoint"),
    ] = None,
    threads: Threads = None,
    corpora: Corpora = None,
) -> None:
    """Train a checkpoint from a configuration or a folder of dialogues."""
    # Read when torch is first imported. Threads that wait for each other by turning round and
    # round are many times slower than one alone as soon as anything else wants their cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from todserve.training.training_run import run_training

    run_training(config, overrides=tuple(overrides or ()), out=out, root=corpora, threads=threads)


def _few_shot(
    config: Config,
    overrides: Overrides = None,
    evaluation: Annotated[
        str, typer.Option("--evaluation", metavar="NAME", help="what scores")
    ] = "multiwoz-dev",
    shares: Annotated[
        list[float] | None,
        typer.Option(
            "--shares",
            metavar="SHARE...",
            help="shares of the dialogues; 0.01 0.05 0.1 0.2 if nothing is given",
        ),
    ] = None,
    per_intent: Annotated[
        list[int] | None,
        typer.Option("--per-intent", metavar="K...", help="instead: K examples of each intent"),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", help="runs of each sample")] = 5,
    prepared: Annotated[
        Path | None, typer.Option("--prepared", metavar="DIR", help="a prepared corpus")
    ] = None,
    threads: Threads = None,
    keep: Annotated[bool, typer.Option("--keep", help="keep each cell's checkpoint")] = False,
    corpora: Corpora = None,
) -> None:
    """Train on shares of a corpus, several seeds each, and score."""
    if shares and per_intent:
        raise typer.BadParameter(
            "not allowed with --per-intent; give one of them", param_hint="--shares"
        )
    from todserve.training.few_shot.few_shot_runs import run_few_shot
    from todserve.training.few_shot.few_shot_samples import PerIntent, Share
    from todserve.training.few_shot.few_shot_scores import evaluation_named

    samples: list[PerIntent | Share] = (
        [PerIntent(count=count) for count in per_intent]
        if per_intent
        else [Share(amount=amount) for amount in shares or _SHARES]
    )
    run_few_shot(
        config,
        evaluation_named(evaluation, corpora),
        evaluation,
        samples=samples,
        seeds=seeds,
        overrides=tuple(overrides or ()),
        prepared=prepared,
        root=corpora,
        threads=threads,
        keep=keep,
    )


def _calibrate(
    checkpoint: CheckpointArgument = None,
    option: MaybeCheckpoint = None,
    write: Write = False,
    limit: Limit = None,
    floor: Annotated[
        bool, typer.Option("--floor", help="fit the least confidence worth acting on instead")
    ] = False,
    json: Json = None,
    corpora: Corpora = None,
) -> None:
    """Fit the temperatures of a checkpoint's confidences."""
    folder = checkpoint_of(checkpoint, option, None)
    if floor:
        if json is not None:
            raise typer.BadParameter("not written with --floor", param_hint="--json")
        from todserve.evaluation.calibration.confidence_floor import run_confidence_floor

        run_confidence_floor(folder, write=write, limit=limit, root=corpora)
        return
    from todserve.evaluation.calibration.calibration_run import run_calibration
    from todserve.serving.terminal.painted_lines import json_file

    with json_file(json) as out:
        run_calibration(folder, write=write, limit=limit, out=out, root=corpora)


def _fit_names(
    checkpoint: CheckpointArgument = None,
    option: MaybeCheckpoint = None,
    write: Write = False,
    json: Json = None,
    corpora: Corpora = None,
) -> None:
    """Fit how near a misspelt name must come to a known one."""
    folder = checkpoint_of(checkpoint, option, None)
    from todserve.evaluation.calibration.name_closeness_fit import run_name_fitting
    from todserve.serving.terminal.painted_lines import json_file

    with json_file(json) as out:
        run_name_fitting(folder, write=write, out=out, root=corpora)


def _fit_domains(
    prepared: Prepared, checkpoint: CheckpointArgument = None, option: MaybeCheckpoint = None
) -> None:
    """Fit the domain classifier a checkpoint carries."""
    folder = checkpoint_of(checkpoint, option, None)
    from todserve.serving.terminal.painted_lines import say
    from todserve.training.classifiers.domain_classifier import fit_domain_classifier

    fit_domain_classifier(prepared, folder)
    say(f"written to {folder}")


def _fit_intents(
    prepared: Prepared, checkpoint: CheckpointArgument = None, option: MaybeCheckpoint = None
) -> None:
    """Fit the intent model a checkpoint carries."""
    folder = checkpoint_of(checkpoint, option, None)
    from todserve.serving.terminal.painted_lines import say
    from todserve.training.classifiers.intent_classifier import fit_intents

    fitted = fit_intents(prepared, folder)
    if fitted is None:
        say("nothing written: train needs two intents, dev a labelled turn")
        return
    say(
        f"dev intents right: {fitted.accuracy:.4f} (network alone {fitted.network:.4f}, linear "
        f"model alone {fitted.linear:.4f}); written to {folder}"
    )


def _count_drafts(
    prepared: Prepared, checkpoint: CheckpointArgument = None, option: MaybeCheckpoint = None
) -> None:
    """Count the guesses that save an engine its steps."""
    folder = checkpoint_of(checkpoint, option, None)
    from todserve.serving.terminal.painted_lines import say
    from todserve.training.classifiers.draft_counts import count_drafts

    drafts = count_drafts(prepared, folder)
    say(f"{len(drafts)} drafts written to {folder}")
