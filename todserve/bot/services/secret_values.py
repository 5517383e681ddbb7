"""Secrets: what ``${NAME}`` in bot.yml stands for, read from the environment when a bot is made.

The addresses and headers of HTTP actions and hand-offs get their keys and tokens from it. Example:
``Secrets({"KEY": "k3"}).told("Bearer ${KEY}", "here")`` is ``"Bearer k3"``. A configuration holds
the name alone, so whatever shows one shows no secret.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

from todserve.runtime.errors import ConfigError

_SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Secrets:
    """The values of one environment.

    Args:
        environment: name -> value; None for this process's own.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._told: set[tuple[str, str]] = set()

    def told(self, text: str, place: str) -> str:
        """Return a text of bot.yml with its secrets in it.

        Args:
            text: as it stands there.
            place: where, for the message.

        Raises:
            ConfigError: the environment lacks one; the message has its name.
        """

        def value(found: re.Match[str]) -> str:
            given = self._environment.get(found[1])
            if not given:
                raise ConfigError(
                    f"{place}: got ${{{found[1]}}}, which the environment does not have; expected "
                    f"a value; set {found[1]} before the bot starts"
                )
            self._told.add((found[0], given))
            return given

        return _SECRET.sub(value, text)

    def told_all(self, given: Any, place: str) -> Any:
        """Return whatever JSON bot.yml has with the secrets in its texts."""
        if isinstance(given, str):
            return self.told(given, place)
        if isinstance(given, Mapping):
            return {key: self.told_all(one, f"{place}.{key}") for key, one in given.items()}
        if isinstance(given, list | tuple):
            return [self.told_all(one, place) for one in given]
        return given

    def hidden(self, text: str) -> str:
        """Return a message with the names of secrets in place of the secrets."""
        for name, value in sorted(self._told, key=lambda one: -len(one[1])):
            text = text.replace(value, name)
        return text
