"""Rasa's training data as it is written: examples, stories, domains, each with its place.

The readers of Rasa's files make these, the writers write them, and `rasa_dialogues` turns them into
the kit's own dialogues. Places do not count when two things are compared. Example:
``RasaExample(text="to ely", intent="inform", entities=(RasaEntity(...),))``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SERVICE = "rasa"
"""Service of a project whose one domain.yml names none: Rasa has slots, but no services."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where something stands: a file and a line counted from 1 (0: nowhere)."""

    file: str = ""
    line: int = 0


NOWHERE = Place()


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaEntity:
    """An entity of an utterance.

    Attributes:
        entity: its name.
        value: what it means; the text itself unless a synonym is given.
        start: first character in the utterance; None in stories that only name the entity.
        end: one past the last character.
        role: tells entities of one name apart, e.g. ``from`` and ``to``.
        group: number of the group it belongs to.
    """

    entity: str
    value: str
    start: int | None = None
    end: int | None = None
    role: str | None = None
    group: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaExample:
    """An utterance with its intent and entities."""

    text: str
    intent: str
    entities: tuple[RasaEntity, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaTable:
    """Texts under one name: the ways to write a value, a lookup table, or regular expressions."""

    name: str
    examples: tuple[str, ...]
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaNlu:
    """What the files under ``nlu:`` hold."""

    examples: tuple[RasaExample, ...] = ()
    synonyms: tuple[RasaTable, ...] = ()
    lookups: tuple[RasaTable, ...] = ()
    regexes: tuple[RasaTable, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaCondition:
    """When a mapping holds.

    Attributes:
        form: the form that must be under way; "" for none at all, None for whichever.
        asked: the slot that must be what it asks for; None for whichever.
    """

    form: str | None = None
    asked: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaMapping:
    """What fills a slot.

    Attributes:
        type: ``from_entity``, ``from_intent``, ``from_text``, ``from_trigger_intent`` or another.
        entity: whose value is taken.
        role: which the entity must have.
        group: which the entity must be in.
        intents: of the message; none for any.
        not_intents: that the message must not have.
        value: what the slot becomes, where the mapping says it.
        conditions: of which one must hold; none for always.
        options: further keys of its own.
        assumed: not written down, but what Rasa does by itself.
    """

    type: str
    entity: str | None = None
    role: str | None = None
    group: str | None = None
    intents: tuple[str, ...] = ()
    not_intents: tuple[str, ...] = ()
    value: str | None = None
    conditions: tuple[RasaCondition, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    assumed: bool = field(default=False, compare=False)
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaSource:
    """An entity that fills a slot.

    Attributes:
        entity: its name.
        role: which it must have; None for any.
        group: which it must be in; None for any.
        forms: of which one must be under way ("": none at all); empty for always.
        asked: whether the slot must be what the form asks for.
        intents: of the message; none for any.
        unless: intents that the message must not have.
    """

    entity: str
    role: str | None = None
    group: str | None = None
    forms: tuple[str, ...] = ()
    asked: bool = False
    intents: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaSlot:
    """One slot of a domain file: type, values, first value, and what fills it.

    Attributes:
        name: its name.
        type: Rasa's type by its short name, e.g. ``text`` or ``categorical``.
        values: the closed list of a categorical slot.
        mappings: what fills it; None where the domain maps nothing, and Rasa 2 fills it from the
            entity of its own name.
        initial: its value at the start of a conversation; lists as JSON.
        influences: whether it influences the conversation; None where nothing is said.
        options: further keys of its own.
    """

    name: str
    type: str = "text"
    values: tuple[str, ...] = ()
    mappings: tuple[RasaMapping, ...] | None = None
    initial: str | None = None
    influences: bool | None = None
    options: Mapping[str, str | None] = field(default_factory=dict)
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaDomain:
    """One domain file of a project: its intents, entities, slots, responses, actions and forms.

    Attributes:
        service: `SERVICE` for ``domain.yml``; the file's stem for files of a ``domain`` folder.
        intents: names.
        entities: names.
        slots: the slots.
        responses: (action, its texts).
        actions: names of custom actions.
        forms: (form, its required slots).
        written: the file's keys as they stand, for what none of these says.
    """

    service: str = SERVICE
    intents: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    slots: tuple[RasaSlot, ...] = ()
    responses: tuple[tuple[str, tuple[str, ...]], ...] = ()
    actions: tuple[str, ...] = ()
    forms: tuple[tuple[str, tuple[str, ...]], ...] = ()
    written: Mapping[str, Any] = field(default_factory=dict, compare=False)
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class UserStep:
    """The user says something; ``text`` is None where the story names the intent alone.

    ``others`` are the other branches of an ``or``.
    """

    intent: str | None = None
    text: str | None = None
    entities: tuple[RasaEntity, ...] = ()
    others: tuple["UserStep", ...] = field(default=(), compare=False)
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotStep:
    """A slot is set; ``value`` None takes it back, ``known`` False says "to something"."""

    slot: str
    value: str | None = None
    known: bool = True
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionStep:
    """The assistant does something."""

    name: str
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class BotStep:
    """The assistant says something, word for word."""

    text: str
    place: Place = field(default=NOWHERE, compare=False)


RasaStep = UserStep | SlotStep | ActionStep | BotStep


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaStory:
    """One conversation, or a rule.

    Attributes:
        name: its name.
        steps: what happens.
        form: the form that a rule's condition names.
        conditions: the slots that a rule's condition names.
        starts: whether a rule holds at the start of a conversation alone.
        opens: the checkpoints that it goes on from.
        closes: the checkpoints that it ends with.
        written: its keys as they stand; none where it was not read from YAML.
    """

    name: str
    steps: tuple[RasaStep, ...]
    form: str | None = None
    conditions: tuple[SlotStep, ...] = ()
    starts: bool = False
    opens: tuple[str, ...] = ()
    closes: tuple[str, ...] = ()
    written: Mapping[str, Any] = field(default_factory=dict, compare=False)
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class RasaProject:
    """Everything the files of one assistant hold; its rules as they stand."""

    nlu: RasaNlu = RasaNlu()
    domains: tuple[RasaDomain, ...] = ()
    stories: tuple[RasaStory, ...] = ()
    rules: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)


def joined_nlu(parts: Iterable[RasaNlu]) -> RasaNlu:
    """Return what several files hold together, in their order."""
    found = list(parts)
    return RasaNlu(
        examples=tuple(one for part in found for one in part.examples),
        synonyms=tuple(one for part in found for one in part.synonyms),
        lookups=tuple(one for part in found for one in part.lookups),
        regexes=tuple(one for part in found for one in part.regexes),
    )
