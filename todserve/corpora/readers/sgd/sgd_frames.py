"""The frames of a Schema-Guided turn as belief state, intent, acts and placeholders.

The readers of Schema-Guided Dialogue and MultiWOZ 2.2 translate the publisher's frames with it.
Example: the system action ``{"act": "REQUEST", "slot": "city"}`` of service Restaurants_1 is
``Restaurants_1 / request / city``.
"""

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

from todserve.runtime.language.dialogue import GENERAL, BeliefState, DialogueAct
from todserve.runtime.language.schema import Schema

Frame = Mapping[str, Any]

# Acts that no service owns carry the names MultiWOZ's have, so that corpora teach each other.
_GENERAL_ACTS = {"GOODBYE": "bye", "REQ_MORE": "reqmore"}
_NO_VALUE = frozenset({"true", "false", "dontcare", ""})


def own_slot(service: str, name: str) -> str:
    """Return the name of a service's slot without the service, which MultiWOZ 2.2 puts before."""
    return name.removeprefix(f"{service}-")


def frame_state(
    frame: Frame, schema: Schema, canonical: Set[tuple[str, str]]
) -> tuple[dict[str, str], list[str]]:
    """Return slot -> value of a user frame's service, and the pairs that had to be changed.

    A slot lists every way its value was said ("march 1st", "today"). The first that is one of
    the schema's values stands, else the first that the actions spell as canonical, else the
    first: never a value that nobody said, which a model could only guess.

    Args:
        frame: with ``service`` and ``state``.
        schema: of the split.
        canonical: (slot, canonical value) pairs of the dialogue's actions so far.
    """
    service = frame["service"]
    state: dict[str, str] = {}
    unknown: list[str] = []
    for name, variants in frame["state"]["slot_values"].items():
        slot = own_slot(service, name)
        if not variants:
            continue
        spelled = [schema.normalise_value(service, slot, one) for one in variants]
        known = schema.values(service, slot)
        value = next((one for one in spelled if one is not None and one in known), None)
        if value is None:
            said = next((at for at, one in enumerate(variants) if (slot, one) in canonical), 0)
            value = spelled[said]
        if value is None:
            value = " ".join(variants[0].lower().split())
            unknown.append(f"{service} {slot} {variants[0]!r}")
        state[slot] = value
    return state, unknown


def canonical_values(frames: Sequence[Frame]) -> set[tuple[str, str]]:
    """Return the (slot, canonical value) pairs of the actions; none in files that lack them."""
    return {
        (own_slot(frame["service"], action["slot"]), value)
        for frame in frames
        for action in frame.get("actions", ())
        for value in action.get("canonical_values", ())
    }


def leading_frame(
    frames: Sequence[Frame],
    states: Mapping[str, Mapping[str, str]],
    previous: BeliefState,
    intents: Mapping[str, str],
    answering: str | None,
) -> Frame:
    """Return the user frame the turn is about.

    The one that starts an intent (by its action, or by differing from the service's last
    ``active_intent``), else the one whose state changed, else the one the system answers, else
    the first. Files of the first release have no user actions, hence the comparison.

    Args:
        frames: of the user turn, at least one.
        states: service -> its state now.
        previous: the state before the turn.
        intents: service -> its active intent before the turn.
        answering: the service of the system's reply.
    """

    def weight(frame: Frame) -> tuple[bool, bool, bool, bool]:
        service = frame["service"]
        intent = frame["state"]["active_intent"]
        started = any(one["act"] == "INFORM_INTENT" for one in frame.get("actions", ()))
        return (
            started or (intent != "NONE" and intents.get(service) != intent),
            dict(previous.get(service, {})) != dict(states[service]),
            bool(frame["state"]["requested_slots"]),
            service == answering,
        )

    return max(frames, key=weight)


def frame_intent(frame: Frame) -> str:
    """Return the active intent; ``general`` for NONE."""
    intent = str(frame["state"]["active_intent"])
    return GENERAL if intent == "NONE" else intent


def frame_acts(frames: Sequence[Frame]) -> tuple[DialogueAct, ...]:
    """Return the system's acts, each once, in annotation order."""
    acts: dict[DialogueAct, None] = {}
    for frame in frames:
        for action in frame.get("actions", ()):
            name = action["act"]
            general = name in _GENERAL_ACTS
            acts[
                DialogueAct(
                    domain=GENERAL if general else frame["service"],
                    act=_GENERAL_ACTS.get(name, name.lower()),
                    slot="" if general else own_slot(frame["service"], action["slot"]),
                )
            ] = None
    return tuple(acts)


def delexicalise_frames(
    text: str, frames: Sequence[Frame]
) -> tuple[str, tuple[tuple[str, str], ...], int]:
    """Replace values by ``[value_slot]``.

    Character spans mark the free-text values; those of categorical slots and counts are not
    marked and are found as the actions' values, whole words, outside every span.

    Returns:
        The delexicalised text, (slot, surface) of each placeholder in order, and how many spans
        were left out because they lie outside the text or overlap another.
    """
    placed: list[tuple[int, int, str]] = []
    unusable = 0
    marked = sorted(
        (one["start"], one["exclusive_end"], own_slot(frame["service"], one["slot"]))
        for frame in frames
        for one in frame.get("slots", ())
        if "copy_from" not in one  # MultiWOZ 2.2: a value said elsewhere
    )
    for start, end, slot in dict.fromkeys(marked):
        if not 0 <= start < end <= len(text) or (placed and start < placed[-1][1]):
            unusable += 1
            continue
        placed.append((start, end, slot))
    said = [
        (slot, value)
        for frame in frames
        for action in frame.get("actions", ())
        if (slot := own_slot(frame["service"], action["slot"])) and slot != "intent"
        for value in action["values"]
        if value.lower() not in _NO_VALUE
    ]
    slots_of: dict[str, list[str]] = {}
    for slot, value in dict.fromkeys(said):
        slots_of.setdefault(value.lower(), []).append(slot)
    for value in sorted(slots_of, key=len, reverse=True):
        # "1 flight with 1 stop": the count comes first, then the slots as the actions list them.
        slots = sorted(slots_of[value], key=lambda slot: slot != "count")
        free = [
            match.span()
            for match in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.IGNORECASE)
            if all(match.end() <= start or match.start() >= end for start, end, _ in placed)
        ]
        placed += [(*span, slots[min(at, len(slots) - 1)]) for at, span in enumerate(free)]
    placed.sort()
    pieces: list[str] = []
    position = 0
    for start, end, slot in placed:
        pieces += [text[position:start], f"[value_{slot}]"]
        position = end
    pieces.append(text[position:])
    surfaces = tuple((slot, text[start:end]) for start, end, slot in placed)
    return "".join(pieces), surfaces, unusable


def result_count(frames: Sequence[Frame]) -> int | None:
    """Return how many results the service returned; None where no call was made or recorded."""
    counts = [len(frame["service_results"]) for frame in frames if "service_results" in frame]
    return sum(counts) if counts else None
