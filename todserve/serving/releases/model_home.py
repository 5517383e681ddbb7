"""ModelHome: the server that has a model's versions, as a release asks it.

The releases and their routes ask it which versions there are. TorchServe tells its versions and can
make another one the default; of any other server, such as Ray Serve or KServe's, only its address
is known and the one version that it serves there. Example:
``PlainHome("http://127.0.0.1:8000", "tod").versions()[0].version``.
"""

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import requests

from todserve.runtime.errors import ConfigError, RequestError, ServerError
from todserve.serving.archive import checksums
from todserve.serving.client.client import Client
from todserve.serving.server.readiness import Probe, workers_of
from todserve.serving.server.server_record import Record

_LOADED_WITHIN = 300.0
_ANSWERED_WITHIN = 60.0
_DESCRIBED_WITHIN = 10.0
"""Seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A version that is served.

    Attributes:
        version: its number, as its archive says.
        answers: whether requests that name no version go to it.
        ready: workers that can answer.
        workers: all of them.
        place: address of the server that serves it, where that is another one than the model's.
    """

    version: str
    answers: bool
    ready: int
    workers: int
    place: str | None = None


class ModelHome(Protocol):
    """A server with a model's versions.

    Attributes:
        inference_url: where turns are answered.
        key_file: TorchServe's key_file.json where it asks for tokens, else None.
    """

    inference_url: str
    key_file: Path | None

    def versions(self) -> tuple[Version, ...]:
        """Return what it serves; ServerError where it does not answer or has no such model."""
        ...

    def make_default(self, version: str) -> None:
        """Let a version answer whoever names none; ServerError where it did not do it."""
        ...

    def load(self, archive: str) -> str:
        """Load an archive beside the others and return its version; errors as of the class."""
        ...


class TorchServeHome:
    """TorchServe, as ``tod start`` started it."""

    def __init__(self, record: Record, model: str) -> None:
        self.inference_url = record.inference_url
        keys = Path(record.temp_dir) / "key_file.json"
        self.key_file = keys if keys.is_file() else None
        self._model = model
        self._store = Path(record.store) if record.store else None
        self._probe = Probe(
            name=model,
            inference_url=record.inference_url,
            management_url=record.management_url,
            key_file=self.key_file,
        )

    def versions(self) -> tuple[Version, ...]:
        """Return what is loaded.

        Raises:
            ServerError: the server has no such model.
        """
        found = self._probe.described("/all")
        default = self._probe.described()
        if not found or not default:
            raise ServerError(
                f"the server has no model {self._model!r}; expected one that `tod status` lists; "
                "name it with --name"
            )
        answering = str(default[0].get("modelVersion"))
        return tuple(
            Version(
                version=str(one.get("modelVersion")),
                answers=str(one.get("modelVersion")) == answering,
                ready=sum(worker.ready for worker in workers_of(one.get("workers", ()))),
                workers=len(one.get("workers", ())),
            )
            for one in found
        )

    def make_default(self, version: str) -> None:
        """Let a version answer whoever names none.

        Raises:
            ServerError: the server did not do it.
        """
        try:
            answer = self._probe.set_default(quote(version, safe=""))
        except (requests.RequestException, ValueError, LookupError) as error:
            raise ServerError(
                f"the management port did not answer ({type(error).__name__}); `tod release list` "
                "says which version answers"
            ) from None
        done = {one.version for one in self.versions() if one.answers}
        if answer.status_code != HTTPStatus.OK or done != {version}:
            raise ServerError(
                f"{self._model} {version}: the server did not make it the one that answers (HTTP "
                f"{answer.status_code}); its logs say why"
            )

    def load(self, archive: str) -> str:
        """Load an archive of the server's store beside what it has loaded, and have it tried.

        Raises:
            ArchiveError: it is not in the store, or not as its checksum says.
            ConfigError: the server lets nobody load anything, or has this version.
            ServerError: it does not load or does not answer; it is unloaded again then.
        """
        file = f"{archive.removesuffix('.mar')}.mar"
        if self.key_file is None:
            raise ConfigError(
                f"{archive}: the server asks for no tokens, so it lets nobody load anything; "
                "expected disable_token_authorization=false and enable_model_api=true in its "
                f"config.properties; or start it with both: tod start --name {self._model} "
                f"{self._model}={file.removesuffix('.mar')}; or serve it elsewhere and name the "
                "address with --at"
            )
        if self._store is None:
            raise ServerError("an earlier version of todserve started the server; start it again")
        checksums.verify(self._store, (file,))
        before = {one.version for one in self.versions()}
        self._register(file)
        found = [one.version for one in self.versions() if one.version not in before]
        if len(found) != 1:
            raise ServerError(f"{file}: the server took it, and shows {len(found)} new versions")
        self._have_answered(found[0])
        return found[0]

    def _register(self, file: str) -> None:
        try:
            answer = self._probe.register(file, _LOADED_WITHIN)
        except (requests.RequestException, ValueError, LookupError) as error:
            raise ServerError(
                f"{file}: the management port did not answer ({type(error).__name__}); `tod "
                "release list` says what is loaded"
            ) from None
        if answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            raise ConfigError(
                f"{file}: the server lets nobody load anything; expected enable_model_api=true in "
                "its config.properties; set it and start it again, this once"
            )
        if answer.status_code == HTTPStatus.CONFLICT:
            raise ConfigError(
                f"{file}: the server has a version of this number; expected another one; pack it "
                "with `tod archive --version`"
            )
        if answer.status_code != HTTPStatus.OK:
            raise ServerError(
                f"{file}: the server did not load it (HTTP {answer.status_code}); its logs say why"
            )

    def _have_answered(self, version: str) -> None:
        """Have a version answer one turn, or unload it."""
        place = quote(version, safe="")
        try:
            status = self._probe.predict(_ANSWERED_WITHIN, version=place).status_code
        except (requests.RequestException, ValueError, LookupError):
            status = HTTPStatus.GATEWAY_TIMEOUT
        if status != HTTPStatus.OK:
            self._probe.unregister(place)
            raise ServerError(
                f"{self._model} {version}: it was loaded, did not answer (HTTP {int(status)}), and "
                "was unloaded; the server's logs say why"
            )


class PlainHome:
    """A server of whatever engine, of which only the address is known."""

    key_file: Path | None = None

    def __init__(self, url: str, model: str) -> None:
        self.inference_url = url
        self._model = model

    def versions(self) -> tuple[Version, ...]:
        """Return the one version that it serves; ServerError where it does not answer."""
        version = served_at(self.inference_url, self._model)
        return (Version(version=version, answers=True, ready=1, workers=1),)

    def make_default(self, version: str) -> None:
        """Nothing is to be done: it has no other."""

    def load(self, archive: str) -> str:
        """Refuse: such a server serves the archive that it was started with.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"{archive}: {self.inference_url} is no TorchServe that `tod start` started here, so "
            "nothing can be loaded into it; serve the archive at another address, and name that "
            "with --at"
        )


class NoHome:
    """The place of a server that does not run; another one may answer meanwhile."""

    inference_url = ""
    key_file: Path | None = None

    def __init__(self, log_dir: Path) -> None:
        self._why = ServerError(
            f"{log_dir}: no server runs; expected one that `tod start` started; start it, name its "
            "folder with --logs, or the address of another with --url"
        )

    def versions(self) -> tuple[Version, ...]:
        """Raise ServerError."""
        raise self._why

    def make_default(self, version: str) -> None:
        """Raise ServerError."""
        raise self._why

    def load(self, archive: str) -> str:
        """Raise ServerError."""
        raise self._why


def home_of(log_dir: Path, model: str, url: str | None) -> ModelHome:
    """Return the server whose record lies in a folder of logs, or else the one at an address."""
    record = Record.load(log_dir)
    if record is not None and record.running:
        return TorchServeHome(record, model)
    return NoHome(log_dir) if url is None else PlainHome(url, model)


def served_at(url: str, model: str) -> str:
    """Return which version of a model answers at an address.

    Raises:
        ServerError: none does, or it does not say.
    """
    try:
        with Client(url, name=model, timeout=_DESCRIBED_WITHIN, retries=0) as client:
            return client.describe().version
    except RequestError:
        raise ServerError(
            f"{url}: the archive of {model} is from before models could tell their version; pack "
            "it again"
        ) from None
