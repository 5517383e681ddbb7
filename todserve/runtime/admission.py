"""Admission: a request meets the checkpoint, and is refused or becomes work.

Stands between wire and prompts on the way of a request: the wire has checked its form, this
checks what only the checkpoint knows. Example: state ``{"trian": {...}}`` is refused with
``state: unknown domain 'trian', did you mean 'train'?``.
"""

from difflib import get_close_matches

from todserve.runtime.checkpoint import Checkpoint
from todserve.runtime.errors import RequestError
from todserve.runtime.language.text import normalise
from todserve.runtime.tracking.belief_tracking import Memory
from todserve.runtime.wire.request import TurnRequest


def admit(request: TurnRequest, checkpoint: Checkpoint, *, utterance: str) -> Memory:
    """Return what the client remembers, spelled as the schema does.

    Args:
        request: what the client asks.
        checkpoint: what is to answer.
        utterance: the user's words as they are to be read.

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
    limit = checkpoint.format.max_history_tokens - 2  # its start and end token
    ids = checkpoint.tokenizer.encode(normalise(utterance))
    if len(ids) > limit:
        # Tokens mean nothing to the one who typed: the characters that they would have been do.
        characters = len(checkpoint.tokenizer.decode(ids[:limit]))
        raise RequestError(
            f"user: the utterance of {len(request.user)} characters is {len(ids)} tokens long; "
            f"this checkpoint reads at most {limit}, about the first {characters} characters of "
            "it; send a shorter one"
        )
    return Memory(
        state=state,
        confidence=request.state_confidence,
        # Our answers list domains in the order they came up, so the last is the likeliest.
        domain=request.domain or next(reversed(state), None),
    )


def _unknown(what: str, got: str, known: tuple[str, ...]) -> RequestError:
    # Free-text slots have no list; a venue list would fill the screen.
    close = get_close_matches(got.lower()[:64], known[:500], n=1)
    hint = f", did you mean {close[0]!r}?" if close else ""
    expected = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return RequestError(f"{what} {got[:64]!r}{hint}; expected one of {expected}")
