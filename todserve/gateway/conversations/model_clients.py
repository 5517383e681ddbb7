"""The model as a gateway asks it: one client for every thread and every model of the endpoint.

Whatever asks the model in a gateway asks it through this client. Example:
``models.ask("tod", "a train to ely", turns, request_id="4f2a")``.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from todserve.bot.rasa.intent_payload import IntentPayload, outright
from todserve.bot.words_alone import NOBODY
from todserve.corpora.readers.label_names import label
from todserve.gateway.gateway_errors import (
    GatewayError,
    MissingError,
    ModelAwayError,
    RefusedError,
    TooLongError,
)
from todserve.gateway.gateway_metrics import GatewayMetrics
from todserve.gateway.gateway_settings import GatewaySettings
from todserve.gateway.store.records import TurnRecord
from todserve.runtime.errors import (
    DataError,
    RequestError,
    ServerError,
    TokenRefusedError,
    UnknownModelError,
)
from todserve.runtime.untrusted.json_text import parse_json
from todserve.runtime.wire.kserve import as_json
from todserve.runtime.wire.model_description import ModelDescription
from todserve.runtime.wire.response import TurnResponse, encode
from todserve.runtime.wire.turn_events import Whole
from todserve.serving.client.client import Client
from todserve.serving.client.conversation import newest_exchanges

Way = Literal["predictions", "explanations"]
"""What an endpoint is asked for: an answer, or why it is given."""

Told = Callable[[Mapping[str, Any]], None]
"""Is told what was understood, as the JSON of an answer without a reply."""

_READY_SECONDS = 5.0
_DESCRIBED_SECONDS = 60.0
"""How long a description is taken for true; another version may be served under the name."""
_MOST_DESCRIBED = 100
_MOST_AGAIN = 200


_HANDED_BACK = ("content-type", "inference-header-content-length")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Forwarded:
    """An answer of the endpoint, to be handed on as it is."""

    status: int
    content: bytes
    headers: Mapping[str, str]


def bounded(turns: int) -> None:
    """Refuse to ask a model more turns again than one request may occupy it with.

    Raises:
        TooLongError: there are more.
    """
    if turns > _MOST_AGAIN:
        raise TooLongError(
            f"got {turns} turns to ask again; expected at most {_MOST_AGAIN} in one request"
        )


class Models:
    """Asks the models of the endpoint for answers; any number of threads may use it.

    Args:
        settings: name the endpoint.
        metrics: count what is asked.
        place_of: model -> whom to ask, and the address where that is another one.
        reading: whether a model reads the messages of dialogues; not where a bot needs none.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        metrics: GatewayMetrics,
        *,
        place_of: Callable[[str], tuple[str, str | None]] = lambda model: (model, None),
        reading: bool = True,
    ) -> None:
        self._settings = settings
        self._place_of = place_of
        self._elsewhere: dict[str, Client] = {}
        self._lock = threading.Lock()
        self._reading = reading
        self._metrics = metrics
        token = settings.model_token
        self._client = Client(
            settings.model_url,
            name=settings.model_name,
            token=None if token is None else token.get_secret_value(),
            token_file=settings.model_token_file,
            timeout=settings.model_timeout,
            retries=settings.model_retries,
        )
        self._described: dict[str, tuple[float, ModelDescription | None]] = {}

    def ask(
        self,
        model: str,
        user: str,
        turns: Sequence[TurnRecord],
        *,
        request_id: str,
        more: Mapping[str, Mapping[str, str]] | None = None,
        now: str | None = None,
        understood: Told | None = None,
    ) -> TurnResponse:
        """Answer the utterance after ``turns``, which are as they stand.

        Args:
            model: the model's name, with its version if one is meant.
            user: the utterance.
            turns: the newest turns before it, in order.
            request_id: passed on as ``X-Request-ID``.
            more: domain -> slot -> value that the message says outright.
            now: what time it is for the user, where the client tells it; an archive from before
                slots had types refuses it.
            understood: called with what was understood, while the reply is being written.

        Raises:
            MissingError: the endpoint serves no such model.
            ModelAwayError: no answer.
            RefusedError: the endpoint says what is wrong with the message.
        """
        last = turns[-1] if turns else None
        kept = newest_exchanges([one.exchange for one in turns], len(turns))
        request = {
            "user": user,
            "history": [{"user": one.user, "system": one.system} for one in kept],
            "state": _over({} if last is None else last.state, more or {}),
        }
        if last is not None and last.domain is not None:
            request["domain"] = last.domain
        if last is not None and last.corrected_slots:
            request["corrected"] = last.corrected_slots
        if now is not None:
            request["now"] = now
        try:
            with self._metrics.asking():
                client, asked = self._client_of(model)
                if understood is None:
                    return client.send(request, model=asked, request_id=request_id)
                return _told(client, request, asked, request_id, understood)
        except RequestError as error:
            raise RefusedError(str(error)) from None
        except ServerError as error:
            raise self._away(model, error) from None

    def answer(
        self,
        model: str,
        user: str,
        turns: Sequence[TurnRecord],
        *,
        request_id: str,
        filled_by: Callable[[str], Sequence[str]] | None = None,
        now: str | None = None,
        understood: Told | None = None,
    ) -> dict[str, Any]:
        """Return the answer's JSON to a message, which may also be a payload such as ``/greet``.

        A payload's intent and entities stand in the answer in place of what the model made of the
        words; an entity becomes a slot of the active domain, else of the only domain that has it.

        Args:
            model: as ``ask``.
            user: as ``ask``.
            turns: as ``ask``.
            request_id: as ``ask``.
            filled_by: entity -> slots that it fills; None for the slot of its own name.
            now: as ``ask``.
            understood: as ``ask``; of a payload the model has nothing to understand.

        Raises:
            GatewayError: as ``ask``.
        """
        payload = IntentPayload.of(user)
        turns = _since_restart(turns)
        if not self._reading:
            said = encode(TurnResponse(model=NOBODY))
            return said if payload is None else said | outright(payload)
        if payload is None:
            return encode(
                self.ask(model, user, turns, request_id=request_id, now=now, understood=understood)
            )
        last = turns[-1] if turns else None
        more: dict[str, dict[str, str]] = {}
        described = self.describe(model, request_id=request_id) if payload.entities else None
        domains = {} if described is None else described.domains or {}
        for entity, values in payload.entities.items():
            for slot in (label(entity),) if filled_by is None else filled_by(entity):
                having = [name for name, slots in domains.items() if slot in slots]
                active = None if last is None else last.domain
                if active in having or len(having) == 1:
                    place = active if active in having else having[0]
                    more.setdefault(str(place), {})[slot] = values[-1]
        answered = self.ask(model, payload.words, turns, request_id=request_id, more=more, now=now)
        before = {} if last is None else last.state
        return (
            encode(answered)
            | outright(payload)
            | {
                "belief_state": _over(
                    {
                        name: {slot: _carried(value) for slot, value in slots.items()}
                        for name, slots in before.items()
                    },
                    {
                        name: {
                            slot: {"value": value, "confidence": 1.0} for slot, value in one.items()
                        }
                        for name, one in more.items()
                    },
                ),
                "unparsed": {},
            }
        )

    def describe(self, model: str, *, request_id: str) -> ModelDescription | None:
        """Return what the model's labels are; None where its archive cannot tell.

        Raises:
            MissingError: the endpoint serves no such model.
            ModelAwayError: no answer, and none before.
        """
        now = time.monotonic()
        known = self._described.get(model)
        if known is not None and now - known[0] < _DESCRIBED_SECONDS:
            return known[1]
        found: ModelDescription | None
        try:
            client, asked = self._client_of(model)
            found = client.describe(model=asked, request_id=request_id)
        except RequestError:
            found = None
        except ServerError as error:
            if known is not None:
                return known[1]
            raise self._away(model, error) from None
        if len(self._described) >= _MOST_DESCRIBED:
            self._described.pop(next(iter(self._described)), None)
        self._described[model] = now, found
        return found

    def forward(
        self, way: Way, model: str, content: bytes, headers: Mapping[str, str]
    ) -> Forwarded:
        """Hand a body on to whoever answers for a model, as it is, and the answer back.

        Args:
            way: what is asked for.
            model: as ``ask``.
            content: the body.
            headers: what is said of it.

        Raises:
            MissingError: the endpoint serves no such model.
            ModelAwayError: no answer.
        """
        try:
            client, asked = self._client_of(model)
            answer = client.forward(f"/{way}/{asked}", content, headers)
        except ServerError as error:
            raise self._away(model, error) from None
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise MissingError(f"the model endpoint serves no {model!r}; name another model")
        if answer.status_code not in _JUDGED:
            raise ModelAwayError(f"the model gave no answer: HTTP {answer.status_code}")
        kept = {key: answer.headers[key] for key in _HANDED_BACK if key in answer.headers}
        if answer.status_code == HTTPStatus.OK:
            return Forwarded(status=answer.status_code, content=answer.content, headers=kept)
        return Forwarded(
            status=answer.status_code,
            content=_refused(answer.status_code, answer.content),
            headers={"content-type": "application/json"},
        )

    def ready(self) -> bool:
        """Say whether the default model answers right now, or none is needed."""
        return not self._reading or self.answers(None)

    def answers(self, model: str | None) -> bool:
        """Say whether a model answers right now; the default one when None."""
        try:
            client, asked = self._client_of(model or self._settings.model_name)
            return client.ready(_READY_SECONDS, model=asked)
        except TokenRefusedError as error:
            _log.error("%s", error)
            return False

    def close(self) -> None:
        """Close the connections."""
        for client in (self._client, *self._elsewhere.values()):
            client.close()

    def _client_of(self, model: str) -> tuple[Client, str]:
        """Return who answers for a model, and the model to name there."""
        asked, url = self._place_of(model)
        if url is None:
            return self._client, asked
        with self._lock:
            if url not in self._elsewhere:
                # The endpoint's token is none of another server's business.
                self._elsewhere[url] = Client(
                    url,
                    name=asked,
                    timeout=self._settings.model_timeout,
                    retries=self._settings.model_retries,
                )
            return self._elsewhere[url], asked

    def _away(self, model: str, error: ServerError) -> GatewayError:
        # The default one may still be loading; whoever named another will not be helped by waiting.
        if isinstance(error, UnknownModelError) and model != self._settings.model_name:
            return MissingError(f"the model endpoint serves no {model!r}; name another model")
        if isinstance(error, TokenRefusedError):
            # Whoever speaks can do nothing about it; whoever runs the gateway can.
            _log.error("%s", error)
            return ModelAwayError(
                "the model does not know the gateway's token; nothing was stored; whoever runs "
                "the gateway finds the reason in its log"
            )
        return ModelAwayError(f"the model gave no answer; nothing was stored: {error}")


def _told(
    client: Client, request: Mapping[str, object], model: str, request_id: str, understood: Told
) -> TurnResponse:
    for part in client.send_in_parts(request, model=model, request_id=request_id):
        if isinstance(part, Whole):
            return part.turn
        understood(encode(part.turn))
    raise AssertionError("an answer in parts ends with the whole turn")


_JUDGED = (HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _refused(code: int, content: bytes) -> bytes:
    """Return a refusal of the endpoint with the key that KServe's clients look for, too."""
    try:
        said = parse_json(content)
    except DataError:
        said = None
    told = said.get("message") if isinstance(said, dict) else None
    message = told if isinstance(told, str) else "the model refused it"
    body = {"code": code, "type": RefusedError.kind, "message": message}
    return as_json({"error": message, **body})


def _since_restart(turns: Sequence[TurnRecord]) -> Sequence[TurnRecord]:
    """Return the turns behind the newest at which everything was forgotten."""
    begins = max((place + 1 for place, one in enumerate(turns) if one.restarted), default=0)
    return turns[begins:]


def _over(
    state: Mapping[str, Mapping[str, Any]], more: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    return {name: {**state.get(name, {}), **more.get(name, {})} for name in {**state, **more}}


def _carried(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {"value": value, "confidence": None}
