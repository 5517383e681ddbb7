"""Verbs that serve and talk: export, archive, start, stop, chat, demo.

Example: ``tod archive checkpoints/multiwoz && tod start && tod chat``.
"""

from pathlib import Path
from typing import Annotated

import typer

from todserve.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_LOGS,
    DEFAULT_MODEL,
    DEFAULT_STORE,
    DEFAULT_URL,
    BotFile,
    CheckpointArgument,
    Corpora,
    Json,
    Logs,
    MaybeCheckpoint,
    ModelConfigFile,
    Name,
    ServerConfig,
    Store,
    Token,
    TokenFile,
    Url,
    checkpoint_of,
)
from todserve.cli.verb_command import VerbCommand, one_of, taking_many
from todserve.runtime.engines.engine_spec import Dtype, EngineName, exported_engines

PANEL = "Serve"
TALK = "Talk"


_FORMATS = [engine.value for engine in exported_engines()]
_DTYPES = sorted({dtype.value for engine in EngineName for dtype in engine.spec.export_dtypes})


def add_serving_verbs(app: typer.Typer) -> None:
    """Add the verbs from ``export`` to ``demo``: pack a model, serve it, talk to it."""
    app.command("export", cls=VerbCommand, rich_help_panel=PANEL)(_export)
    app.command("tune", cls=VerbCommand, rich_help_panel=PANEL)(_tune)
    app.command("archive", cls=VerbCommand, rich_help_panel=PANEL)(_archive)
    app.command("start", cls=taking_many("--name"), rich_help_panel=PANEL)(_start)
    app.command("stop", cls=VerbCommand, rich_help_panel=PANEL)(_stop)
    app.command("chat", cls=VerbCommand, rich_help_panel=TALK)(_chat)
    app.command("demo", cls=VerbCommand, rich_help_panel=TALK)(_demo)


def _export(
    format: Annotated[  # noqa: A002 - the option's name
        str,
        typer.Option(
            "--format",
            metavar="|".join(_FORMATS),
            callback=one_of(_FORMATS),
            help="for which engine",
        ),
    ],
    checkpoint: CheckpointArgument = None,
    option: MaybeCheckpoint = None,
    dtype: Annotated[
        str,
        typer.Option(
            "--dtype",
            metavar="|".join(_DTYPES),
            callback=one_of(_DTYPES),
            help="numbers it computes in",
        ),
    ] = "float32",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="by default below runs/exports")
    ] = None,
    turns: Annotated[
        int | None, typer.Option("--turns", metavar="N", help="of MultiWOZ dev to measure on")
    ] = None,
    no_fidelity: Annotated[bool, typer.Option("--no-fidelity", help="do not measure")] = False,
    corpora: Corpora = None,
) -> None:
    """Write a checkpoint's network for another engine, and measure it."""
    folder = checkpoint_of(checkpoint, option)
    from todserve.fidelity.measured_export import run_export

    run_export(
        checkpoint=folder,
        out=out,
        engine=EngineName(format),
        dtype=Dtype(dtype),
        turns=turns,
        root=corpora,
        measure=not no_fidelity,
    )


def _archive(
    checkpoint: CheckpointArgument = None,
    option: MaybeCheckpoint = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="folder of archives")
    ] = DEFAULT_STORE,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="the model's name")] = "tod",
    version: Annotated[
        str, typer.Option("--version", metavar="N.N", help="the model's version")
    ] = "1.0",
    model_config: ModelConfigFile = None,
) -> None:
    """Pack a checkpoint into a TorchServe archive and try it."""
    folder = checkpoint_of(checkpoint, option)
    from todserve.serving.archive.archive_build import run

    run(checkpoint=folder, out_dir=out, name=name, version=version, model_config=model_config)


def _tune(
    checkpoint: CheckpointArgument = None,
    option: MaybeCheckpoint = None,
    model_config: ModelConfigFile = None,
    config: ServerConfig = DEFAULT_CONFIG,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="to write; by default the one that is read"),
    ] = None,
    turns: Annotated[
        Path | None,
        typer.Option("--turns", metavar="FILE", help="bodies to ask, JSON lines; else the demo's"),
    ] = None,
    clients: Annotated[
        int, typer.Option("--clients", metavar="N", min=2, help="how many ask at once")
    ] = 16,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=0.5, help="of each measurement")
    ] = 6.0,
    memory: Annotated[
        int | None,
        typer.Option("--memory", metavar="MB", min=1, help="most that all workers may take"),
    ] = None,
    json: Json = None,
) -> None:
    """Measure how many workers and threads serve best here, and write it to model-config.yaml."""
    folder = checkpoint_of(checkpoint, option)
    from todserve.serving.capacity.plan_choice import model_config_of, read_turns, run
    from todserve.serving.terminal.painted_lines import json_file, write_json

    source, target = model_config_of(model_config)
    with json_file(json) as file:
        figures = run(
            folder,
            model_config=source,
            config=config,
            turns=read_turns(turns),
            clients=clients,
            seconds=seconds,
            out=out or target,
            memory=None if memory is None else memory * 1_000_000,
        )
        if file is not None:
            write_json(figures, file)


def _start(
    store: Store = DEFAULT_STORE,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name",
            metavar="NAME...",
            help="models to serve side by side, or versions of one (tod tod=tod-2.0); else tod",
        ),
    ] = None,
    config: ServerConfig = DEFAULT_CONFIG,
    logs: Logs = DEFAULT_LOGS,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="until it must have answered")
    ] = 180.0,
) -> None:
    """Start TorchServe and wait until it answers."""
    from todserve.serving.server.server_announcements import run_start

    names = name or [DEFAULT_MODEL]
    run_start(
        store=store,
        name=names[0],
        beside=tuple(names[1:]),
        config=config,
        log_dir=logs,
        ready_timeout=timeout,
    )


def _stop(logs: Logs = DEFAULT_LOGS) -> None:
    """Stop what start has started."""
    from todserve.serving.server.server_announcements import run_stop

    run_stop(log_dir=logs)


def _chat(
    url: Url = DEFAULT_URL,
    name: Name = DEFAULT_MODEL,
    bot: BotFile = None,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Talk to a running server in the terminal."""
    from todserve.serving.terminal.chat import run_chat

    if bot is None:
        run_chat(url=url, name=name, token=token, token_file=token_file)
        return
    from todserve.bot.bot_conversation import open_bot

    run_chat(url=url, name=name, bot=open_bot(bot), token=token, token_file=token_file)


def _demo(
    url: Url = DEFAULT_URL,
    name: Name = DEFAULT_MODEL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Hold a five-turn dialogue with a running server."""
    from todserve.serving.terminal.demo import run_demo

    run_demo(url=url, name=name, token=token, token_file=token_file)
