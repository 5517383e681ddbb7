"""ConfigProperties: reads, checks and rewrites TorchServe's config.properties.

``tod start`` works on a copy that it makes with this, with absolute paths and, for tests, other
ports.
Example: ``Frontend.read(Path("config.properties")).inference.port`` is ``8080``.
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from todserve.runtime.errors import ConfigError
from todserve.runtime.torchserve_files import given_or_shipped, torchserve_file
from todserve.runtime.wire.loopback import is_loopback

_ADDRESSES = {
    "inference_address": "http://127.0.0.1:8080",
    "management_address": "http://127.0.0.1:8081",
    "metrics_address": "http://127.0.0.1:8082",
}
_GRPC = {"grpc_inference": 7070, "grpc_management": 7071}
_PATHS = ("metrics_config", "model_store", "workflow_store", "plugins_path")
_AGENT = "-javaagent:"
_KEY = re.compile(r"[A-Za-z0-9_.]+")

CLOSED: Mapping[str, str] = {
    "enable_model_api": "false",
    "allowed_urls": "(?!)",
    "workflow_store": "/dev/null/none",
}
"""What keeps TorchServe from loading code for whoever reaches its ports.

``enable_model_api`` does not cover ``POST /workflows``, whose archive may name any ``.mar`` by any
address; a form in a web page can send it. No address matches ``(?!)``, so nothing is fetched, and
no file can lie below ``/dev/null``, so nothing is found by a plain name or put there.
"""

GUARD = "page_guard.jar"
"""What refuses the requests of foreign pages inside TorchServe's Java; made of archive/guard."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where one of TorchServe's five listeners listens.

    Attributes:
        setting: the key of config.properties to change for another port.
    """

    setting: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """The address for a client on this machine."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 (read, never bound)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{everywhere.get(self.host, host)}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)


@dataclass(frozen=True, kw_only=True, slots=True)
class Frontend:
    """The settings of config.properties that starting and stopping depend on."""

    path: Path
    settings: Mapping[str, str]
    inference: Address
    management: Address
    metrics: Address
    grpc: tuple[Address, ...]

    @classmethod
    def read(cls, path: Path) -> "Frontend":
        """Read the file.

        Raises:
            ConfigError: no file, or an address that is none.
        """
        settings = _read(path)
        http = [_http_address(settings, key) for key in _ADDRESSES]
        grpc = tuple(_grpc_address(settings, key) for key in _GRPC)
        return cls(
            path=path,
            settings=settings,
            inference=http[0],
            management=http[1],
            metrics=http[2],
            grpc=grpc,
        )

    @property
    def addresses(self) -> tuple[Address, ...]:
        """All five listeners."""
        return (self.inference, self.management, self.metrics, *self.grpc)

    @property
    def tokens(self) -> bool:
        """Whether TorchServe asks for its tokens."""
        return self.settings.get("disable_token_authorization", "false").lower() != "true"

    def check(self) -> None:
        """Raise ConfigError for what is unsafe or cannot work."""
        for address in self.addresses:
            if not self.tokens and not address.loopback:
                raise ConfigError(
                    f"{self.path}: {address.setting} is {address.host}, which others can reach, "
                    "and tokens are off; set disable_token_authorization=false, or listen on "
                    "127.0.0.1"
                )
        for setting, closed in CLOSED.items():
            found = self.settings.get(setting, closed)
            if not self.tokens and found != closed:
                raise ConfigError(
                    f"{self.path}: {setting}: got {found!r}; expected {closed!r} while tokens are "
                    "off, or any program here and any page in a browser could have code loaded; "
                    "set it so, or set disable_token_authorization=false"
                )
        by_port: dict[int, str] = {}
        for address in self.addresses:
            other = by_port.setdefault(address.port, address.setting)
            if other != address.setting:
                raise ConfigError(
                    f"{self.path}: {other} and {address.setting} both say port {address.port}; "
                    "give each its own, or a token for one opens both"
                )

    def write(self, target: Path) -> "Frontend":
        """Write the settings to ``target``, paths made absolute, and read them back.

        What the file leaves out of CLOSED is written too: TorchServe's own defaults are open. So is
        the page guard, copied beside ``target``, where Java is to be started.
        """
        base = self.path.resolve().parent
        lines = []
        for key, text in (dict(CLOSED) | dict(self.settings)).items():
            value = str(given_or_shipped(Path(text), base=base)) if key in _PATHS else text
            if value and key != "vmargs":
                lines.append(f"{key}={value}\n")
        lines.append(f"vmargs={' '.join(self._java_arguments())}\n")
        # A path with a blank could not stand among the arguments, a name in Java's folder can.
        shutil.copyfile(torchserve_file("archive", GUARD), target.parent / GUARD)
        target.write_text("".join(lines), encoding="utf-8")
        return Frontend.read(target)

    def _java_arguments(self) -> list[str]:
        """Return vmargs with the page guard among them.

        The log configuration is left out: it is given on the command line instead.
        """
        words = self.settings.get("vmargs", "").split()
        guards = [word for word in words if word.startswith(_AGENT) and GUARD in word]
        names = guards[0].partition("=")[2] if guards else ""
        others = [word for word in words if "log4j.configurationFile" not in word]
        guard = f"{_AGENT}{GUARD}" + (f"={names}" if names else "")
        return [guard, *(word for word in others if word not in guards)]


def _read(path: Path) -> dict[str, str]:
    # TorchServe reads the file twice, in Java and in Python; only `key=value` means the same
    # to both.
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    settings: dict[str, str] = {}
    # Java knows these ends of lines alone, and fewer blanks than Python.
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        stripped = line.strip(" \t")
        if not stripped or stripped.startswith("#"):
            continue
        key, separator, value = stripped.partition("=")
        # A backslash is an escape to Java alone, and a blank or colon before '=' ends its key.
        plain = "\\" not in stripped and stripped.replace("\t", " ").isprintable()
        if not separator or not plain or not _KEY.fullmatch(key.rstrip()):
            raise ConfigError(
                f"{path}: line {number}: got {stripped!r}; expected 'key=value' without a "
                "backslash and without characters that cannot be seen"
            )
        settings[key.strip()] = value.strip()
    return settings


def _http_address(settings: Mapping[str, str], key: str) -> Address:
    url = settings.get(key, _ADDRESSES[key])
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme != "http" or not parts.hostname or port is None:
        raise ConfigError(
            f"{key}: got {url!r}; expected http://HOST:PORT (for TLS put a proxy before it)"
        )
    return Address(setting=key, host=parts.hostname, port=port)


def _grpc_address(settings: Mapping[str, str], key: str) -> Address:
    port = settings.get(f"{key}_port", str(_GRPC[key]))
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"{key}_port: got {port!r}; expected a port number")
    host = settings.get(f"{key}_address", "127.0.0.1")
    return Address(setting=f"{key}_port", host=host, port=int(port))
