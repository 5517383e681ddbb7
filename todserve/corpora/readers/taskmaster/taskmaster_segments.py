"""Taskmaster's segments: the marked words of an utterance as slots of a belief state.

The readers of Taskmaster-1, -2 and -3, whose utterances have the same layout, call it. A state is
what the user has said so far, a slot's latest value; what a label calls rejected does not enter it.
Example: "8" marked ``restaurant_reservation.num.guests.accept`` is slot ``num_guests`` of domain
``restaurant_reservation``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.exchanges import exchanges
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.slot_values import SEVERAL_VALUES, open_value
from todserve.runtime.language.dialogue import Turn

_ACCEPTED, _REJECTED = "accept", "reject"


def segment_turns(
    utterances: Sequence[Mapping[str, Any]],
    domain: str | None,
    dialogue_id: str,
    report: ReadReport,
) -> Iterator[Turn]:
    """Yield the turns of a conversation.

    Args:
        utterances: as published, ``speaker`` in either case.
        domain: of the whole conversation; None where every label begins with its domain.
        dialogue_id: for the report.
        report: counts what is left out.
    """
    state: dict[str, dict[str, str]] = {}
    active = domain
    said = ((one["speaker"].lower() == "user", one) for one in utterances)
    for index, (user, system) in enumerate(exchanges(said, dialogue_id, report)):
        where = f"{dialogue_id} turn {index}"
        found: dict[tuple[str, str], str] = {}
        for place, raw in _marked(user, domain, where, report):
            value = open_value(raw)
            if value is not None and found.setdefault(place, value) != value:
                report.skipped(SEVERAL_VALUES, f"{where} {'-'.join(place)}")
        for (service, slot), value in found.items():
            state.setdefault(service, {})[slot] = value
            active = service
        if system is not None and active is None:
            active = next((name for (name, _), _ in _marked(system, domain, where, report)), None)
        yield Turn(
            user=user["text"],
            belief_state={name: dict(slots) for name, slots in state.items()},
            active_domain=active,
            system=system["text"] if system else None,
        )


def _marked(
    utterance: Mapping[str, Any], domain: str | None, where: str, report: ReadReport
) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield ((domain, slot), words) of each segment's labels."""
    for segment in utterance.get("segments", ()):
        for annotation in segment["annotations"]:
            parts = annotation["name"].split(".")
            if parts[-1] == _REJECTED:
                report.skipped("label: rejected", f"{where} {annotation['name']}")
                continue
            if parts[-1] == _ACCEPTED:
                parts.pop()
            service = domain if domain is not None else label(parts.pop(0))
            if not parts:
                report.skipped("label: of the whole task, no slot", f"{where} {service}")
                continue
            yield (service, label("_".join(parts))), segment["text"]
