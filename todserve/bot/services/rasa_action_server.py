"""RasaActionServer: actions in a rasa-sdk action server, run by name over HTTP.

The bot calls it after the model answered, where bot.yml names an action that its own module lacks.
Example: ``RasaActionServer("http://127.0.0.1:5055/webhook").run("action_book", dispatcher, tracker,
{})``.

An action is asked for once: it may have booked a table although its answer never came. Only a
refused connection, behind which nothing ran, is tried again. What the server says of its errors
stays there, since it repeats the request with the user's words in it.

Source of names and statuses: the HTTP endpoint of rasa-sdk 3.21.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import tenacity
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from todserve.bot.action_events import Event
from todserve.bot.actions import ActionError, as_events
from todserve.bot.dialogue_tracker import Tracker
from todserve.bot.message_dispatcher import Dispatcher
from todserve.bot.services.small_answers import content_of, open_session, refused
from todserve.runtime.errors import ConfigError, DataError
from todserve.runtime.untrusted.json_text import parse_json
from todserve.runtime.wire.loopback import LOOPBACK_HOSTS

SPOKEN_VERSION = "3.21.1"
"""Version named in requests; a server of another minor version warns in its own log, no more."""

_LOOK_SECONDS = 5.0
_LONGEST_PAUSE = 2.0
# Without any key a server would go on with the domain that its last caller sent.
_EMPTY_DOMAIN: Mapping[str, Any] = {
    "intents": [],
    "entities": [],
    "slots": {},
    "responses": {},
    "actions": [],
    "forms": {},
}
_NOTHING: tuple[object, ...] = (None, "", [], {})


class ActionRejectedError(ActionError):
    """The action itself declined to run; nothing failed."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    events: list[dict[str, Any]] | None = None
    responses: list[dict[str, Any]] | None = None


class _Named(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str


_NAMES = TypeAdapter(list[_Named])


class RasaActionServer:
    """The actions of one server; for any number of threads.

    Args:
        endpoint: its webhook, as ``action_endpoint`` of an endpoints.yml has it.
        timeout: seconds that one action may take.
        retries: further attempts when nobody listens at the address.
        backoff: seconds before the first of them; doubles with each.

    Raises:
        ConfigError: ``endpoint`` is no HTTP address.
    """

    def __init__(
        self, endpoint: str, timeout: float = 10.0, *, retries: int = 3, backoff: float = 0.2
    ) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._retries = retries
        self._backoff = backoff
        try:
            parts = urlsplit(endpoint)
            port = parts.port
        except ValueError:
            # Python's own message repeats what stands there, which may be of a password.
            raise ConfigError(_wrong_address("one whose host or port cannot be read")) from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(_wrong_address(f"scheme {parts.scheme!r}, host {parts.hostname!r}"))
        # An address may hold a password, which no message shows.
        self._shown = parts.hostname if port is None else f"{parts.hostname}:{port}"
        self._local = parts.hostname in LOOPBACK_HOSTS

    def names(self) -> frozenset[str]:
        """Return the actions that the server lists; asks it every time.

        Raises:
            ActionError: it cannot be asked.
        """
        _, content = self._look("actions")
        try:
            return frozenset(one.name for one in _NAMES.validate_json(content))
        except ValidationError:
            raise ActionError(
                f"{self._shown}: got something else than a list of actions; expected a rasa-sdk "
                "action server; correct actions.endpoint"
            ) from None

    def ready(self) -> bool:
        """Say whether the server answers right now."""
        try:
            return self._look("health")[0] == HTTPStatus.OK
        except ActionError:
            return False

    def run(
        self, name: str, dispatcher: Dispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[Event]:
        """Run one, and hand what it says to ``dispatcher``.

        Raises:
            ActionRejectedError: the action declined.
            ActionError: no answer, or none of an action's.
        """
        call = {
            "next_action": name,
            "sender_id": tracker.sender_id,
            "tracker": tracker.current_state(),
            "domain": {**_EMPTY_DOMAIN, **domain},
            "version": SPOKEN_VERSION,
        }
        status, content = self._post(name, call)
        if status != HTTPStatus.OK:
            raise self._refusal(name, status, content)
        try:
            said = _Answer.model_validate_json(content)
        except ValidationError as error:
            raise ActionError(
                f"{self._shown}: action {name!r}: got an answer with {error.error_count()} "
                "problems; expected events and responses; is it a rasa-sdk action server?"
            ) from None
        events = as_events(name, said.events)
        for message in said.responses or ():
            _say(dispatcher, message)
        return events

    def _post(self, name: str, call: Mapping[str, Any]) -> tuple[int, bytes]:
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._retries + 1),
            wait=tenacity.wait_exponential(multiplier=self._backoff, max=_LONGEST_PAUSE),
            retry=tenacity.retry_if_exception(_is_worth_another),
            reraise=True,
        )
        try:
            return retrying(self._post_once, name, call)
        except requests.ConnectTimeout:
            failure = f"cannot connect within {self._timeout:g} s; nothing ran"
        except requests.Timeout:
            raise ActionError(
                f"{self._shown}: action {name!r}: got no answer within {self._timeout:g} s; "
                "expected one; it may have run, and is not asked again; make it quicker, or raise "
                "actions.timeout"
            ) from None
        except requests.RequestException as error:
            if not refused(error):
                raise ActionError(
                    f"{self._shown}: action {name!r}: the connection broke "
                    f"({type(error).__name__}) before an answer came; it may have run, and is not "
                    "asked again; the server's log says why"
                ) from None
            failure = f"connection refused {self._retries + 1} times; nothing ran"
        raise ActionError(
            f"{self._shown}: action {name!r}: {failure}; expected a rasa-sdk action server; start "
            "it, or correct actions.endpoint"
        )

    def _post_once(self, name: str, call: Mapping[str, Any]) -> tuple[int, bytes]:
        # A new connection each time: one kept open may be closed by the server just as it is used,
        # and then nobody knows whether the action ran.
        with (
            open_session(local=self._local) as session,
            session.post(
                self._endpoint,
                json=call,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            return answer.status_code, content_of(answer, f"{self._shown}: action {name!r}")

    def _look(self, path: str) -> tuple[int, bytes]:
        with open_session(local=self._local) as session:
            try:
                address = urljoin(self._endpoint, path)
                with session.get(address, timeout=_LOOK_SECONDS, stream=True) as answer:
                    return answer.status_code, content_of(answer, f"{self._shown} at /{path}")
            except requests.RequestException as error:
                raise ActionError(
                    f"{self._shown}: got {type(error).__name__} at /{path}; expected a rasa-sdk "
                    "action server; start it, or correct actions.endpoint"
                ) from None

    def _refusal(self, name: str, code: int, content: bytes) -> ActionError:
        of_action = _names_action(content)
        if code == HTTPStatus.BAD_REQUEST and of_action:
            return ActionRejectedError(f"{self._shown}: action {name!r} declined to run")
        if code == HTTPStatus.NOT_FOUND and of_action:
            return ActionError(
                f"{self._shown}: unknown action {name!r}; expected one that the server lists at "
                "/actions; correct bot.yml, or register the action there"
            )
        if code == HTTPStatus.NOT_FOUND:
            return ActionError(
                f"{self._shown}: got HTTP 404 for action {name!r}; expected a webhook, such as "
                "http://127.0.0.1:5055/webhook; correct actions.endpoint"
            )
        return ActionError(
            f"{self._shown}: action {name!r}: got HTTP {code}; expected an answer; it may have "
            "run in part, and is not asked again; the server's log says why"
        )


def _say(dispatcher: Dispatcher, message: Mapping[str, Any]) -> None:
    """Say what a server's message says, as the same action would in this process."""
    known = ("text", "response", "template", "custom")
    values = {
        key: value
        for key, value in message.items()
        if key not in known and key.isidentifier() and value not in _NOTHING
    }
    if message.get("custom"):
        values["json_message"] = message["custom"]
    text = message.get("text")
    response = message.get("response") or message.get("template")
    dispatcher.utter_message(
        None if text is None else str(text),
        response=None if response is None else str(response),
        **values,
    )


def _is_worth_another(error: BaseException) -> bool:
    return refused(error) and not isinstance(error, requests.Timeout)


def _names_action(content: bytes) -> bool:
    try:
        body = parse_json(content)
    except DataError:
        return False
    return isinstance(body, dict) and "action_name" in body


def _wrong_address(got: str) -> str:
    return f"actions.endpoint: got {got}; expected an address such as http://127.0.0.1:5055/webhook"
