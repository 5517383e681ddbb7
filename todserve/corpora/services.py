"""Services of several corpora joined into one list, for one schema.

Training, conversion and the gateway's export build the schema that a checkpoint or file carries
with it. Example: ``merged([*CORPORA["camrest676"].services(a),
*CORPORA["multiwoz21"].services(b)])`` has one service ``restaurant`` with the slots of both.
"""

from collections.abc import Iterable, Iterator

from todserve.runtime.language.dialogue import Dialogue
from todserve.runtime.language.schema import Service, Slot
from todserve.runtime.wire.model_description import ModelDescription


def described(model: ModelDescription) -> Iterator[Service]:
    """Yield the services that a served model says it speaks of."""
    for domain, slots in model.domains.items():
        yield Service(
            name=domain,
            slots=tuple(
                Slot(
                    name=slot,
                    categorical=values is not None,
                    values=values or (),
                    type=model.types.get(domain, {}).get(slot),
                )
                for slot, values in slots.items()
            ),
            intents=model.domain_intents.get(domain, ()),
        )


def open_services(dialogues: Iterable[Dialogue]) -> tuple[Service, ...]:
    """Return the domains of the dialogues with the slots of their states, all of them open."""
    slots: dict[str, set[str]] = {}
    for dialogue in dialogues:
        for turn in dialogue.turns:
            for domain in filter(None, [turn.active_domain, *(turn.belief_state or {})]):
                slots.setdefault(domain, set()).update((turn.belief_state or {}).get(domain, {}))
    return tuple(
        Service(name=domain, slots=tuple(Slot(name=slot) for slot in sorted(names)))
        for domain, names in sorted(slots.items())
    )


def merged(services: Iterable[Service]) -> tuple[Service, ...]:
    """Join services of one name, since a schema tells services apart by name alone.

    The first one's order, spellings and descriptions stand; slots, values and intents of the
    others are added. A slot that one corpus leaves open is open: its values are kept as known
    values, not as the only ones.
    """
    joined: dict[str, Service] = {}
    for service in services:
        known = joined.get(service.name)
        joined[service.name] = service if known is None else _both(known, service)
    return tuple(joined.values())


def _both(first: Service, second: Service) -> Service:
    slots = {slot.name: slot for slot in first.slots}
    for slot in second.slots:
        slots[slot.name] = _either(slots[slot.name], slot) if slot.name in slots else slot
    return Service(
        name=first.name,
        slots=tuple(slots.values()),
        intents=tuple(dict.fromkeys([*first.intents, *second.intents])),
        description=first.description or second.description,
    )


def _either(first: Slot, second: Slot) -> Slot:
    return Slot(
        name=first.name,
        categorical=first.categorical and second.categorical,
        values=tuple(dict.fromkeys([*first.values, *second.values])),
        description=first.description or second.description,
        type=first.type or second.type,
    )
