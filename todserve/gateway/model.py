"""The model as a gateway asks it: typed clients, lent to one thread each.

Between the store and the model endpoint on the way of a message. Example:
``models.ask("tod", "a train to ely", turns, request_id="4f2a")``.
"""

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from todserve.gateway.faults import ModelAwayError, RefusedError
from todserve.gateway.records import TurnRecord
from todserve.gateway.settings import GatewaySettings
from todserve.runtime.errors import RequestError
from todserve.runtime.prompts import Exchange
from todserve.runtime.wire import DEFAULT_LIMITS, TurnResponse
from todserve.serving.client import ServerError, TodClient

# The endpoint also bounds all texts of a request together; the state needs some of that too.
_HISTORY_CHARACTERS = DEFAULT_LIMITS.max_total_characters // 2
_READY_SECONDS = 5.0


class _TracedClient(TodClient):
    """A client whose requests carry an id that the endpoint's log can be searched for."""

    def trace(self, request_id: str) -> None:
        self._session.headers["X-Request-ID"] = request_id


class Models:
    """Asks the endpoint; for any number of threads."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._idle: queue.LifoQueue[_TracedClient] = queue.LifoQueue()

    def ask(
        self, model: str, user: str, turns: Sequence[TurnRecord], *, request_id: str
    ) -> TurnResponse:
        """Answer the utterance after ``turns``, which are as they stand.

        Args:
            model: the model's name, with its version if one is meant.
            user: the utterance.
            turns: the newest turns before it, in order.
            request_id: passed on as ``X-Request-ID``.

        Raises:
            ModelAwayError: no answer.
            RefusedError: the endpoint says what is wrong with the message.
        """
        last = turns[-1] if turns else None
        request = {
            "user": user,
            "history": [{"user": one.user, "system": one.system} for one in _history(turns)],
            "state": {} if last is None else last.state,
        }
        if last is not None and last.domain is not None:
            request["domain"] = last.domain
        with self._lent(model, request_id) as client:
            try:
                return client.send(request)
            except RequestError as error:
                raise RefusedError(str(error)) from None
            except ServerError as error:
                raise ModelAwayError(
                    f"the model gave no answer; nothing was stored: {error}"
                ) from None

    def ready(self) -> bool:
        """Say whether the default model answers right now."""
        with self._lent(self._settings.model_name, "ready") as client:
            return client.ready(_READY_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        while not self._idle.empty():
            self._idle.get().close()

    @contextmanager
    def _lent(self, model: str, request_id: str) -> Iterator[TodClient]:
        try:
            client = self._idle.get_nowait()
        except queue.Empty:
            client = self._new()
        client.name = model
        client.trace(request_id)
        try:
            yield client
        finally:
            self._idle.put(client)

    def _new(self) -> _TracedClient:
        token = self._settings.model_token
        return _TracedClient(
            self._settings.model_url,
            self._settings.model_timeout,
            self._settings.model_retries,
            token=None if token is None else token.get_secret_value(),
        )


def _history(turns: Sequence[TurnRecord]) -> list[Exchange]:
    """Return the newest exchanges that the endpoint takes in one request."""
    kept: list[Exchange] = []
    left = _HISTORY_CHARACTERS
    for turn in reversed(turns):
        exchange = turn.exchange
        left -= len(exchange.user) + len(exchange.system)
        if left < 0:
            break
        kept.append(exchange)
    return kept[::-1]
