"""The verbs that keep dialogues in front of a running server: ``tod gateway``, ``tod studio``.

Example: ``tod start && tod studio --bot examples/restaurant_booking/bot.yml``.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from todserve.verbs.adding import Adder

if TYPE_CHECKING:
    from todserve.gateway.roles import Token
    from todserve.gateway.settings import GatewaySettings


def add_keeping(add: Adder) -> None:
    """Add the verbs."""
    _options(add("gateway", _gateway, "remember dialogues in front of a running server"))
    _options(add("studio", _studio, "talk to the bot in a browser, see why, and correct it"))


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="other than loopback needs tokens")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument(
        "--database", default="sqlite:///tod-dialogues.sqlite", metavar="URL", help="SQLAlchemy URL"
    )
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="of the running server")
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
    from todserve.gateway.running import run_gateway

    run_gateway(_settings(arguments))


def _studio(arguments: argparse.Namespace) -> None:
    from todserve.studio.running import run_studio

    run_studio(_settings(arguments))


def _settings(arguments: argparse.Namespace) -> "GatewaySettings":
    from pydantic import ValidationError

    from todserve.gateway.settings import GatewaySettings
    from todserve.runtime.checks import nearest
    from todserve.runtime.errors import ConfigError, first_problem

    given: dict[str, Any] = {
        "host": arguments.host,
        "port": arguments.port,
        "database": arguments.database,
        "model_url": arguments.url,
        "model_name": arguments.name,
        "bot": arguments.bot,
        "retain_days": arguments.retain_days,
        "tokens": _tokens(arguments.token_file),
        # Never as KEY=VALUE: everybody on the machine can read a command line.
        "model_token": next(iter(_lines(arguments.model_token_file)), None),
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


def _further(text: str) -> tuple[str, str]:
    from todserve.runtime.errors import ConfigError

    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"got {text!r}; expected KEY=VALUE, such as expire_after=86400")
    return key, value


def _tokens(path: Path | None) -> "tuple[Token, ...]":
    from todserve.gateway.roles import Token
    from todserve.runtime.errors import ConfigError

    try:
        return tuple(map(Token.of_line, _lines(path)))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _lines(path: Path | None) -> list[str]:
    from todserve.runtime.errors import ConfigError

    if path is None:
        return []
    try:
        # Some editors put a mark before the first line, which is no part of its token.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the tokens in {path}: {error}; expected UTF-8 text, one token a line"
        ) from None
    tokens = [line.strip() for line in lines if line.strip()]
    if not tokens:
        raise ConfigError(f"{path} holds no token; expected one a line")
    return tokens
