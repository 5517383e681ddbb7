"""Verbs that look at this machine and change nothing: status, doctor, version.

Example: ``tod doctor && tod start && tod status --json``.
"""

from typing import TYPE_CHECKING

import typer

from todserve.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_LOGS,
    DEFAULT_STORE,
    Json,
    Logs,
    ServerConfig,
    Store,
)
from todserve.cli.verb_command import VerbCommand

if TYPE_CHECKING:
    from todserve.serving.server.server_status import ServerStatus

PANEL = "Look"
_NAMED = ("torch", "torchserve", "onnxruntime", "transformers", "tokenizers", "pydantic")


def add_machine_verbs(app: typer.Typer) -> None:
    """Add ``status``, ``doctor`` and ``version``, which change nothing."""
    app.command("status", cls=VerbCommand, rich_help_panel=PANEL)(_status)
    app.command("doctor", cls=VerbCommand, rich_help_panel=PANEL)(_doctor)
    app.command("version", cls=VerbCommand, rich_help_panel=PANEL)(_version)


def print_version(wanted: bool) -> None:
    """Print the version and leave, where ``--version`` was given."""
    if wanted:
        typer.echo(f"todserve {_version_of('todserve')}")
        raise typer.Exit


def _status(logs: Logs = DEFAULT_LOGS, json: Json = None) -> int:
    """Tell what runs: models, engines, ports, memory; exit status 1 unless all of it can answer."""
    from todserve.serving.server.server_status import read_status
    from todserve.serving.terminal.painted_lines import write_json

    status = read_status(logs)
    if json is not None:
        write_json(status.figures(), json)
    if json is None or str(json) != "-":
        _show(status)
    return 0 if status.ready else 1


def _doctor(
    store: Store = DEFAULT_STORE,
    config: ServerConfig = DEFAULT_CONFIG,
    logs: Logs = DEFAULT_LOGS,
    json: Json = None,
) -> int:
    """Check what serving needs and name the command that mends what lacks; exit status 1 then."""
    from todserve.serving.server.machine_checks import Verdict, check_machine
    from todserve.serving.terminal.painted_lines import say, write_json

    checks = check_machine(store=store, config=config, log_dir=logs)
    missing = [check for check in checks if check.missing]
    if json is not None:
        content = {"well": not missing, "checks": [check.figures() for check in checks]}
        write_json(content, json)
    if json is None or str(json) != "-":
        styles = {Verdict.GOOD: "green", Verdict.OPTIONAL: "dim", Verdict.MISSING: "bold red"}
        for check in checks:
            say(f"{check.verdict:<8} {check.name:<22} {check.found}", style=styles[check.verdict])
            if check.fix:
                say(f"{'':<31} -> {check.fix}")
        say("nothing is missing" if not missing else f"{len(missing)} missing")
    return 1 if missing else 0


def _version(json: Json = None) -> None:
    """Print the version; with --json, those of what it stands on too."""
    if json is None:
        print_version(wanted=True)
    import platform

    from todserve.serving.terminal.painted_lines import write_json

    assert json is not None
    versions = {name: _version_of(name) for name in ("todserve", *_NAMED)}
    write_json(versions | {"python": platform.python_version()}, json)


def _version_of(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _show(status: "ServerStatus") -> None:
    from todserve.serving.terminal.painted_lines import say, say_table

    if status.record is None:
        say("no server of `tod start` runs here; start one with: tod start")
    else:
        record = status.record
        say(f"server since {status.since}, process {record.pid}, {status.memory / 1e6:.0f} MB")
        say(f"  inference   {record.inference_url}")
        say(f"  management  {record.management_url}")
        say(f"  metrics     {record.metrics_url}")
        if not status.answers:
            say("  its management port does not answer; the logs say why", style="bold red")
    if status.models:
        rows = [
            (
                one.name,
                one.version,
                f"{one.engine or '?'} {one.dtype or ''}".strip(),
                f"{sum(worker.ready for worker in one.workers)} of {len(one.workers)} ready",
                " ".join(f"{worker.memory / 1e6:.0f}" for worker in one.workers) + " MB",
                one.since or "-",
            )
            for one in status.models
        ]
        say_table(("model", "version", "engine", "workers", "memory", "since"), rows)
    for gateway in status.gateways:
        ports = ", ".join(map(str, gateway.ports)) or "none yet"
        say(
            f"{gateway.verb} since {gateway.since}, process {gateway.pid}, port {ports}, "
            f"{gateway.memory / 1e6:.0f} MB"
        )
