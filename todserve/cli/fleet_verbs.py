"""Verbs that serve an archive by another engine than TorchServe: ``tod serve kserve|ray``.

Example: ``tod archive checkpoints/multiwoz && tod serve kserve``.
"""

from pathlib import Path
from typing import Annotated

import typer

from todserve.cli.options import DEFAULT_STORE
from todserve.cli.verb_command import VerbCommand

PANEL = "Serve"

_Archive = Annotated[
    Path, typer.Argument(metavar="ARCHIVE", help="what `tod archive` wrote", show_default=True)
]
_Host = Annotated[str, typer.Option("--host", metavar="HOST", help="other than loopback: --open")]
_Open = Annotated[
    bool,
    typer.Option("--open", help="let whoever reaches HOST ask: these servers ask for no token"),
]
_Port = Annotated[
    int, typer.Option("--port", metavar="N", min=0, max=65535, help="of HTTP; 0: one that is free")
]


def add_fleet_verbs(app: typer.Typer) -> None:
    """Add ``serve``, which runs the model on other servers than TorchServe."""
    serve = typer.Typer(help="Serve an archive by another engine than TorchServe, until Ctrl-C.")
    serve.command("kserve", cls=VerbCommand)(_kserve)
    serve.command("ray", cls=VerbCommand)(_ray)
    app.add_typer(serve, name="serve", rich_help_panel=PANEL)


def _kserve(
    archive: _Archive = DEFAULT_STORE / "tod.mar",
    host: _Host = "127.0.0.1",
    port: _Port = 8080,
    grpc_port: Annotated[
        int,
        typer.Option("--grpc-port", metavar="N", min=0, max=65535, help="0: one that is free"),
    ] = 8085,
    open_to_all: _Open = False,
) -> None:
    """Serve by KServe's own server: Open Inference Protocol, REST and gRPC."""
    _check_host(host, open_to_all=open_to_all)
    _check_installed("kserve", "`make kserve` starts it in one of its own, .venv-kserve")
    from todserve.fleet.kserve_process import run_kserve

    run_kserve(archive, host=host, port=port, grpc_port=grpc_port, guarded=not open_to_all)


def _ray(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="Ray Serve's own file, as a cluster takes it")
    ] = Path("deploy/ray/serve.yaml"),
    archive: Annotated[
        Path | None,
        typer.Option("--archive", metavar="FILE", help="instead of the one in CONFIG"),
    ] = None,
    host: _Host = "127.0.0.1",
    port: _Port = 8080,
    open_to_all: _Open = False,
) -> None:
    """Serve by Ray Serve on this machine: replicas by the length of the queue."""
    _check_host(host, open_to_all=open_to_all)
    _check_installed("ray", "`make ray` adds it to this one")
    from todserve.fleet.ray_environment import keep_to_this_machine

    keep_to_this_machine()  # before Ray is imported
    from todserve.fleet.ray_process import run_ray

    run_ray(config, host=host, port=port, archive=archive, guarded=not open_to_all)


def _check_installed(package: str, fix: str) -> None:
    from importlib.util import find_spec

    from todserve.runtime.errors import ConfigError

    if find_spec(package) is None:
        raise ConfigError(
            f"{package} is not installed in this environment; expected todserve[{package}]; in a "
            f"checkout {fix}"
        )


def _check_host(host: str, *, open_to_all: bool) -> None:
    from todserve.runtime.wire.loopback import is_loopback

    if not open_to_all and not is_loopback(host):
        raise typer.BadParameter(
            f"got {host}; expected loopback, for this server asks nobody for a token; put a "
            "gateway or a network policy before it and add --open",
            param_hint="--host",
        )
