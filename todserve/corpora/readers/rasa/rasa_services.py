"""The services of a Rasa project: its domain files, or what occurs where there are none.

`rasa_dialogues` and the conversion of bots make a schema of them. Example: ``domain.yml`` is the
one service ``rasa``, ``domain/service.hotel.yml`` with slot ``hotel-area`` is service ``hotel``
with slot ``area``.
"""

from todserve.corpora.readers.rasa.rasa_types import (
    SERVICE,
    RasaDomain,
    RasaEntity,
    RasaExample,
    RasaProject,
    RasaSlot,
    SlotStep,
    UserStep,
)
from todserve.corpora.services import merged
from todserve.runtime.language.dialogue import GENERAL
from todserve.runtime.language.schema import Service, Slot


def project_services(project: RasaProject) -> tuple[Service, ...]:
    """Return the services of a project.

    Without any domain file the one service has the intents and entities that occur. A lookup
    table under an open slot's name lists the slot's known values.
    """
    lookups: dict[str, dict[str, None]] = {}
    for table in project.nlu.lookups:
        lookups.setdefault(table.name, {}).update(dict.fromkeys(table.examples))
    domains = project.domains or (_seen(project),)
    return merged(
        Service(
            name=domain.service,
            slots=tuple(_slot(slot, domain, lookups) for slot in domain.slots),
            intents=domain.intents,
        )
        for domain in domains
        # Where there are services by name, what they share is no service.
        if domain.slots or set(domain.intents) - {GENERAL}
    )


def _slot(slot: RasaSlot, domain: RasaDomain, lookups: dict[str, dict[str, None]]) -> Slot:
    return Slot(
        name=slot_name(slot.name, domain),
        categorical=bool(slot.values),
        values=slot.values or tuple(lookups.get(slot.name, ())),
    )


def slot_name(name: str, domain: RasaDomain) -> str:
    """Return a slot's name inside its service: ``area`` for ``hotel-area`` of hotel."""
    return name if domain.service == SERVICE else name.removeprefix(f"{domain.service}-")


def _seen(project: RasaProject) -> RasaDomain:
    users = [step for story in project.stories for step in story.steps if type(step) is UserStep]
    said: list[RasaExample | UserStep] = [*project.nlu.examples, *users]
    entities = dict.fromkeys(entity_slot(entity) for one in said for entity in one.entities)
    set_slots = dict.fromkeys(
        step.slot for story in project.stories for step in story.steps if type(step) is SlotStep
    )
    intents = dict.fromkeys(one.intent for one in said if one.intent)
    names = [*entities, *(slot for slot in set_slots if slot not in entities)]
    return RasaDomain(
        intents=tuple(intents),
        slots=tuple(RasaSlot(name=name) for name in names),
    )


def entity_slot(entity: RasaEntity) -> str:
    """Return the slot that an entity fills where no domain says which: ``city_from``."""
    return entity.entity if entity.role is None else f"{entity.entity}_{entity.role}"
