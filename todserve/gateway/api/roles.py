"""Roles: who may do what with the API.

The middleware and the routes ask it before they answer a request. Example: a line ``talk 7c0e...``
of a token file lets its bearer hold dialogues and read and delete those, and nothing else.

Each role may do what the one before it may: ``watch`` read the metrics; ``talk`` its own dialogues;
``label`` read all of them, correct them, label examples and export; ``admin`` everything. What
nobody has judged is an admin's.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from enum import IntEnum
from http import HTTPStatus
from typing import Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from todserve.gateway.gateway_errors import ForbiddenError
from todserve.runtime.errors import ConfigError

_DIALOGUE = "/v1/dialogues/{dialogue_id}"


class Role(IntEnum):
    """What a token may do; a greater one may do all that a smaller one may."""

    WATCH = 0
    TALK = 1
    LABEL = 2
    ADMIN = 3


NEEDED: Mapping[tuple[str, str], Role] = {
    ("GET", "/metrics"): Role.WATCH,
    ("POST", "/v1/dialogues"): Role.TALK,
    ("GET", "/v1/dialogues"): Role.TALK,
    ("GET", _DIALOGUE): Role.TALK,
    ("POST", f"{_DIALOGUE}/turns"): Role.TALK,
    ("DELETE", _DIALOGUE): Role.TALK,
    ("GET", "/v1/users/{user_id}"): Role.TALK,
    ("DELETE", "/v1/users/{user_id}"): Role.TALK,
    ("GET", "/webhooks/rest/"): Role.TALK,
    ("POST", "/webhooks/rest/webhook"): Role.TALK,
    ("GET", "/webhooks/callback/"): Role.TALK,
    ("POST", "/webhooks/callback/webhook"): Role.TALK,
    ("GET", "/conversations/{conversation_id}/tracker"): Role.TALK,
    ("GET", "/v1/model"): Role.TALK,
    ("GET", "/v1/models/{name}"): Role.TALK,
    ("POST", "/v1/models/{name}:predict"): Role.TALK,
    ("POST", "/v1/models/{name}:explain"): Role.TALK,
    ("GET", "/v2/models/{name}"): Role.TALK,
    ("GET", "/v2/models/{name}/ready"): Role.TALK,
    ("POST", "/v2/models/{name}/infer"): Role.TALK,
    ("POST", "/v2/models/{name}/explain"): Role.TALK,
    ("GET", "/v2/models/{name}/versions/{number}"): Role.TALK,
    ("GET", "/v2/models/{name}/versions/{number}/ready"): Role.TALK,
    ("POST", "/v2/models/{name}/versions/{number}/infer"): Role.TALK,
    ("POST", f"{_DIALOGUE}/turns/{{index}}/correction"): Role.LABEL,
    ("DELETE", f"{_DIALOGUE}/turns/last/correction"): Role.LABEL,
    ("POST", f"{_DIALOGUE}/compare"): Role.LABEL,
    ("POST", "/v1/proposals"): Role.LABEL,
    ("POST", "/model/parse"): Role.LABEL,
    ("POST", "/v1/examples"): Role.LABEL,
    ("GET", "/v1/examples"): Role.LABEL,
    ("DELETE", "/v1/examples/{example_id}"): Role.LABEL,
    ("GET", "/v1/export"): Role.LABEL,
    ("POST", "/v1/review"): Role.LABEL,
    ("GET", "/v1/queue"): Role.LABEL,
    ("GET", "/v1/agreement"): Role.LABEL,
    ("GET", "/v1/versions"): Role.LABEL,
    ("GET", "/v1/releases"): Role.LABEL,
    ("GET", "/v1/releases/differences"): Role.LABEL,
    ("PUT", "/v1/releases/canary"): Role.ADMIN,
    ("PUT", "/v1/releases/shadow"): Role.ADMIN,
    ("DELETE", "/v1/releases/shadow"): Role.ADMIN,
    ("POST", "/v1/releases/promotion"): Role.ADMIN,
    ("POST", "/v1/releases/rollback"): Role.ADMIN,
    ("DELETE", f"{_DIALOGUE}/hand-off"): Role.ADMIN,
}
"""Method and route -> the least role."""

ASK_THE_MODEL: Set[tuple[str, str]] = frozenset(
    ("POST", route)
    for route in (
        *(f"{_DIALOGUE}/turns", f"{_DIALOGUE}/turns/{{index}}/correction", f"{_DIALOGUE}/compare"),
        *("/v1/proposals", "/v1/review", "/model/parse", "/v1/releases/promotion"),
        *("/webhooks/rest/webhook", "/webhooks/callback/webhook"),
        *("/v1/models/{name}:predict", "/v1/models/{name}:explain"),
        *("/v2/models/{name}/infer", "/v2/models/{name}/explain"),
        "/v2/models/{name}/versions/{number}/infer",
    )
)
"""The routes of NEEDED that have the model answer a turn: they need a place in the waiting room."""


def _pattern(route: str) -> str:
    return "[^/]+".join(map(re.escape, re.split(r"\{\w+\}", route)))


_ASKING = re.compile(
    "|".join(f"{method} {_pattern(route)}" for method, route in sorted(ASK_THE_MODEL))
)
_ADDRESSES = {one: re.compile(_pattern(one)) for one in {route for _, route in NEEDED}}


def asks_the_model(method: str, path: str) -> bool:
    """Return whether a request is for one of the routes of ASK_THE_MODEL."""
    return _ASKING.fullmatch(f"{method} {path}") is not None


def methods_of(path: str) -> list[str]:
    """Return the methods of every route of NEEDED at an address, sorted."""
    return sorted(method for method, route in NEEDED if _ADDRESSES[route].fullmatch(path))


class Token(BaseModel):
    """A bearer token; a text alone, as settings had it before there were roles, is an admin's.

    Attributes:
        role: what it may do, as ``watch``, ``talk``, ``label`` or ``admin``.
        secret: what its bearer sends.
        name: whose it is; what its bearer labels is known to be from there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role = Role.ADMIN
    secret: SecretStr
    name: str | None = Field(None, min_length=1, max_length=128)

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, given: Any) -> Any:
        return {"secret": given} if isinstance(given, str | SecretStr) else given

    @field_validator("role", mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return Role.__members__.get(given.upper(), given) if isinstance(given, str) else given

    @field_validator("secret")
    @classmethod
    def _some_text(cls, given: SecretStr) -> SecretStr:
        if not given.get_secret_value().strip():
            raise ConfigError("tokens: got an empty one; expected a text nobody can guess")
        return given

    @classmethod
    def of_line(cls, line: str) -> "Token":
        """Return the token of a line of a token file.

        A line is ``TOKEN``, which is an admin's, ``ROLE TOKEN``, or ``ROLE TOKEN NAME``.

        Raises:
            ConfigError: no token, a role alone among them; more than one word, and the first is
                no role; or more than three.
        """
        words = line.split()
        if not words or (len(words) == 1 and words[0].upper() in Role.__members__):
            # `talk $SECRET` without its secret would be an admin's token that everybody guesses.
            raise ConfigError(
                "got a line without a token; expected TOKEN, or a role and TOKEN: "
                "give it a text that nobody can guess"
            )
        if len(words) == 1:
            return cls(secret=SecretStr(words[0]))
        role = Role.__members__.get(words[0].upper()) if len(words) <= 3 else None
        if role is None:
            # The line is a secret, and no message repeats one.
            raise ConfigError(
                f"got a line of {len(words)} words that is no token; expected TOKEN, which may do "
                "everything, or a role before it: watch, talk TOKEN, label TOKEN or admin TOKEN, "
                "and after it a name, if it is one person's"
            )
        return cls(role=role, secret=SecretStr(words[1]), name=words[2] if words[2:] else None)

    @property
    def owner(self) -> str:
        """Whose the dialogues are that its bearer begins; nobody can tell the token from it."""
        told = f"todserve dialogues of {self.secret.get_secret_value()}"
        return hashlib.sha256(told.encode()).hexdigest()[:40]


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who sends a request.

    Attributes:
        role: what it may do.
        owner: whose dialogues it begins; None where no token is asked for.
        name: who it is; None where the token has none.
    """

    role: Role = Role.ADMIN
    owner: str | None = None
    name: str | None = None

    @property
    def reads(self) -> str | None:
        """Whose dialogues it may read; None for everybody's."""
        return self.owner if self.role < Role.LABEL else None

    @property
    def writes(self) -> str | None:
        """In whose dialogues it may speak, and whose it may delete; None for everybody's."""
        return self.owner if self.role < Role.ADMIN else None


async def allowed(request: Request) -> None:
    """Refuse whoever may not call the route.

    Raises:
        ForbiddenError: the token's role is too small.
    """
    caller: Caller = request.state.caller
    route = request.scope["route"].path_format
    needed = NEEDED.get((request.method, route), Role.ADMIN)
    if caller.role < needed:
        raise ForbiddenError(
            f"this token may {caller.role.name.lower()}; expected one that may "
            f"{needed.name.lower()} (HTTP {HTTPStatus.FORBIDDEN:d}); ask whoever runs the gateway"
        )


def caller_of(request: Request) -> Caller:
    """Return who sends a request, as the guard found out."""
    caller: Caller = request.state.caller
    return caller


def refuse_foreign_page(request: Request, sites: Collection[str]) -> None:
    """Refuse what a page of another site may send without asking first: no JSON by its type.

    Args:
        request: as it came.
        sites: whose pages may speak all the same; ``*`` for all.

    Raises:
        ForbiddenError: a page of another site, which a browser names in ``Origin``.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    origin = request.headers.get("origin")
    here = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if kind == "application/json" or origin in (None, here) or {"*", origin} & {*sites}:
        return
    raise ForbiddenError(
        "a page of another site; expected one of this, or of a site that the setting cors or "
        "api_cors names"
    )
