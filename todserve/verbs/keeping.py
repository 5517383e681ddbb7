"""The verb that keeps dialogues: ``tod gateway``, in front of a running server.

Example: ``tod start && tod gateway --database sqlite:///dialogues.sqlite``.
"""

import argparse
from pathlib import Path

from todserve.verbs.adding import Adder


def add_keeping(add: Adder) -> None:
    """Add the verb."""
    gateway = add("gateway", _gateway, "remember dialogues in front of a running server")
    gateway.add_argument("--host", default="127.0.0.1", help="other than loopback needs tokens")
    gateway.add_argument("--port", type=int, default=8090)
    gateway.add_argument(
        "--database", default="sqlite:///tod-dialogues.sqlite", metavar="URL", help="SQLAlchemy URL"
    )
    gateway.add_argument("--url", default="http://127.0.0.1:8080", help="of the running server")
    gateway.add_argument("--name", default="tod", help="name of the model")
    gateway.add_argument(
        "--token-file", type=Path, metavar="FILE", help="bearer tokens that open it, one a line"
    )


def _gateway(arguments: argparse.Namespace) -> None:
    from pydantic import SecretStr, ValidationError

    from todserve.gateway.running import run_gateway
    from todserve.gateway.settings import GatewaySettings
    from todserve.runtime.errors import ConfigError

    try:
        settings = GatewaySettings(
            host=arguments.host,
            port=arguments.port,
            database=arguments.database,
            model_url=arguments.url,
            model_name=arguments.name,
            tokens=tuple(SecretStr(token) for token in _tokens(arguments.token_file)),
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{field}: got {first['input']!r}; {first['msg'].lower()}") from None
    run_gateway(settings)


def _tokens(path: Path | None) -> list[str]:
    from todserve.runtime.errors import ConfigError

    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"cannot read the tokens in {path}: {error}") from error
    tokens = [line.strip() for line in lines if line.strip()]
    if not tokens:
        raise ConfigError(f"{path} holds no token; expected one a line")
    return tokens
