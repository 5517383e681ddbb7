"""Rasa's stories with words for every user, and with what happens inside their forms.

The conversion of a Rasa project calls it before `converted_dialogues` makes dialogues of the
stories. Example: a story's ``intent: book``, ``action: book_form``, ``active_loop: null``,
``action: utter_done`` becomes "book a table", ``utter_ask_day``, "on friday", ``utter_done``.

A story does not tell what its forms ask and what users answer, since Rasa does not need it; a
model does. What is written out follows the form's slots and the project's own examples.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import takewhile

from todserve.bot.conversion.converted_responses import Wording, question
from todserve.bot.conversion.intent_flows import Flows, chosen_response, listed_actions
from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.bot.conversion.story_utterances import Utterances
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_types import (
    ActionStep,
    RasaStep,
    RasaStory,
    SlotStep,
    UserStep,
)

REQUESTED = "requested_slot"
"""Rasa's own note of what a form asks for; no slot of anybody's."""


class _UnsaidError(Exception):
    """A step for which nobody has words; its message is the reason."""


class StoryWriter:
    """Writes stories with words for every user and with what happens inside their forms.

    Args:
        assistant: the project.
        flows: what begins its forms.
        wording: its responses, the questions of its forms among them.
        report: counts what is written out, and stories that cannot be.
    """

    def __init__(
        self, assistant: Assistant, flows: Flows, wording: Wording, report: ReadReport
    ) -> None:
        self._assistant = assistant
        self._forms = assistant.forms
        self._listed = listed_actions(assistant)
        begins = (one for intents in flows.begins.values() for one in intents)
        self._own = frozenset([*begins, *flows.answers])
        self._utterances = Utterances(assistant)
        self._wording = wording
        self._report = report

    def written(self, stories: Iterable[RasaStory]) -> Iterator[RasaStory]:
        """Yield each story with words; those that nobody has words for are counted."""
        for story in stories:
            where = f"{story.place.file}:{story.place.line} {story.name}"
            try:
                yield replace(story, steps=tuple(_Telling(self, story, where).steps()))
            except _UnsaidError as unsaid:
                self._report.skipped(f"story: {unsaid}", where)

    def asking(self, form: str, slot: str) -> Iterator[ActionStep]:
        """Yield the step that asks for a slot; none where nobody wrote the question."""
        name = question(form, slot, self._wording)
        if name is not None:
            yield ActionStep(name=name)

    def said(self, step: UserStep, values: dict[str, str]) -> UserStep:
        """Return a user's step with words."""
        found = self._utterances.said(step, values)
        if found is None:
            named = ", ".join(one.entity for one in step.entities)
            detail = f" that marks {named}" if named else ""
            raise _UnsaidError(f"no example of intent {step.intent!r}{detail}")
        return found

    def answered(self, form: str, slot: str, value: str | None) -> Iterator[RasaStep]:
        """Yield a user's answer to a form's question, and the value where words do not tell it."""
        found = self._utterances.answer(slot, value, self._own, form)
        if found is None:
            raise _UnsaidError(f"no example answers what a form asks, slot {slot!r}")
        yield found
        meant = value or self._utterances.meaning(slot, found.intent) or found.text
        if not found.entities:
            yield SlotStep(slot=slot, value=meant)
        elif slot not in self.filled_by(found):
            # Only this form gives the slot what the entity says.
            yield from self.inside(found, form)

    def filled_by(self, step: UserStep) -> dict[str, str]:
        """Return the slots that a step's entities fill."""
        return {
            slot: one.value
            for one in step.entities
            for slot in self._utterances.slots_of(one, step.intent)
        }

    def inside(self, step: UserStep, form: str) -> Iterator[SlotStep]:
        """Yield what a step's entities fill inside a form, and nowhere else."""
        outside = self.filled_by(step)
        for one in step.entities:
            for slot in self._utterances.slots_of(one, step.intent, form):
                if slot not in outside and one.value:
                    yield SlotStep(slot=slot, value=one.value)

    def begun(self, form: str, intent: str | None) -> Iterator[SlotStep]:
        """Yield what the intent that begins a form gives its slots."""
        for slot in self._forms[form]:
            known = self._assistant.slots.get(slot)
            for one in (known.mappings or ()) if known is not None else ():
                triggers = one.type == "from_trigger_intent" and intent in (
                    one.intents or (intent,)
                )
                forms = [condition.form for condition in one.conditions]
                if triggers and one.value is not None and (not forms or form in forms):
                    yield SlotStep(slot=slot, value=one.value)
                    break

    def initial(self) -> dict[str, str]:
        """Return what slots are from the start."""
        slots = self._assistant.slots.values()
        return {one.name: one.initial for one in slots if one.initial is not None}

    def meaning(self, slot: str, intent: str | None) -> str | None:
        """Return the value that an intent alone gives a slot."""
        return self._utterances.meaning(slot, intent)

    def slots(self, name: str) -> tuple[str, ...] | None:
        """Return a form's slots; None for what is no form."""
        return self._forms.get(name)

    def chosen(self, name: str, intent: str | None) -> str:
        """Return the response that a grouping intent's answer is, or the name itself."""
        return chosen_response(name, intent, self._assistant)

    def lists(self, name: str) -> bool:
        """Say whether a name is an action or response of the project's own."""
        return name in self._listed

    def count_written_out(self, where: str) -> None:
        """Count a form whose questions and answers the story left to Rasa."""
        self._report.changed("form: its questions and answers written out", where)


class _Telling:
    """One story being written out; ``_filled`` is what is known so far."""

    def __init__(self, writer: StoryWriter, story: RasaStory, where: str) -> None:
        self._writer = writer
        self._where = where
        self._filled: dict[str, str] = writer.initial()
        self._form_now: str | None = None
        self._asked: str | None = None
        self._intent: str | None = None
        self._told = [
            one
            for one in story.steps
            if not (isinstance(one, SlotStep) and one.slot == REQUESTED)
            and not (isinstance(one, SlotStep) and not one.known)
        ]

    def steps(self) -> Iterator[RasaStep]:
        for place, step in enumerate(self._told):
            slots = takewhile(lambda one: isinstance(one, SlotStep), self._told[place + 1 :])
            set_next = [one for one in slots if isinstance(one, SlotStep)]
            values = {one.slot: one.value for one in set_next if one.value is not None}
            after = self._told[place + 1 + len(set_next) :]
            for one in self._step(step, values, after):
                self._note(one)
                yield one

    def _step(
        self, step: RasaStep, values: dict[str, str], after: list[RasaStep]
    ) -> Iterator[RasaStep]:
        if isinstance(step, UserStep):
            said = self._writer.said(step, values)
            self._intent = said.intent
            yield said
            meant = self._writer.meaning(self._asked, said.intent) if self._asked else None
            if self._asked and meant and self._asked not in self._writer.filled_by(said):
                yield SlotStep(slot=self._asked, value=meant)
            if self._form_now is not None:
                yield from self._writer.inside(said, self._form_now)
            self._asked = None
        elif not isinstance(step, ActionStep):
            yield step
        elif (slots := self._writer.slots(step.name)) is not None:
            yield from self._form(step.name, slots, values, after)
        elif self._writer.lists(step.name):
            yield replace(step, name=self._writer.chosen(step.name, self._intent))

    def _form(
        self, form: str, slots: tuple[str, ...], values: dict[str, str], after: list[RasaStep]
    ) -> Iterator[RasaStep]:
        if self._form_now != form:
            for one in self._writer.begun(form, self._intent):
                self._filled[one.slot] = one.value or ""
                yield one
        self._form_now = form
        missing = [slot for slot in slots if slot not in self._filled]
        if not after or isinstance(after[0], UserStep):
            # The form goes on, or somebody interrupts it.
            self._asked = missing[0] if missing else None
            for slot in missing[:1]:
                yield from self._writer.asking(form, slot)
            return
        for slot in missing:
            yield from self._writer.asking(form, slot)
            yield from self._writer.answered(form, slot, values.get(slot))
        self._form_now = None
        if missing:
            self._writer.count_written_out(f"{self._where} {form}")

    def _note(self, step: RasaStep) -> None:
        if isinstance(step, UserStep):
            self._filled |= self._writer.filled_by(step)
        elif isinstance(step, SlotStep) and step.value is None:
            self._filled.pop(step.slot, None)
        elif isinstance(step, SlotStep) and step.value is not None:
            self._filled[step.slot] = step.value
