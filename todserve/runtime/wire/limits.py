"""RequestLimits: how much text, and how many turns, one request may bring.

Servers check a request against them while they parse it:
``parse_request(body, limits=RequestLimits())`` refuses what is larger. Example:
``RequestLimits(max_characters=500)`` refuses an utterance of 501 characters.
"""

from pydantic import BaseModel, ConfigDict, PositiveInt


class RequestLimits(BaseModel):
    """Upper bounds of one request; unknown keys are rejected.

    Attributes:
        max_characters: characters of one utterance, of the user or the system.
        max_turns: exchanges of ``history``.
        max_slots: slots of ``state`` over all its domains.
        max_value_characters: characters of one slot value.
        max_name_characters: characters of a domain or slot name.
        max_total_characters: characters of all texts of the request together; the size in bytes
            of a body that arrives as text or bytes may be four times that (UTF-8).
        max_depth: objects and arrays inside one another, the request itself counted.
        max_results: the largest ``top_k``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_characters: PositiveInt = 4_000
    max_turns: PositiveInt = 100
    max_slots: PositiveInt = 200
    max_value_characters: PositiveInt = 200
    max_name_characters: PositiveInt = 64
    max_total_characters: PositiveInt = 100_000
    max_depth: PositiveInt = 6
    max_results: PositiveInt = 20


DEFAULT_LIMITS = RequestLimits()


def most_bytes(limits: RequestLimits) -> int:
    """Return how large a body within the limits can be."""
    # JSON keys and escapes come on top of the texts, hence the factor of UTF-8 and some room.
    return 4 * limits.max_total_characters + 10_000
