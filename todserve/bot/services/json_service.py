"""JsonService: posts JSON to one address, as often as it takes, under one idempotency key.

HTTP actions and the hand-off to a person call their services with it. Example:
``JsonService("https://shop.example/orders", {}, place="orders").post({}, key="d1:m2").status``.

A call may be sent again because every attempt carries the same key in ``Idempotency-Key``: a
service that keeps its keys does once what it is asked twice. Whoever catches an error learns which
of two it was: ``ActionError`` for what has certainly not been done, ``UnsureActionError`` where
nobody knows.
"""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
import tenacity

from todserve.bot.actions import ActionError
from todserve.bot.services.small_answers import content_of, never_connected, open_session
from todserve.runtime.errors import ConfigError
from todserve.runtime.wire.loopback import LOOPBACK_HOSTS

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 2.0
_COME_AGAIN = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_NOT_DONE = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""Of these, a service says that it has not begun."""


class UnsureActionError(ActionError):
    """An action of which nobody knows whether it was done: the request left, no answer came."""


class Posted(NamedTuple):
    """What a service answered."""

    status: int
    content: bytes


class JsonService:
    """One address to which JSON is posted; for any number of threads.

    Args:
        url: the address.
        headers: of every call.
        place: where it stands in bot.yml, for messages.
        timeout: seconds of one attempt.
        retries: further attempts.

    Raises:
        ConfigError: no HTTP address, or a header that cannot be sent.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        place: str,
        timeout: float = 5.0,
        retries: int = 2,
    ) -> None:
        self._url = url
        self._headers = dict(headers)
        self._place = place
        self._timeout = timeout
        self._retries = retries
        try:
            parts = urlsplit(url)
            known = parts.scheme in ("http", "https") and bool(parts.hostname)
            parts.port  # noqa: B018  # raises where there is a wrong one
        except ValueError:
            known = False
        if not known:
            # Whatever it is, it may hold a secret.
            raise ConfigError(
                f"{place}: got no address; expected one such as https://shop.example/orders"
            )
        self._local = parts.hostname in LOOPBACK_HOSTS
        for name, value in self._headers.items():
            if not value.isprintable() or not value.isascii():
                raise ConfigError(
                    f"{place}.headers.{name}: got a value with characters that no header can "
                    "carry; expected printable ASCII"
                )

    @property
    def seconds(self) -> float:
        """The longest that a call may take, with all its attempts and pauses."""
        return self._timeout * (self._retries + 1) + _LONGEST_PAUSE * self._retries + 1

    def post(self, body: Mapping[str, Any], *, key: str) -> Posted:
        """Post a body, and return the answer, whatever its status, when there is one.

        Args:
            body: JSON.
            key: idempotency key.

        Raises:
            ActionError: nobody listened, or the service said that it had not begun.
            UnsureActionError: no answer, or one that leaves open whether anything was done.
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._retries + 1),
            wait=tenacity.wait_exponential(multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE),
            retry=tenacity.retry_if_exception(_is_worth_another)
            | tenacity.retry_if_result(lambda one: one.status in _COME_AGAIN),
            retry_error_callback=_last,
        )
        unsure = False
        began = time.monotonic()

        def once() -> Posted:
            nonlocal unsure
            try:
                answer = self._post_once(body, key)
            except requests.RequestException as error:
                unsure = unsure or not never_connected(error)
                raise
            unsure = unsure or (answer.status in _COME_AGAIN and answer.status not in _NOT_DONE)
            return answer

        try:
            answer = retrying(once)
        except requests.RequestException as error:
            raise self._failure(type(error).__name__, began, unsure=unsure) from None
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _COME_AGAIN:
            unsure = unsure or answer.status not in _NOT_DONE
            raise self._failure(f"HTTP {answer.status}", began, unsure=unsure)
        return answer

    def _failure(self, got: str, began: float, *, unsure: bool) -> ActionError:
        kind = UnsureActionError if unsure else ActionError
        known = "it may have been done" if unsure else "nothing was done"
        return kind(
            f"{self._place}: got {got} after {time.monotonic() - began:.1f} s and up to "
            f"{self._retries + 1} attempts; expected an answer; {known}; the service's log says why"
        )

    def _post_once(self, body: Mapping[str, Any], key: str) -> Posted:
        with (
            open_session(local=self._local) as session,
            session.post(
                self._url,
                json=body,
                headers={**self._headers, "Idempotency-Key": key},
                timeout=self._timeout,
                # Another address than bot.yml names must not be told what a person said.
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            return Posted(answer.status_code, content_of(answer, self._place))


def _is_worth_another(error: BaseException) -> bool:
    return isinstance(error, requests.ConnectionError | requests.Timeout)


def _last(state: tenacity.RetryCallState) -> Any:
    outcome = state.outcome
    return None if outcome is None else outcome.result()
