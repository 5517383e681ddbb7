"""ModelDescription: the domains, slots, acts and intents that a model can speak of.

A server answers a request for it, and the client, the gateway and the studio show what it names.
Example: the body ``{"describe": true}`` is answered with ``{"name": "tod", "intents":
["find_train", "general"], "domains": {"train": {"day": ["monday", "friday"], "destination": null}},
"acts": ["inform", "request"], ...}``.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from todserve.runtime.errors import RequestError
from todserve.runtime.language.schema import ValueType
from todserve.runtime.wire.key_checks import wrong

DESCRIBE = "describe"
"""The one key of a body that asks for the description."""

_FIX = 'send {"describe": true} alone, or a turn: {"user": "..."}'


class ModelDescription(BaseModel):
    """The domains, slots, acts and intents that a model can name.

    Attributes:
        name: the model's name on its server.
        version: its version.
        checkpoint: the beginning of the sha256 of its weights.
        intents: every intent a user may have.
        domains: domain -> slot -> its only values, or null where any text may stand.
        domain_intents: domain -> the intents it offers.
        acts: every act a reply may have; null where the vocabulary does not tell.
        act_slots: domain of an act -> the slots such an act may name.
        titles: domain -> what people call it; empty for one that nobody speaks of.
        prompts: what a user might say to it, to begin with.
        types: domain -> slot -> the type of its value, of slots that have one.
        intent_shares: intent -> its share of the turns it was trained on; empty where unknown.
        slot_shares: slot as ``train-day`` -> its share of what those turns set or changed.
    """

    # A client reads what it knows and ignores what a newer server adds.
    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    version: str
    checkpoint: str
    intents: tuple[str, ...]
    domains: Mapping[str, Mapping[str, tuple[str, ...] | None]]
    domain_intents: Mapping[str, tuple[str, ...]]
    acts: tuple[str, ...] | None
    act_slots: Mapping[str, tuple[str, ...]]
    titles: Mapping[str, str] = {}
    prompts: tuple[str, ...] = ()
    types: Mapping[str, Mapping[str, ValueType]] = {}
    intent_shares: Mapping[str, float] = {}
    slot_shares: Mapping[str, float] = {}

    @property
    def subjects(self) -> tuple[str, ...]:
        """What it can talk about, as people call it."""
        named = (self.titles.get(domain, domain) for domain in self.domains)
        return tuple(name for name in named if name)


def check_description(body: Mapping[object, object]) -> None:
    """Check a body that asks for the description.

    Raises:
        RequestError: it asks for something else too, or with another value than true.
    """
    if body[DESCRIBE] is not True:
        raise wrong(DESCRIBE, body[DESCRIBE], "true", _FIX)
    if len(body) > 1:
        raise RequestError(f"request: got {len(body) - 1} further keys beside describe; {_FIX}")
