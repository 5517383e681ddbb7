"""Endpoint: where a served model is, how patiently it is asked, and what its answers mean.

The part of both clients that sends nothing itself, so that the blocking and the asynchronous one
cannot differ. Example: ``Endpoint(url="http://127.0.0.1:8080").address()`` is
``http://127.0.0.1:8080/predictions/tod``.

A turn changes nothing on the server, so it is sent again wherever that may help: after a broken
connection, and after a status of ``RETRIED``. The pauses grow, and where the server names one in
``Retry-After``, no shorter one is made. After a time-out nothing is sent again: the server still
works on the first request.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import tenacity
from pydantic import ValidationError

from todserve.runtime.errors import (
    BusyServerError,
    ConfigError,
    DataError,
    NoAnswerError,
    NoConnectionError,
    RequestError,
    ServerError,
    TodError,
    TokenRefusedError,
    UnknownModelError,
)
from todserve.runtime.secret_free import without_secrets
from todserve.runtime.untrusted.json_text import parse_json
from todserve.runtime.wire.loopback import LOOPBACK_HOSTS
from todserve.runtime.wire.model_description import ModelDescription
from todserve.runtime.wire.response import TurnResponse, decode
from todserve.serving.client.answer_limit import PLAIN, AnswerLimit

RETRIED = frozenset(
    {
        # TorchServe answers 500 while a worker dies and comes back (about 7 s), 503 while its queue
        # is full, 507 when a worker ran out of memory; a balancer before it answers the others.
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
        HTTPStatus.INSUFFICIENT_STORAGE,
    }
)
"""Statuses after which the same request is sent again, later."""

LONGEST_ASKED_PAUSE = 60.0
"""Longest Retry-After that is waited for, in seconds; a server that asks for more is given up."""

_LONGEST_PAUSE = 10.0
_WRONG_KEY = "InvalidKeyException"
_FOREIGN_PAGE = "ForeignPageException"  # of archive/guard: the address names another machine
_BROKEN = (httpx.NetworkError, httpx.ConnectTimeout, httpx.RemoteProtocolError)
_TELLING = 8  # characters; a shorter text of a request may stand in a message by chance


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One served model, as its clients see it.

    Attributes:
        url: inference address, e.g. ``http://127.0.0.1:8080``.
        name: the model's name on the server, with its version if one is meant.
        has_token: whether its clients show a token.
        timeout: seconds to wait for one answer.
        retries: further attempts after a broken connection or a status of ``RETRIED``.
        backoff: seconds before the first retry; doubles with each, with jitter.

    Raises:
        ConfigError: a value that cannot be.
    """

    url: str = field(default="http://127.0.0.1:8080", repr=False)
    name: str = "tod"
    has_token: bool = False
    timeout: float = 30.0
    retries: int = 5
    backoff: float = 0.3

    def __post_init__(self) -> None:
        """Check what would only fail later, and less clearly."""
        try:
            parts = urlsplit(self.url)
            host = parts.hostname if parts.port != 0 else None
        except (ValueError, TypeError, AttributeError):
            parts, host = None, None
        if parts is None or parts.scheme not in ("http", "https") or not host:
            raise ConfigError(
                f"url: got {without_secrets(repr(self.url))}; expected an address such as http://127.0.0.1:8080"
            )
        if not isinstance(self.name, str) or not self.name:
            raise ConfigError(f"name: got {self.name!r}; expected the model's name, such as 'tod'")
        if not self.timeout > 0:
            raise ConfigError(f"timeout: got {self.timeout!r}; expected seconds, more than 0")
        if self.retries < 0 or self.backoff < 0:
            raise ConfigError(
                f"retries, backoff: got {self.retries!r}, {self.backoff!r}; expected 0 or more"
            )
        object.__setattr__(self, "url", self.url.rstrip("/"))

    @property
    def shown(self) -> str:
        """The address as messages show it: it may hold a password."""
        return without_secrets(self.url)

    def address(self, model: str | None = None) -> str:
        """Return where the turns of ``model`` go; of the endpoint's own when None."""
        return f"{self.url}/predictions/{model or self.name}"

    def connection(self) -> dict[str, Any]:
        """Return what an ``httpx`` client is made with."""
        return {
            "headers": {"Content-Type": "application/json", **PLAIN},
            # Whoever sends many at once has said so; none of them waits for another's connection.
            "limits": httpx.Limits(max_connections=None, max_keepalive_connections=64),
            # A proxy of the environment must not be asked for this very machine.
            "trust_env": urlsplit(self.url).hostname not in LOOPBACK_HOSTS,
        }

    @property
    def answers(self) -> AnswerLimit:
        """How much of an answer is read."""
        return AnswerLimit(shown=self.shown)

    def patience(self, retries: int | None = None) -> dict[str, Any]:
        """Return what ``tenacity`` is made with; ``retries`` instead of the endpoint's own."""
        growing = tenacity.wait_exponential(multiplier=self.backoff, max=_LONGEST_PAUSE)

        def pause(state: tenacity.RetryCallState) -> float:
            asked = None
            if state.outcome is not None and not state.outcome.failed:
                asked = asked_pause(state.outcome.result())
            # Jitter keeps many clients from returning all at once; none comes too early by it.
            if asked is not None:
                return asked * random.uniform(1.0, 1.25)
            return growing(state) * random.uniform(0.5, 1.0)

        return {
            "stop": tenacity.stop_after_attempt(1 + (self.retries if retries is None else retries)),
            "wait": pause,
            "retry": tenacity.retry_if_exception_type(_BROKEN)
            | tenacity.retry_if_result(_is_worth_another),
            "retry_error_callback": _last,
        }

    def failure(self, error: httpx.HTTPError, timeout: float | None = None) -> ServerError:
        """Return what the last attempt's failure means for the caller."""
        if isinstance(error, httpx.ConnectTimeout):
            return NoConnectionError(f"{self.shown}: cannot connect in time; is the address right?")
        if isinstance(error, httpx.TimeoutException):
            seconds = self.timeout if timeout is None else timeout
            return NoAnswerError(
                f"{self.shown}: no answer within {seconds:g} s; is the server overloaded?"
            )
        said = " ".join(f"{type(one).__name__} {one}" for one in _causes(error)).lower()
        if "refused" in said:
            return NoConnectionError(
                f"{self.shown}: connection refused; is the server up? Start it with: tod start"
            )
        if "gaierror" in said:
            return NoConnectionError(
                f"{self.shown}: the host name cannot be resolved; is the address right?"
            )
        if isinstance(error, _BROKEN):
            return NoConnectionError(
                f"{self.shown}: the connection broke before an answer came; the server's logs "
                "say why"
            )
        return ServerError(f"{self.shown}: {type(error).__name__}; is it a TorchServe?")

    def turn(self, answer: httpx.Response, **sent: Any) -> TurnResponse:
        """Return the turn in an answer; ``sent`` is what ``checked`` takes.

        Raises:
            RequestError: the server refused the request; its message says why.
            ServerError: it is no turn.
        """
        try:
            return decode(self.checked(answer, **sent))
        except ValidationError as error:
            raise self._strange("turn response", error) from None

    def description(self, answer: httpx.Response, **sent: Any) -> ModelDescription:
        """Return the description in an answer; errors as of ``turn``."""
        try:
            return ModelDescription.model_validate_json(self.checked(answer, **sent))
        except ValidationError as error:
            raise self._strange("description", error) from None

    def checked(
        self,
        answer: httpx.Response,
        *,
        body: Mapping[str, object],
        model: str | None = None,
        attempts: int = 1,
    ) -> bytes:
        """Return the content of an answer of status 200.

        Args:
            answer: the last attempt's.
            body: what was sent, so that no message repeats its texts.
            model: instead of the endpoint's own.
            attempts: how often it was sent.

        Raises:
            RequestError: the server refused the request; its message says why.
            ServerError: any other status.
        """
        if answer.status_code == HTTPStatus.OK:
            return answer.content
        raise self._refusal(answer, _message(answer, body), model or self.name, attempts)

    def _refusal(self, answer: httpx.Response, message: str, model: str, attempts: int) -> TodError:
        code = answer.status_code
        if self.refuses_token(answer):
            return self.token_refused(answer)
        if code == HTTPStatus.BAD_REQUEST:
            return RequestError(message)
        if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return RequestError("the request is larger than the server accepts; send less history")
        if code == HTTPStatus.NOT_FOUND:
            return UnknownModelError(
                f"{self.shown}: there is no model named '{model}' ({message}); pass the name it "
                "was archived with"
            )
        if code in RETRIED:
            asked = asked_pause(answer)
            later = "" if asked is None else f", and asks to come again in {asked:.0f} s"
            times = "attempt" if attempts == 1 else "attempts"
            return BusyServerError(
                f"{self.shown}: HTTP {code} after {attempts} {times} ({message}){later}; "
                "the server's logs say why"
            )
        return ServerError(f"{self.shown}: HTTP {code} ({message}); is it a TorchServe?")

    def refuses_token(self, answer: httpx.Response) -> bool:
        """Say whether an answer is about the client's token, not about what was asked."""
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return _kind(answer) != _FOREIGN_PAGE
        # TorchServe says 400 of a wrong or expired token, as of a wrong body.
        return answer.status_code == HTTPStatus.BAD_REQUEST and _kind(answer) == _WRONG_KEY

    def token_refused(self, answer: httpx.Response) -> TokenRefusedError:
        """Return what such an answer means for the caller."""
        got = "a token that it does not know, or no more" if self.has_token else "no token"
        return TokenRefusedError(
            f"{self.shown}: HTTP {answer.status_code}; the server got {got}; pass the inference "
            "key of its key_file.json as token, or the file itself, which is read again"
        )

    def _strange(self, wanted: str, error: ValidationError) -> ServerError:
        return ServerError(
            f"{self.shown}: the answer is no {wanted} ({error.error_count()} problems); "
            f"is '{self.name}' a todserve archive of this version?"
        )


def asked_pause(answer: httpx.Response) -> float | None:
    """Return the seconds a server asks to be left alone for; None where it does not say."""
    asked = answer.headers.get("Retry-After", "").strip()
    if not asked:
        return None
    if asked.isdecimal():
        return float(asked)
    try:
        then = parsedate_to_datetime(asked)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())


def headers_of(request_id: str | None) -> dict[str, str]:
    """Return the headers that one request has for itself."""
    return {} if request_id is None else {"X-Request-ID": request_id}


def _is_worth_another(answer: httpx.Response) -> bool:
    asked = asked_pause(answer)
    return answer.status_code in RETRIED and (asked is None or asked <= LONGEST_ASKED_PAUSE)


def _last(state: tenacity.RetryCallState) -> Any:
    # The last answer or error as it is, instead of tenacity's own.
    return None if state.outcome is None else state.outcome.result()


def _causes(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__


def _kind(answer: httpx.Response) -> object:
    try:
        said = parse_json(answer.content)
    except DataError:
        return None
    return said.get("type") if isinstance(said, dict) else None


def _message(answer: httpx.Response, body: Mapping[str, object]) -> str:
    """Return what the server says, unless it only sends the request's own words back."""
    try:
        said = parse_json(answer.content)
    except DataError:
        said = None
    message = said.get("message") if isinstance(said, dict) else None
    if not isinstance(message, str) or not message:
        # The page of a proxy or of another server, which may hold anything.
        return answer.reason_phrase or "no reason given"
    if any(text in message for text in _texts(body)):
        return "its message repeats the request and is not shown"
    return message


def _texts(body: Mapping[str, object]) -> Iterator[str]:
    history = body.get("history")
    past = [one for one in history if isinstance(one, Mapping)] if isinstance(history, list) else []
    for text in (body.get("user"), *(value for one in past for value in one.values())):
        if isinstance(text, str) and len(text.strip()) >= _TELLING:
            yield text.strip()
