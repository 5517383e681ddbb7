"""HttpAction and HandOff: what bot.yml says of the services that a bot calls.

Part of ``BotConfig``. Example: ``HttpAction(url="https://shop.example", gives=("status",))``.

A secret stands in none of them: ``${NAME}`` is kept as it is written until a service is called, so
that nothing that shows a configuration shows a secret.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, StringConstraints

Address = Annotated[str, StringConstraints(pattern=r"^(https?://|\$\{)\S+$")]
"""Of a service; its beginning may be a secret, too."""

Name = Annotated[str, StringConstraints(min_length=1)]
_LONGEST_SECONDS = 3_600.0
Seconds = Annotated[float, Field(gt=0, le=_LONGEST_SECONDS)]
Retries = Annotated[NonNegativeInt, Field(le=10)]


class _Called(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    headers: dict[str, str] = {}
    timeout: Seconds = 5.0
    retries: Retries = 2


class HttpAction(_Called):
    """An action that a service does: JSON is posted to it, and JSON comes back.

    Attributes:
        url: its address.
        headers: of every call, such as ``Authorization``.
        send: slots that it is told; empty for all that the form and the bot know.
        gives: what its answer must have; with one missing, the action has failed.
        remember: what of that the bot keeps for later turns.
        says: the response about what it gave, with those values for its placeholders.
        statuses: status of its answer -> the response for it, such as 404 for an unknown order.
        failed: the response when it has certainly not been done; None for ``actions.failed``.
        unsure: the response when nobody knows; None for ``actions.unsure``.
        timeout: seconds of one attempt.
        retries: further attempts, under the same idempotency key.
    """

    url: Address
    send: tuple[Name, ...] = ()
    gives: tuple[Name, ...] = ()
    remember: tuple[Name, ...] = ()
    says: Name | None = None
    statuses: dict[Annotated[int, Field(ge=400, le=499)], Name] = {}
    failed: Name | None = None
    unsure: Name | None = None


class HandOff(_Called):
    """How a person is called, and when the bot speaks again.

    Attributes:
        webhook: address that is told which dialogue waits for a person; None tells nobody.
        headers: of that call.
        transcript: address of the dialogue's text, with ``{dialogue_id}`` in it; the text itself
            is not sent.
        failed: the response when nobody could be called; the bot goes on then.
        back_after: seconds after which the bot speaks again; None waits to be given back.
        back: what it says then, before it answers.
        timeout: seconds of one attempt.
        retries: further attempts, under the same idempotency key.
    """

    webhook: Address | None = None
    transcript: Name = "/v1/dialogues/{dialogue_id}"
    failed: Name = "utter_nobody_there"
    back_after: Annotated[float, Field(gt=0)] | None = None
    back: Name = "utter_back"
