"""Dialogues and services as a Rasa project.

``tod data convert`` and the gateway's export call it; `rasa_project.write_project` writes the
files. Example: a turn "to Ely" with a new ``train-destination`` becomes
``to [Ely]{"entity": "train-destination", "value": "ely"}``.

Rasa has no place for the active domain, delexicalised responses, database matches, corpus and
split, descriptions of slots, the difference between no state and an empty one, or the name of a
one-turn dialogue without a reply, which becomes an NLU example alone.
"""

from collections.abc import Iterable, Iterator, Sequence

from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_dialogues import act_action
from todserve.corpora.readers.rasa.rasa_types import (
    SERVICE,
    ActionStep,
    BotStep,
    RasaDomain,
    RasaEntity,
    RasaExample,
    RasaMapping,
    RasaNlu,
    RasaProject,
    RasaSlot,
    RasaStep,
    RasaStory,
    RasaTable,
    SlotStep,
    UserStep,
)
from todserve.corpora.readers.value_places import grounded
from todserve.corpora.services import merged
from todserve.runtime.language.dialogue import (
    DELETED,
    GENERAL,
    BeliefState,
    Dialogue,
    Turn,
    state_update,
)
from todserve.runtime.language.schema import Service, Slot


def dialogues_project(
    services: Sequence[Service], dialogues: Iterable[Dialogue], report: ReadReport
) -> RasaProject:
    """Return a project that holds ``dialogues``.

    Args:
        services: of the dialogues' schema; what occurs beyond it is added to the domains, since
            Rasa refuses what they do not list.
        dialogues: read once.
        report: counts what Rasa cannot carry.
    """
    examples: dict[tuple[str, str, tuple[RasaEntity, ...]], RasaExample] = {}
    stories: list[RasaStory] = []
    seen = _Seen()
    for dialogue in dialogues:
        report.dialogue(len(dialogue.turns))
        steps: list[RasaStep] = []
        state: BeliefState = {}
        before = len(examples)
        for turn in dialogue.turns:
            seen.add(turn)
            _count_losses(turn, report, dialogue.dialogue_id)
            update = {} if turn.belief_state is None else state_update(state, turn.belief_state)
            state = state if turn.belief_state is None else turn.belief_state
            user = _user(turn, update)
            steps += _steps(turn, user, update)
            if user.text and user.intent:
                example = RasaExample(text=user.text, intent=user.intent, entities=user.entities)
                examples.setdefault((example.text, example.intent, example.entities), example)
        if len(dialogue.turns) > 1 or _beyond_examples(steps):
            stories.append(RasaStory(name=dialogue.dialogue_id, steps=tuple(steps)))
        elif len(examples) == before:
            report.skipped("example: stands there already", dialogue.dialogue_id)
    known = merged([*services, *seen.beyond(services)])
    return RasaProject(
        nlu=RasaNlu(examples=tuple(examples.values()), lookups=tuple(_lookups(known))),
        domains=tuple(_domains(known, seen)),
        stories=tuple(stories),
    )


def _beyond_examples(steps: Sequence[RasaStep]) -> list[RasaStep]:
    """Return the steps that an NLU example does not tell; the slots its marks set, it tells."""
    marked = {
        (one.entity, one.value) for step in steps if type(step) is UserStep for one in step.entities
    }
    return [
        step
        for step in steps
        if not (
            (type(step) is SlotStep and (step.slot, step.value) in marked)
            or (type(step) is UserStep and step.intent and step.text)
        )
    ]


def rasa_slot(domain: str, slot: str) -> str:
    """Return the name of a slot in a whole assistant: ``hotel-area``."""
    return slot if domain == SERVICE else f"{domain}-{slot}"


def _user(turn: Turn, update: BeliefState) -> UserStep:
    text = " ".join(turn.user.split())  # one line, or Rasa's examples fall apart
    entities = tuple(
        RasaEntity(
            entity=rasa_slot(one.domain, one.slot), value=one.value, start=one.start, end=one.end
        )
        for one in grounded(text, update)
    )
    return UserStep(intent=turn.intent, text=text or None, entities=entities if text else ())


def _steps(turn: Turn, user: UserStep, update: BeliefState) -> Iterator[RasaStep]:
    yield user
    for domain, slots in update.items():
        for slot, value in slots.items():
            taken_back = value == DELETED
            yield SlotStep(slot=rasa_slot(domain, slot), value=None if taken_back else value)
    for act in turn.dialogue_acts or ():
        yield ActionStep(name=act_action(act))
    if turn.system:
        yield BotStep(text=" ".join(turn.system.split()))


def _count_losses(turn: Turn, report: ReadReport, where: str) -> None:
    for name in ("active_domain", "delexicalised_response", "database_matches"):
        if getattr(turn, name) is not None:
            report.skipped(f"{name}: Rasa has no place for it", where)


class _Seen:
    """What turns use, in the order of first use."""

    def __init__(self) -> None:
        self.intents: dict[str, None] = {}
        self.slots: dict[tuple[str, str], None] = {}
        self.actions: dict[str, str] = {}

    def add(self, turn: Turn) -> None:
        if turn.intent:
            self.intents[turn.intent] = None
        for domain, slots in (turn.belief_state or {}).items():
            for slot in slots:
                self.slots[domain, slot] = None
        for act in turn.dialogue_acts or ():
            self.actions[act_action(act)] = act.domain

    def beyond(self, services: Sequence[Service]) -> list[Service]:
        """Return the slots that ``services`` lack, as services of open slots."""
        known = {(service.name, slot.name) for service in services for slot in service.slots}
        slots = [one for one in self.slots if one not in known]
        return [
            Service(
                name=domain,
                slots=tuple(Slot(name=slot) for owner, slot in slots if owner == domain),
            )
            for domain in dict.fromkeys(domain for domain, _ in slots)
        ]


def _domains(services: Sequence[Service], seen: _Seen) -> Iterator[RasaDomain]:
    offered = {intent for service in services for intent in service.intents}
    loose = tuple(intent for intent in seen.intents if intent not in offered)
    names = [service.name for service in services]
    alone = names == [SERVICE]
    for service in services:
        slots = tuple(_slot(service.name, slot) for slot in service.slots)
        actions = tuple(
            name for name, domain in seen.actions.items() if alone or domain == service.name
        )
        yield RasaDomain(
            service=service.name,
            intents=(*service.intents, *(loose if alone else ())),
            entities=tuple(slot.name for slot in slots),
            slots=slots,
            actions=actions,
        )
    shared = tuple(name for name, domain in seen.actions.items() if domain not in names)
    if not alone and (loose or shared):
        yield RasaDomain(service=GENERAL, intents=loose, actions=shared)


def _slot(domain: str, slot: Slot) -> RasaSlot:
    name = rasa_slot(domain, slot.name)
    closed = slot.categorical and bool(slot.values)
    return RasaSlot(
        name=name,
        type="categorical" if closed else "text",
        values=slot.values if closed else (),
        mappings=(RasaMapping(type="from_entity", entity=name),),
    )


def _lookups(services: Sequence[Service]) -> Iterator[RasaTable]:
    for service in services:
        for slot in service.slots:
            if slot.values and not slot.categorical:
                yield RasaTable(name=rasa_slot(service.name, slot.name), examples=slot.values)
