"""GatewaySettings: everything that a gateway depends on, in one frozen object.

``tod gateway`` makes it from its options, and `gateway_app` builds the gateway with it. Plain
pydantic, because pydantic-settings would read every field from the environment, where only two
addresses belong; the rest are options, which --help shows. Example:
``GatewaySettings(database="sqlite:///dialogues.sqlite", model_url="http://127.0.0.1:8080")``.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from todserve.gateway.api.roles import Token
from todserve.runtime.errors import ConfigError
from todserve.runtime.wire.loopback import is_loopback

MODEL_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(/[0-9][0-9.]{0,19})?$"
"""A model of the endpoint, e.g. ``tod``, or one version of it: ``tod/1.0``."""

_ORIGIN = re.compile(r"https?://[^\s/,*]+")

# Longer ones than these, infinite ones too, do not fit into a clock.
Seconds = Annotated[float, Field(gt=0, le=1e9)]
Days = Annotated[float, Field(ge=0, le=36_500)]


class GatewaySettings(BaseModel):
    """Where to listen, where to keep dialogues, whom to ask; unknown keys are rejected.

    Attributes:
        host: address to listen on; any other than loopback needs ``tokens``.
        port: 0 lets the system choose.
        database: SQLAlchemy URL; several gateways may share one.
        model_url: the model endpoint's inference address.
        model_name: the model that dialogues are held with unless they name another.
        model_token: the endpoint's inference token, where it asks for one.
        model_token_file: holds it instead, as TorchServe's key_file.json does; read again when the
            endpoint refuses the token.
        model_timeout: seconds for one answer of the model.
        model_retries: further attempts when the endpoint cannot answer.
        releases: folder of the logs of the endpoint's server, where ``tod release`` keeps which
            versions are tried; None where nobody releases here.
        tokens: bearer tokens, each with what it may do; a text alone is an admin's. None leaves
            everything open (loopback only).
        max_body_bytes: largest request body.
        requests_per_minute: of one client and one gateway process; 0 for no limit.
        expire_after: seconds without a turn after which a dialogue takes no more.
        retain_days: days after which a dialogue that nobody touched is deleted; 0 keeps it for
            ever.
        cors: other sites whose pages may use the channels of Rasa, e.g. ``https://shop.example``,
            or ``*`` for any.
        api_cors: other sites whose pages may use the API under ``/v1``; needs ``tokens``, for
            without them every page of such a site could read what anybody here said.
        callback_url: where the callback channel sends what is said.
        socket_sessions: whether a web chat on Socket.IO goes on with its session after a reload.
        open_chat: whether the Socket.IO channel is open to people without a token.
        bot: bot.yml: what is said and done with the model's answers; None says what it says.
        history_turns: newest exchanges that the model is shown.
        low_confidence: a dialogue with a confidence below this is flagged.
        lease_seconds: how long a gateway that died keeps a dialogue from the others.
        patience: seconds that a message waits for the one before it.
        threads: requests under way at once.
        turns_at_once: most of those that ask the model; fewer where it would take them longer than
            ``turn_patience``.
        turns_waiting: messages that wait for one of these places.
        turn_patience: seconds that a message waits for its place.
        connections: at once; fewer where the process may open few files.
        head_seconds: in which the head of a request must come.
        body_seconds: in which the rest of it must.
        log_file: of the log, begun anew when it is full; None for standard error.
        log_format: ``text`` for people, ``json`` for programs: an object a line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    host: str = "127.0.0.1"
    port: int = Field(8090, ge=0, le=65535)
    database: str = "sqlite:///tod-dialogues.sqlite"
    model_url: str = Field("http://127.0.0.1:8080", pattern=r"^https?://[^\s/]\S*$")
    model_name: str = Field("tod", pattern=MODEL_NAME)
    model_token: SecretStr | None = None
    model_token_file: Path | None = None
    model_timeout: Seconds = 30.0
    model_retries: NonNegativeInt = 2
    releases: Path | None = None
    tokens: tuple[Token, ...] = ()
    max_body_bytes: PositiveInt = 256 * 1024
    requests_per_minute: NonNegativeInt = 1200
    expire_after: Seconds = 3600.0
    retain_days: Days = 0.0
    cors: tuple[str, ...] = ()
    api_cors: tuple[str, ...] = ()
    callback_url: str | None = Field(None, pattern=r"^https?://[^\s/]\S*$")
    socket_sessions: bool = False
    open_chat: bool = False
    bot: Path | None = None
    history_turns: int = Field(20, ge=1, le=100)
    low_confidence: float = Field(0.5, ge=0, le=1)
    lease_seconds: Seconds = 5.0
    patience: Seconds = 60.0
    threads: PositiveInt = 64
    turns_at_once: PositiveInt = 32
    turns_waiting: NonNegativeInt = 256
    turn_patience: Seconds = 0.4
    connections: PositiveInt = 2000
    head_seconds: Seconds = 10.0
    body_seconds: Seconds = 30.0
    log_file: Path | None = None
    log_format: Literal["text", "json"] = "text"

    @field_validator("cors", "api_cors", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        # A command line has one text.
        return tuple(given.replace(",", " ").split()) if isinstance(given, str) else given

    @field_validator("cors", "api_cors")
    @classmethod
    def _origins(cls, given: tuple[str, ...], about: ValidationInfo) -> tuple[str, ...]:
        for one in given:
            if one != "*" and not _ORIGIN.fullmatch(one):
                raise ConfigError(
                    f"{about.field_name}: got {one!r}; expected the origin of a site, such as "
                    "https://shop.example, or * for any"
                )
        return given

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not self.tokens and not is_loopback(self.host):
            raise ConfigError(
                f"host: got {self.host}, which others can reach, and no tokens; expected at least "
                "one bearer token; add one, or listen on 127.0.0.1"
            )
        if not self.tokens and self.api_cors:
            raise ConfigError(
                "api_cors: got sites and no tokens; expected tokens, without which any page of "
                "such a site could read all dialogues; give a --token-file"
            )
        return self
