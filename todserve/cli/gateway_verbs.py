"""The verbs that keep dialogues in front of a running server: ``tod gateway``, ``tod studio``.

Example: ``tod start && tod studio --bot examples/restaurant_booking/bot.yml``.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from todserve.cli.options import DEFAULT_LOGS, DEFAULT_MODEL, DEFAULT_URL, BotFile, MaybeLogs, Name
from todserve.cli.verb_command import VerbCommand

DATABASE, MODEL_URL = "TOD_DATABASE", "TOD_MODEL_URL"
"""Variables of the environment with addresses, which may hold passwords."""

_FILE = "sqlite:///tod-dialogues.sqlite"

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="URL", help=f"SQLAlchemy URL; by default ${DATABASE}, or {_FILE}"
    ),
]
DatabaseFile = Annotated[
    Path | None,
    typer.Option(
        "--database-file",
        metavar="FILE",
        help="holds that URL, for one with a password: everybody here can read a command line",
    ),
]

if TYPE_CHECKING:
    from todserve.gateway.api.roles import Token
    from todserve.gateway.gateway_settings import GatewaySettings

PANEL = "Talk"


def add_gateway_verbs(app: typer.Typer) -> None:
    """Add ``gateway`` and ``studio``, which run in front of a model's server."""
    app.command("gateway", cls=VerbCommand, rich_help_panel=PANEL)(_with_settings(_gateway))
    app.command("studio", cls=VerbCommand, rich_help_panel=PANEL)(_with_settings(_studio))


def _gateway(settings: "GatewaySettings") -> None:
    """Remember dialogues in front of a running server."""
    from todserve.gateway.gateway_process import run_gateway

    run_gateway(settings)


def _studio(settings: "GatewaySettings") -> None:
    """Talk to the bot in a browser, see why, and correct it."""
    from todserve.studio.studio_process import run_studio

    run_studio(settings)


def _with_settings(run: Callable[["GatewaySettings"], None]) -> Callable[..., None]:
    """Return the verb of ``run``: both take the same options."""

    def verb(**given: Any) -> None:
        run(_settings(**given))

    verb.__doc__ = run.__doc__
    verb.__signature__ = inspect.signature(_settings)  # type: ignore[attr-defined]
    verb.__annotations__ = dict(_settings.__annotations__) | {"return": None}
    return verb


def _settings(
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="any other setting, e.g. expire_after=86400 (see docs/gateway.md)",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="other than loopback needs tokens")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="0: one that is free")
    ] = 8090,
    database: DatabaseUrl = None,
    database_file: DatabaseFile = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help=f"address of the running server; by default ${MODEL_URL}, or {DEFAULT_URL}",
        ),
    ] = None,
    name: Name = DEFAULT_MODEL,
    bot: BotFile = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help="bearer tokens, one a line: ROLE TOKEN"),
    ] = None,
    model_token_file: Annotated[
        Path | None,
        typer.Option(
            "--model-token-file",
            metavar="FILE",
            help="the running server's key_file.json, or a file with its inference token; read "
            "again when the token expires",
        ),
    ] = None,
    logs: MaybeLogs = None,
    retain_days: Annotated[
        float, typer.Option("--retain-days", metavar="N", help="then delete; 0: keep for ever")
    ] = 0.0,
) -> "GatewaySettings":
    from pydantic import ValidationError

    from todserve.gateway.gateway_settings import GatewaySettings
    from todserve.runtime.errors import first_problem
    from todserve.runtime.wire.key_checks import nearest

    model_url = _address("--url", url, MODEL_URL) or DEFAULT_URL
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "database": database_address(database, database_file),
        "model_url": model_url,
        "model_name": name,
        "bot": bot,
        "releases": logs or _started_here(model_url),
        "retain_days": retain_days,
        "tokens": _tokens(token_file),
        # Never as KEY=VALUE: everybody on the machine can read a command line.
        "model_token": None,
        "model_token_file": model_token_file,
    }
    further = dict(_further(one) for one in settings or ())
    twice = sorted({*given} & {*further})
    if twice:
        raise _wrong(f"{twice[0]}: got it as KEY=VALUE; expected its own option; see --help")
    try:
        return GatewaySettings.model_validate(given | further)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden":
            field = str(first["loc"][0])
            known = tuple(sorted({*GatewaySettings.model_fields} - {*given}))
            raise _wrong(
                f"unknown setting {field!r}{nearest(field, known)}; expected one of "
                f"{', '.join(known)}"
            ) from None
        raise _wrong(first_problem(error)) from None


def _started_here(url: str) -> Path | None:
    """Return the folder of logs here, where the server at an address was started with it."""
    from todserve.serving.server.server_record import Record

    record = Record.load(DEFAULT_LOGS)
    return DEFAULT_LOGS if record is not None and record.inference_url == url.rstrip("/") else None


def database_address(given: str | None, file: Path | None) -> str:
    """Return where dialogues are: of the command line, of a file, of the environment, or ours."""
    if file is None:
        return _address("--database", given, DATABASE) or _FILE
    if given is not None:
        raise typer.BadParameter(
            "got --database-file too; expected one of them", param_hint="--database"
        )
    return _lines(file, "database's address")[0]


def _address(option: str, given: str | None, variable: str) -> str | None:
    """Return an address from the command line, or else from the environment."""
    import os

    from todserve.runtime.secret_free import has_password
    from todserve.serving.terminal.painted_lines import complain

    if given is None:
        return os.environ.get(variable) or None
    if has_password(given):
        complain(
            f"tod: {option}: everybody on this machine can read the password in it; "
            f"put the address into the environment as {variable}"
        )
    return given


def _further(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise _wrong(f"got {text!r}; expected KEY=VALUE, such as expire_after=86400")
    return key, value


def _wrong(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint="KEY=VALUE")


def _tokens(path: Path | None) -> "tuple[Token, ...]":
    from todserve.gateway.api.roles import Token
    from todserve.runtime.errors import ConfigError

    try:
        return tuple(map(Token.of_line, _lines(path, "tokens")))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _lines(path: Path | None, what: str) -> list[str]:
    from todserve.runtime.errors import ConfigError

    if path is None:
        return []
    try:
        # Some editors put a mark before the first line, which is no part of its token.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the {what} in {path}: {error}; expected UTF-8 text, one a line"
        ) from None
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        raise ConfigError(f"{path} holds no {what.removesuffix('s')}; expected one a line")
    return found
