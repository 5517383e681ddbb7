"""The errors of todserve, all descended from one class, and what each means to a caller.

    TodError
    ├── RequestError   one request is wrong; HTTP 400 for that item alone
    ├── ConfigError    a configuration or checkpoint file is wrong
    ├── ArchiveError   an archive cannot be built or verified
    ├── CorpusError    a corpus file does not have the layout its publisher documents
    ├── TrainingError  a training run cannot begin or go on
    ├── DataError      a text that somebody else wrote goes beyond what is read
    └── ServerError    a server cannot be started or stopped, is not there, or answers no turn
        ├── NoConnectionError  nobody listens at the address, or the connection broke
        ├── NoAnswerError      no answer came in time
        ├── BusyServerError    every attempt was told to come again later
        ├── UnknownModelError  the server has no model of that name or version
        └── TokenRefusedError  the server wants another token

Every message says what, got, expected and the fix:
``unknown task 'belief'; expected one of belief_state, dialogue_act, response, intent``.
A malformed generation is no error: the parsers return what they understood plus ``unparsed``.
"""

from collections.abc import Collection
from difflib import get_close_matches
from typing import TYPE_CHECKING

from todserve.runtime.secret_free import without_secrets
from todserve.runtime.untrusted.problem_words import expectation

if TYPE_CHECKING:  # the command line asks for errors alone, and starts without pydantic
    from pydantic import ValidationError


class TodError(Exception):
    """Anything todserve reports on purpose."""


class RequestError(TodError):
    """A request that cannot be answered as asked; becomes HTTP 400 for its own item."""


class ConfigError(TodError):
    """A configuration, schema, format or checkpoint file that contradicts itself."""


class ArchiveError(TodError):
    """An archive that cannot be built or verified."""


class CorpusError(TodError):
    """A corpus file that is missing or not in its publisher's layout."""


class TrainingError(TodError):
    """A training run that cannot begin or go on.

    Its loss rises or is no number whatever is tried, one of its processes has ended, or a package
    that it needs is not installed.
    """


class ServerError(TodError):
    """A server that cannot be started or stopped, is not there, or answers no turn."""


class DataError(TodError, ValueError):
    """JSON or YAML that is none, or beyond the limits; whoever knows the file says which it was.

    Attributes:
        problem: what is wrong.
        line: where, counted from 1; 0 where nobody knows.
    """

    def __init__(self, problem: str, *, line: int = 0) -> None:
        self.problem = problem
        self.line = line
        super().__init__(f"line {line}: {problem}" if line else problem)


class NoConnectionError(ServerError):
    """Nobody listens at the address, or the connection broke before an answer came."""


class NoAnswerError(ServerError):
    """The server took the request and did not answer it in time."""


class BusyServerError(ServerError):
    """The server told every attempt to come again later."""


class UnknownModelError(ServerError):
    """The server is there and has no model of that name or version."""


class TokenRefusedError(ServerError):
    """The server wants a token, or another one."""


def first_problem(error: "ValidationError", known: Collection[str] = ()) -> str:
    """Return the first problem of a rejected configuration: place, what was given, and why not.

    Args:
        error: what the validator found.
        known: the keys that there are at the top, one of which an unknown one may have meant.
    """
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    why = expectation(first)
    if first["type"] == "extra_forbidden":
        close = get_close_matches(place, known, n=1)
        return f"{place}: {why}" + (f"; did you mean {close[0]!r}?" if close else "")
    if first["type"] == "missing":
        return f"{place}: {why}"
    return f"{place}: got {without_secrets(repr(first['input']))}; {why}"


def reason_of(error: Exception) -> str:
    """Return why something could not be read, in one line; of many problems the first."""
    from pydantic import ValidationError  # as late as it is needed: not every command needs it

    return first_problem(error) if isinstance(error, ValidationError) else str(error)
