"""The check of a request against the checkpoint: refuses what does not fit, and says why.

The pipeline calls it before it asks the network anything: the wire has checked the request's form,
this checks what only the checkpoint knows. Example: state ``{"trian": {...}}`` is refused with
``state: unknown domain 'trian', did you mean 'train'?``.
"""

import re
from bisect import bisect_left
from collections.abc import Callable
from difflib import get_close_matches

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import RequestError
from todserve.runtime.language.text import normalise
from todserve.runtime.tracking.belief_tracking import Memory
from todserve.runtime.wire.request import TurnRequest


def admit(
    request: TurnRequest,
    checkpoint: Checkpoint,
    *,
    utterance: str,
    read: Callable[[str], str] = lambda text: text,
) -> Memory:
    """Return what the client remembers, spelled as the schema does.

    Args:
        request: what the client asks.
        checkpoint: what is to answer.
        utterance: the user's words as they are to be read.
        read: brings any words into that form.

    Raises:
        RequestError: an unknown domain or slot, a value the schema refuses, or an utterance
            longer than the checkpoint's context. (A long HISTORY is no error: it is shortened.)
    """
    schema = checkpoint.schema
    if request.domain is not None and request.domain not in schema.domains:
        raise _unknown("domain: unknown domain", request.domain, schema.domains)
    state: dict[str, dict[str, str]] = {}
    for domain, slots in request.state.items():
        if domain not in schema.domains:
            raise _unknown("state: unknown domain", domain, schema.domains)
        for slot, value in slots.items():
            if not schema.has(domain, slot):
                raise _unknown(f"state.{domain}: unknown slot", slot, schema.slots(domain))
            known = schema.normalise_value(domain, slot, value)
            if known is None:
                raise _unknown(
                    f"state.{domain}.{slot}: unknown value", value, schema.values(domain, slot)
                )
            state.setdefault(domain, {})[slot] = known
    for domain, named in request.corrected.items():
        if domain not in schema.domains:
            raise _unknown("corrected: unknown domain", domain, schema.domains)
        for slot in named:
            if not schema.has(domain, slot):
                raise _unknown(f"corrected.{domain}: unknown slot", slot, schema.slots(domain))
    limit = checkpoint.format.max_history_tokens - 2  # its start and end token

    def length(text: str) -> int:
        return len(checkpoint.tokenizer.encode(normalise(text)))

    tokens = length(utterance)
    if tokens > limit:
        # Tokens mean nothing to the one who typed: the characters that they would have been do.
        fitting = _fitting(request.user, lambda text: length(read(text)) <= limit)
        raise RequestError(
            f"user: the utterance of {len(request.user)} characters is {tokens} tokens long; "
            f"this checkpoint reads at most {limit}, which the first {fitting} characters of it "
            "keep to; send those, or a shorter one"
        )
    return Memory(
        state=state,
        confidence=request.state_confidence,
        meant=request.state_meant,
        corrected=request.corrected,
        # Our answers list domains in the order they came up, so the last is the likeliest.
        domain=request.domain or next(reversed(state), None),
    )


def _fitting(text: str, fits: Callable[[str], bool]) -> int:
    """Return how many of the first characters fit, cut between words where there are any."""
    ends = [match.start() for match in re.finditer(r"\s+", text)] or range(len(text))
    place = bisect_left(ends, True, key=lambda end: not fits(text[:end]))
    # What is read of a beginning need not be the beginning of what is read of all.
    while place and not fits(text[: ends[place - 1]]):
        place -= 1
    return ends[place - 1] if place else 0


def _unknown(what: str, got: str, known: tuple[str, ...]) -> RequestError:
    # Free-text slots have no list; a venue list would fill the screen.
    close = get_close_matches(got.lower()[:64], known[:500], n=1)
    hint = f", did you mean {close[0]!r}?" if close else ""
    expected = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return RequestError(f"{what} {got[:64]!r}{hint}; expected one of {expected}")
