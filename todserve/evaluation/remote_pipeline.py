"""RemotePipeline: asks a running server for the answers that a pipeline would give in process.

An evaluation of a server uses it where one of a checkpoint uses the pipeline: the same ``answer``,
sent over REST, several requests at once so that the server can batch them.
Example: ``RemotePipeline("http://127.0.0.1:8080", "tod", checkpoint=folder).answer(requests)``.

A figure names the checkpoint it was measured on, so the server's must be known: every answer
carries its checksum, which must be that of a local folder from the first answer to the last. That
folder also lends the schema and the database that scoring needs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import ConfigError, RequestError, ServerError
from todserve.runtime.wire.request import TurnRequest
from todserve.runtime.wire.response import TurnResponse
from todserve.serving.client.client import Client

AT_ONCE = 16
"""Requests under way together: two of the archive's batches, a quarter of the server's queue."""

OVER_REST = "over-rest"
"""Added to a signature's checkpoint: a server may compute with another dtype than we would."""


class RemotePipeline:
    """Answers dialogue turns with a served model.

    Args:
        url: inference address, e.g. ``http://127.0.0.1:8080``.
        name: the model's name on the server.
        checkpoint: the folder that the served archive was made from.
        at_once: most requests under way together.
        timeout: seconds to wait for one answer.
        retries: further attempts while the server is busy or away.
        backoff: seconds before the first retry; doubles with each.
        token: inference token, where the server asks for one.
        token_file: holds it instead, and is read again when it expires.

    Raises:
        ConfigError: the folder is no checkpoint, or not the one that the server has.
        ServerError: the server is not there.
    """

    def __init__(
        self,
        url: str,
        name: str = "tod",
        *,
        checkpoint: Path,
        at_once: int = AT_ONCE,
        timeout: float = 60.0,
        retries: int = 6,
        backoff: float = 0.5,
        token: str | None = None,
        token_file: Path | None = None,
    ) -> None:
        self.checkpoint = Checkpoint.open(checkpoint)
        self._client = Client(
            url,
            name=name,
            token=token,
            token_file=token_file,
            timeout=timeout,
            retries=retries,
            backoff=backoff,
            at_once=at_once,
        )
        self._answered = False
        try:
            # Better to learn of a wrong server before the corpus is read than after. Whatever the
            # model has learnt: one that is asked for another task refuses.
            first = self._client.answer([TurnRequest(user="hello")])[0]
            if isinstance(first, RequestError):
                raise ServerError(f"{self._client.endpoint.shown}: refused a greeting: {first}")
            self._check_model(first)
        except BaseException:
            self.close()
            raise

    def answer(self, requests: Sequence[TurnRequest]) -> list[TurnResponse | RequestError]:
        """Answer a batch, in its order; a wrong request becomes an error at its own place.

        Raises:
            ConfigError: the server's checkpoint is no longer the one it was.
            ServerError: no answer, or none that is a turn.
        """
        answers = self._client.answer(requests)
        for answer in answers:
            if isinstance(answer, TurnResponse):
                self._check_model(answer)
        return answers

    def close(self) -> None:
        """Close connections and database; requests not yet sent are given up."""
        self._client.close()
        self.checkpoint.knowledge.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_model(self, answer: TurnResponse) -> None:
        served, ours = answer.model.checkpoint, self.checkpoint.checksum
        where = f"{self._client.endpoint.shown}: model '{self._client.name}'"
        if served != ours and self._answered:
            raise ConfigError(
                f"{where} answered with checkpoint {served} after {ours}: it was replaced during "
                "the evaluation, whose figures would be of neither; evaluate again"
            )
        if served != ours:
            raise ConfigError(
                f"{where} has checkpoint {served}, {self.checkpoint.folder} is {ours}; expected "
                "the same; pass the folder that the server's archive was made from"
            )
        self._answered = True
