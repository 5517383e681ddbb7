"""Rasa's training data as dialogues and services.

Training and evaluation get their dialogues from it when a folder is a Rasa project. An NLU example
is a dialogue of one turn, a story one of many. Example: story steps ``inform``,
``slot_was_set: [{city: ely}]``, ``utter_ask_day`` are a turn with state
``{"rasa": {"city": "ely"}}`` and act ``rasa / utter_ask_day``.

Nothing is made up: a story without utterances has empty ones, a story that sets no slot has no
state, and nothing says which domain a turn is about.
"""

from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.entity_slots import EntitySlots
from todserve.corpora.readers.rasa.rasa_services import entity_slot, slot_name
from todserve.corpora.readers.rasa.rasa_types import (
    SERVICE,
    ActionStep,
    BotStep,
    RasaEntity,
    RasaProject,
    RasaStory,
    SlotStep,
    UserStep,
)
from todserve.runtime.language.dialogue import GENERAL, Dialogue, DialogueAct, Turn

CORPUS = "rasa"
ACT = "act_"
"""An action ``act_hotel-inform-area`` is the act hotel / inform / area, see `act_action`."""

State = dict[str, dict[str, str]]


def act_action(act: DialogueAct) -> str:
    """Return the custom action that stands for an act, e.g. ``act_hotel-inform-area``."""
    parts = [one.replace("%", "%25").replace("-", "%2D") for one in (act.domain, act.act)]
    return ACT + "-".join([*parts, *([act.slot] if act.slot else [])])


class ProjectDialogues:
    """Turns one project's examples and stories into dialogues."""

    def __init__(self, project: RasaProject, report: ReadReport) -> None:
        self._project = project
        self._report = report
        self._places = {
            slot.name: (domain.service, slot_name(slot.name, domain))
            for domain in project.domains
            for slot in domain.slots
        }
        self._entity_slots = EntitySlots(project.domains)
        self._synonyms = {
            text.lower(): table.name for table in project.nlu.synonyms for text in table.examples
        }
        self._owners = {
            action: domain.service
            for domain in project.domains
            for action in (*domain.actions, *(name for name, _ in domain.responses))
        }

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield the examples that no story tells, then the stories."""
        told = {
            (step.text, step.intent)
            for story in self._project.stories
            for step in story.steps
            if type(step) is UserStep
        }
        # Where no example marks an entity, that there are none says nothing.
        annotated = any(one.entities for one in self._project.nlu.examples)
        for number, one in enumerate(self._project.nlu.examples):
            if (one.text, one.intent) in told:
                continue
            state: State = {}
            where = f"{one.place.file}:{one.place.line}"
            self._fill(state, one.entities, where, one.intent)
            turn = Turn(
                user=one.text,
                intent=one.intent or None,
                belief_state=state if annotated else None,
            )
            yield self._dialogue(f"nlu-{number}", (turn,))
        for story in self._project.stories:
            turns = tuple(self._turns(story))
            if turns:
                yield self._dialogue(story.name, turns)
            else:
                self._report.skipped(
                    "story: no user step", f"{story.place.file}:{story.place.line}"
                )

    def _dialogue(self, name: str, turns: tuple[Turn, ...]) -> Dialogue:
        return Dialogue(dialogue_id=name, corpus=CORPUS, split="train", turns=turns)

    def _turns(self, story: RasaStory) -> Iterator[Turn]:
        sets = any(type(step) is SlotStep for step in story.steps) or any(
            step.entities for step in story.steps if type(step) is UserStep
        )
        state: State = {}
        user: UserStep | None = None
        acts: list[DialogueAct] = []
        replies: list[str] = []
        for step in (*story.steps, UserStep()):
            where = f"{step.place.file}:{step.place.line}"
            if isinstance(step, UserStep):
                if user is not None:
                    yield Turn(
                        user=user.text or "",
                        intent=user.intent,
                        belief_state=_copy(state) if sets else None,
                        dialogue_acts=tuple(acts) if acts else None,
                        system=" ".join(replies) if replies else None,
                    )
                user, acts, replies = step, [], []
                self._fill(state, step.entities, where, step.intent)
            elif isinstance(step, SlotStep):
                self._set(state, step, where)
            elif user is None:
                self._report.skipped("step: before the first user step", where)
            elif isinstance(step, BotStep):
                replies.append(step.text)
            elif step.name != "action_listen":
                acts.append(self._act(step))

    def _fill(
        self, state: State, entities: Iterable[RasaEntity], where: str, intent: str | None
    ) -> None:
        filled: dict[str, str] = {}
        for entity in entities:
            value = self._synonyms.get(entity.value.lower(), entity.value)
            slots = self._slots(entity, intent)
            if not slots:
                self._report.skipped(f"entity: fills no slot, {_named(entity)}", where)
            for slot in slots:
                if not value:
                    self._report.missing("entity: named without a value", where)
                elif filled.setdefault(slot, value) != value:
                    self._report.changed("slot: first of several values kept", where)
        for slot, value in filled.items():
            service, name = self._places.get(slot, (SERVICE, slot))
            state.setdefault(service, {})[name] = value

    def _slots(self, entity: RasaEntity, intent: str | None) -> tuple[str, ...]:
        if not self._project.domains:
            return (entity_slot(entity),)
        return self._entity_slots.of(entity, intent=intent)

    def _set(self, state: State, step: SlotStep, where: str) -> None:
        service, name = self._places.get(step.slot, (SERVICE, step.slot))
        if not step.known:
            self._report.missing("slot: set without a value", where)
        elif step.value is None:
            state.get(service, {}).pop(name, None)
            if not state.get(service, {"": ""}):
                del state[service]
        else:
            state.setdefault(service, {})[name] = step.value

    def _act(self, step: ActionStep) -> DialogueAct:
        parts = step.name.removeprefix(ACT).split("-", 2)
        if step.name.startswith(ACT) and len(parts) > 1:
            domain, act, slot = [*map(unquote, parts[:2]), *parts[2:], ""][:3]
            return DialogueAct(domain=domain, act=act, slot=slot)
        owner = self._owners.get(step.name, SERVICE if not self._project.domains else GENERAL)
        return DialogueAct(domain=owner, act=step.name)


def _named(entity: RasaEntity) -> str:
    more = [one for one in (entity.role, entity.group) if one is not None]
    return entity.entity + (f" ({', '.join(more)})" if more else "")


def _copy(state: State) -> State:
    return {service: dict(slots) for service, slots in state.items()}
