"""Joint schema: the services of several corpora in one, renamed where they would collide.

The preparation makes the schema that a checkpoint carries with it, where a name is all that tells
two services apart. Example: WOZ 2.0's ``restaurant`` joins MultiWOZ's, whose slots include its own;
STAR's ``hotel`` has slots that MultiWOZ's lacks and becomes ``star.hotel``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from todserve.corpora.services import merged
from todserve.runtime.language.dialogue import BeliefState, Dialogue, DialogueAct, Turn
from todserve.runtime.language.schema import Schema, Service

Names = Mapping[str, str]
"""The domains of one corpus that have another name in the joint schema."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JointSchema:
    """The services of several corpora in one schema, and what was renamed for it.

    Attributes:
        schema: every service once.
        names: corpus -> its renamed domains; corpora without any are absent.
        notes: one line for every domain and intent that several corpora have.
    """

    schema: Schema
    names: Mapping[str, Names]
    notes: tuple[str, ...]


def join(services: Mapping[str, tuple[Service, ...]]) -> JointSchema:
    """Join the services of corpora, the first corpus setting the names.

    A domain that is there already takes in a later one of the same name when the later one has
    no slot of its own: both mean the same, and values and intents are united. Otherwise the later
    one is called ``corpus.domain``, so that a state of the first never gets slots that its
    database and its users do not know. One intent name is one label, whoever uses it.

    Args:
        services: corpus -> its services, in the order that settles who comes first.
    """
    known: dict[str, Service] = {}
    owner: dict[str, str] = {}
    renamed: dict[str, dict[str, str]] = {}
    notes: list[str] = []
    for corpus, own in services.items():
        for service in own:
            there = known.get(service.name)
            if there is None:
                known[service.name] = service
                owner[service.name] = corpus
                continue
            more = _slots(service) - _slots(there)
            if not more:
                known[service.name] = merged([there, service])[0]
                notes.append(f"{service.name}: {corpus} joins {owner[service.name]}")
                continue
            name = f"{corpus}.{service.name}"
            known[name] = service.model_copy(update={"name": name})
            owner[name] = corpus
            renamed.setdefault(corpus, {})[service.name] = name
            notes.append(
                f"{service.name} of {corpus} is {name}: {owner[service.name]} has no "
                f"{', '.join(sorted(more))}"
            )
    notes += _shared_intents(services)
    return JointSchema(
        schema=Schema(services=tuple(known.values())), names=renamed, notes=tuple(notes)
    )


def with_names(dialogue: Dialogue, names: Names) -> Dialogue:
    """Return the dialogue with its domains as the joint schema calls them."""
    if not names:
        return dialogue
    return replace(dialogue, turns=tuple(_named(turn, names) for turn in dialogue.turns))


def _named(turn: Turn, names: Names) -> Turn:
    state: BeliefState | None = None
    if turn.belief_state is not None:
        state = {names.get(domain, domain): slots for domain, slots in turn.belief_state.items()}
    acts: tuple[DialogueAct, ...] | None = None
    if turn.dialogue_acts is not None:
        acts = tuple(
            replace(act, domain=names.get(act.domain, act.domain)) for act in turn.dialogue_acts
        )
    active = turn.active_domain
    return replace(
        turn,
        belief_state=state,
        dialogue_acts=acts,
        active_domain=None if active is None else names.get(active, active),
    )


def _slots(service: Service) -> set[str]:
    return {slot.name for slot in service.slots}


def _shared_intents(services: Mapping[str, tuple[Service, ...]]) -> list[str]:
    users: dict[str, dict[str, None]] = {}
    for corpus, own in services.items():
        for service in own:
            for intent in service.intents:
                users.setdefault(intent, {})[corpus] = None
    return [
        f"intent {intent}: one label of {', '.join(corpora)}"
        for intent, corpora in users.items()
        if len(corpora) > 1
    ]
