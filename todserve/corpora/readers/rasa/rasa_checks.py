"""What contradicts itself across the files of a Rasa project.

``tod data validate`` calls it for Rasa folders, after the readers have noted what they could not
read. Example: a story with an intent that no domain lists.
"""

from collections.abc import Iterable, Iterator

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.readers.rasa.rasa_slots import sources_of
from todserve.corpora.readers.rasa.rasa_types import (
    ActionStep,
    Place,
    RasaEntity,
    RasaProject,
    SlotStep,
    UserStep,
)
from todserve.corpora.unservable_text import unservable
from todserve.runtime.language.dialogue import DONTCARE

# What every assistant has without listing it.
_OWN_INTENTS = frozenset({"restart", "back", "out_of_scope", "session_start", "nlu_fallback"})
_OWN_SLOTS = frozenset({"requested_slot", "session_started_metadata"})


def project_faults(project: RasaProject) -> list[Fault]:
    """Return every contradiction between the files of ``project``."""
    return [
        *_unservable(project),
        *_doubles(project),
        *(_Known(project).faults() if project.domains else ()),
    ]


def _unservable(project: RasaProject) -> Iterator[Fault]:
    said = [(one.place, "example", one.text) for one in project.nlu.examples]
    said += [
        (step.place, "user", step.text)
        for story in project.stories
        for step in story.steps
        if isinstance(step, UserStep) and step.text
    ]
    for place, what, text in said:
        yield from (_fault(place, what, *one) for one in unservable(text))


def _doubles(project: RasaProject) -> Iterator[Fault]:
    intents: dict[str, tuple[str, Place]] = {}
    for one in project.nlu.examples:
        intent, first = intents.setdefault(one.text, (one.intent, one.place))
        if intent != one.intent:
            yield _fault(
                one.place,
                "example",
                f"the utterance of {first.file}:{first.line} under another intent",
                f"one intent for one utterance, {intent!r} or {one.intent!r}",
                "take one out",
            )
    names: dict[str, Place] = {}
    for story in project.stories:
        known = names.setdefault(story.name, story.place)
        if known is not story.place:
            yield _fault(
                story.place,
                "story",
                f"the name {story.name!r} of {known.file}:{known.line} again",
                "a name of its own",
                "rename it",
            )


class _Known:
    """What the domains list."""

    def __init__(self, project: RasaProject) -> None:
        self._project = project
        domains = project.domains
        self._intents = {name for one in domains for name in one.intents} | _OWN_INTENTS
        self._entities = {name for one in domains for name in one.entities}
        self._slots = {slot.name: slot for one in domains for slot in one.slots}
        self._actions = {
            name
            for one in domains
            for name in (
                *one.actions,
                *(response for response, _ in one.responses),
                *(form for form, _ in one.forms),
            )
        }

    def faults(self) -> Iterator[Fault]:
        """Yield what examples, stories and domains use and no domain lists."""
        for one in self._project.nlu.examples:
            yield from self._intent(one.intent, one.place)
            yield from self._marked(one.entities, one.place)
        for story in self._project.stories:
            for step in story.steps:
                if isinstance(step, UserStep):
                    yield from self._intent(step.intent, step.place)
                    yield from self._marked(step.entities, step.place)
                elif isinstance(step, SlotStep):
                    yield from self._slot(step)
                elif isinstance(step, ActionStep) and not self._has(step.name):
                    yield _unlisted("action", step.name, step.place, "actions or responses")
        yield from self._inside_domains()

    def _inside_domains(self) -> Iterator[Fault]:
        for domain in self._project.domains:
            for slot in domain.slots:
                # What nobody wrote down need not be listed.
                written = [] if slot.mappings is None else sources_of(slot)
                assumed = {one.entity for one in slot.mappings or () if one.assumed}
                for entity in dict.fromkeys(one.entity for one in written):
                    if entity not in assumed and entity not in self._entities:
                        yield _unlisted("entity", entity, slot.place, "entities")
            for form, required in domain.forms:
                for name in required:
                    if name not in self._slots:
                        yield _fault(
                            domain.place,
                            f"form {form!r}",
                            f"slot {name!r}",
                            "slots of the domain",
                            f"add {name!r} to slots, or correct the name",
                        )

    def _intent(self, name: str | None, place: Place) -> Iterator[Fault]:
        # Of a retrieval intent "faq/hours" domains list "faq".
        if name and name not in self._intents and name.partition("/")[0] not in self._intents:
            yield _unlisted("intent", name, place, "intents")

    def _marked(self, entities: Iterable[RasaEntity], place: Place) -> Iterator[Fault]:
        for one in entities:
            if one.entity not in self._entities:
                yield _unlisted("entity", one.entity, place, "entities")

    def _slot(self, step: SlotStep) -> Iterator[Fault]:
        slot = self._slots.get(step.slot)
        if slot is None:
            if step.slot not in _OWN_SLOTS:
                yield _unlisted("slot", step.slot, step.place, "slots")
        # Rasa takes an unlisted value for "other"; "does not matter" is the one that is meant so.
        elif slot.values and step.value not in (*slot.values, None, DONTCARE):
            yield _fault(
                step.place,
                f"slot {step.slot!r}",
                f"value {step.value!r}",
                f"one of {', '.join(slot.values)}",
                "correct the value, or add it to the slot's values",
            )

    def _has(self, action: str) -> bool:
        # Rasa's own actions, such as action_restart, are listed nowhere.
        return action in self._actions or (action.startswith("action_") and action in _OWN_ACTIONS)


_OWN_ACTIONS = frozenset(
    f"action_{name}"
    for name in (
        *("listen", "restart", "session_start", "default_fallback", "deactivate_loop", "back"),
        *("revert_fallback_events", "default_ask_affirmation", "default_ask_rephrase"),
        *("two_stage_fallback", "unlikely_intent", "extract_slots", "send_text"),
    )
)


def _unlisted(kind: str, name: str, place: Place, key: str) -> Fault:
    return _fault(
        place,
        kind,
        repr(name),
        f"a name that the domain lists under {key}",
        f"add it to {key} of the domain, or correct the name",
    )


def _fault(place: Place, what: str, got: str, expected: str, fix: str) -> Fault:
    return Fault(file=place.file, line=place.line, what=what, got=got, expected=expected, fix=fix)
