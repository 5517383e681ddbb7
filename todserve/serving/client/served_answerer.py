"""Answering: a running server, an archive or a checkpoint folder, as one thing that answers turns.

Beside the way of a request: ``tod replay --against`` opens its target here. Example:
``with open_answering("archive/store/tod.mar") as model: model.answer([TurnRequest(user="hi")])``.
"""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol, Self

from todserve.runtime.errors import ArchiveError, ConfigError, RequestError
from todserve.runtime.pipeline import TurnPipeline
from todserve.runtime.secret_free import without_secrets
from todserve.runtime.untrusted.json_text import read_json
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import TurnResponse
from todserve.serving.archive.archive_trial import unpack
from todserve.serving.archive.model_config import load_model_config
from todserve.serving.client.tod_client import TodClient

AT_ONCE = 8
"""Requests under way together: enough for a server to fill a batch."""

_MANIFEST = Path("MAR-INF") / "MANIFEST.json"


class Answering(Protocol):
    """Whatever answers turns."""

    def answer(self, requests: Sequence[TurnRequest], /) -> list[TurnResponse | RequestError]:
        """Answer a batch, in its order; a wrong request becomes an error at its own place."""


class ServedModel:
    """A running server in the place of a pipeline, asked by several clients at once.

    Args:
        url: inference address, e.g. ``http://127.0.0.1:8080``.
        name: the model's name on the server.
        token: inference token, where the server asks for one.
        at_once: most requests under way together.
    """

    def __init__(
        self, url: str, *, name: str = "tod", token: str | None = None, at_once: int = AT_ONCE
    ) -> None:
        self._clients = [TodClient(url, name=name, token=token) for _ in range(at_once)]
        self._free: SimpleQueue[TodClient] = SimpleQueue()
        for client in self._clients:
            self._free.put(client)
        self._pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="served-turn")

    def answer(self, requests: Sequence[TurnRequest]) -> list[TurnResponse | RequestError]:
        """Answer a batch, in its order; a wrong request becomes an error at its own place.

        Raises:
            ServerError: no answer, or none that is a turn.
        """
        return list(self._pool.map(self._one, requests))

    def close(self) -> None:
        """Close the connections; requests not yet sent are given up."""
        self._pool.shutdown(cancel_futures=True)
        for client in self._clients:
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *of: object) -> None:
        self.close()

    def _one(self, request: TurnRequest) -> TurnResponse | RequestError:
        client = self._free.get()
        try:
            return client.turn(
                request.user,
                history=request.history,
                state=request.state,
                domain=request.domain,
                tasks=request.tasks,
                top_k=request.top_k,
            )
        except RequestError as error:
            return error
        finally:
            self._free.put(client)


@contextmanager
def open_answering(
    against: str, *, name: str = "tod", token: str | None = None
) -> Iterator[Answering]:
    """Yield what answers turns at ``against``; it is closed afterwards.

    An archive answers in this process with its own checkpoint, engine and decoding; the code is
    this checkout's, not the archive's copy of it.

    Args:
        against: a server's URL, an archive (``.mar``) or a checkpoint folder.
        name: the model's name on a server.
        token: inference token of a server.

    Raises:
        ConfigError: none of the three, or a checkpoint that cannot be opened.
        ArchiveError: an archive that cannot be unpacked.
    """
    if against.startswith(("http://", "https://")):
        with ServedModel(against, name=name, token=token) as served:
            yield served
        return
    path = Path(against)
    with ExitStack() as stack:
        if path.is_file():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tod-answering-")))
            pipeline = _of_archive(path, unpack(path, folder))
        elif path.is_dir():
            pipeline = TurnPipeline.load(path)
        else:
            raise ConfigError(
                f"{without_secrets(against)}: nothing is there; expected a server's URL "
                "(http://...), an archive (tod.mar) or a checkpoint folder"
            )
        stack.callback(pipeline.close)
        yield pipeline


def _of_archive(archive: Path, folder: Path) -> TurnPipeline:
    try:
        model = read_json(folder / _MANIFEST)["model"]
        name, version = str(model["modelName"]), str(model.get("modelVersion", ""))
    except (OSError, ValueError, KeyError) as error:
        raise ArchiveError(
            f"{archive}: no usable {_MANIFEST} ({error}); build it again with `tod archive`"
        ) from None
    handler = load_model_config(folder / "model-config.yaml").handler
    return TurnPipeline.load(
        folder,
        settings=handler.engine,
        constrained=handler.decoding.constrained,
        spelling=handler.reading.spelling,
        model_name=name,
        model_version=version,
    )
