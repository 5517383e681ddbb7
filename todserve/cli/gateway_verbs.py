"""The verbs that keep dialogues in front of a running server: ``tod gateway``, ``tod studio``.

Example: ``tod start && tod studio --bot examples/restaurant_booking/bot.yml``.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from todserve.cli.verb_parser import Adder

DATABASE, MODEL_URL = "TOD_DATABASE", "TOD_MODEL_URL"
"""Variables of the environment with addresses, which may hold passwords."""

_FILE = "sqlite:///tod-dialogues.sqlite"
_SERVER = "http://127.0.0.1:8080"

if TYPE_CHECKING:
    from todserve.gateway.api.roles import Token
    from todserve.gateway.gateway_settings import GatewaySettings


def add_keeping(add: Adder) -> None:
    """Add the verbs."""
    _options(add("gateway", _gateway, "remember dialogues in front of a running server"))
    _options(add("studio", _studio, "talk to the bot in a browser, see why, and correct it"))


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="other than loopback needs tokens")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument(
        "--database", metavar="URL", help=f"SQLAlchemy URL; by default ${DATABASE}, or {_FILE}"
    )
    parser.add_argument(
        "--database-file",
        type=Path,
        metavar="FILE",
        help="holds that URL, for one with a password: everybody here can read a command line",
    )
    parser.add_argument(
        "--url", help=f"of the running server; by default ${MODEL_URL}, or {_SERVER}"
    )
    parser.add_argument("--name", default="tod", help="name of the model")
    parser.add_argument(
        "--bot", type=Path, metavar="FILE", help="bot.yml: templates, forms, actions"
    )
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="bearer tokens, one a line: ROLE TOKEN"
    )
    parser.add_argument(
        "--model-token-file", type=Path, metavar="FILE", help="the running server's inference token"
    )
    parser.add_argument(
        "--retain-days", type=float, default=0.0, metavar="N", help="then delete; 0: keep for ever"
    )
    parser.add_argument(
        "settings",
        nargs="*",
        metavar="KEY=VALUE",
        help="any other setting, e.g. expire_after=86400 (see docs/gateway.md)",
    )


def _gateway(arguments: argparse.Namespace) -> None:
    from todserve.gateway.gateway_process import run_gateway

    run_gateway(_settings(arguments))


def _studio(arguments: argparse.Namespace) -> None:
    from todserve.studio.studio_process import run_studio

    run_studio(_settings(arguments))


def _settings(arguments: argparse.Namespace) -> "GatewaySettings":
    from pydantic import ValidationError

    from todserve.gateway.gateway_settings import GatewaySettings
    from todserve.runtime.errors import ConfigError, first_problem
    from todserve.runtime.wire.key_checks import nearest

    given: dict[str, Any] = {
        "host": arguments.host,
        "port": arguments.port,
        "database": _database(arguments),
        "model_url": _address("--url", arguments.url, MODEL_URL) or _SERVER,
        "model_name": arguments.name,
        "bot": arguments.bot,
        "retain_days": arguments.retain_days,
        "tokens": _tokens(arguments.token_file),
        # Never as KEY=VALUE: everybody on the machine can read a command line.
        "model_token": next(iter(_lines(arguments.model_token_file, "token")), None),
    }
    further = dict(_further(one) for one in arguments.settings)
    twice = sorted({*given} & {*further})
    if twice:
        raise ConfigError(f"{twice[0]}: got it as KEY=VALUE; expected its own option; see --help")
    try:
        return GatewaySettings.model_validate(given | further)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden":
            field = str(first["loc"][0])
            known = tuple(sorted({*GatewaySettings.model_fields} - {*given}))
            raise ConfigError(
                f"unknown setting {field!r}{nearest(field, known)}; expected one of "
                f"{', '.join(known)}"
            ) from None
        raise ConfigError(first_problem(error)) from None


def _database(arguments: argparse.Namespace) -> str:
    from todserve.runtime.errors import ConfigError

    if arguments.database_file is None:
        return _address("--database", arguments.database, DATABASE) or _FILE
    if arguments.database is not None:
        raise ConfigError("got --database and --database-file; expected one of them")
    return _lines(arguments.database_file, "database's address")[0]


def _address(option: str, given: str | None, variable: str) -> str | None:
    """Return an address from the command line, or else from the environment."""
    import os
    import sys

    from todserve.runtime.secret_free import has_password

    if given is None:
        return os.environ.get(variable) or None
    if has_password(given):
        print(
            f"tod: {option}: everybody on this machine can read the password in it; "
            f"put the address into the environment as {variable}",
            file=sys.stderr,
        )
    return given


def _further(text: str) -> tuple[str, str]:
    from todserve.runtime.errors import ConfigError

    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"got {text!r}; expected KEY=VALUE, such as expire_after=86400")
    return key, value


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
