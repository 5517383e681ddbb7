"""Written stories as dialogues with replies, in the layout of Schema-Guided Dialogue.

The conversion of a Rasa project calls it with the stories that `story_writer` wrote. Example: the
act ``utter_booked`` with the response ``"Booked for {day}."`` and the state's ``day: friday`` is
the reply ``Booked for friday.`` and the delexicalised one ``Booked for [value_day].``.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from todserve.bot.conversion.converted_responses import PLACEHOLDER, Wording, texts
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.rasa.rasa_dialogues import ProjectDialogues
from todserve.corpora.readers.rasa.rasa_services import project_services, slot_name
from todserve.corpora.readers.rasa.rasa_types import RasaProject, UserStep
from todserve.corpora.readers.schema_names import Fitting
from todserve.corpora.readers.sgd.sgd_writer import write_sgd
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.schema import Schema, Service


class Replies:
    """Fills the replies of turns from the responses that their acts name."""

    def __init__(self, project: RasaProject, wording: Wording, report: ReadReport) -> None:
        self._wording = wording
        self._report = report
        self._initial = {
            label(slot.name): slot.initial
            for domain in project.domains
            for slot in domain.slots
            if slot.initial is not None
        }
        self._places = {
            label(slot.name): (domain.service, slot_name(slot.name, domain))
            for domain in project.domains
            for slot in domain.slots
        }

    def replied(self, dialogue: Dialogue) -> Dialogue:
        """Return a dialogue whose turns say what their acts say."""
        turns = tuple(self._turn(turn, dialogue.dialogue_id) for turn in dialogue.turns)
        return replace(dialogue, turns=turns)

    def _turn(self, turn: Turn, where: str) -> Turn:
        templates = [
            self._template(turn, found)
            for act in turn.dialogue_acts or ()
            if (found := texts(self._wording.get(act.act, ())))
        ]
        if not templates:
            return turn
        template = " ".join(templates)
        ours = PLACEHOLDER.sub(lambda found: f"[value_{found[1]}]", template)
        placeholders: list[tuple[str, str]] = []
        for name in PLACEHOLDER.findall(template):
            value = self._value(turn, name)
            if value is None:
                self._report.changed("reply: a placeholder kept, its value is nowhere told", where)
            placeholders.append((name, f"[value_{name}]" if value is None else value))
        surfaces = iter(placeholders)
        said = PLACEHOLDER.sub(lambda _: next(surfaces)[1], template)
        word_for_word = [turn.system] if turn.system else []
        return replace(
            turn,
            system=" ".join([said, *word_for_word]),
            delexicalised_response=" ".join([ours, *word_for_word]),
            placeholders=tuple(placeholders),
        )

    def _template(self, turn: Turn, templates: tuple[str, ...]) -> str:
        """Return the first template whose values are all known, else the first, in one line."""
        known = (
            one
            for one in templates
            if all(self._value(turn, name) is not None for name in PLACEHOLDER.findall(one))
        )
        return " ".join(next(known, templates[0]).split())

    def _value(self, turn: Turn, name: str) -> str | None:
        service, slot = self._places.get(name, ("", name))
        return (turn.belief_state or {}).get(service, {}).get(slot) or self._initial.get(name)


def write_dialogues(
    project: RasaProject, wording: Wording, folder: Path, report: ReadReport
) -> tuple[int, int]:
    """Write a split's dialogues: the examples and stories of ``project``.

    Args:
        project: its stories have words.
        wording: responses -> templates.
        folder: is made, ``train`` or ``test``.
        report: counts what the layout cannot carry.

    Returns:
        How many dialogues and turns were written.
    """
    services = _with_answers(project_services(project), project)
    fitting = Fitting(services, report)
    replies = Replies(project, wording, report)
    writing = ReadReport()
    only = services[0].name if len(services) == 1 else None

    def dialogues() -> Iterator[Dialogue]:
        for dialogue in ProjectDialogues(project, report).dialogues():
            # Where there is one service, every turn is about it.
            turns = (replace(turn, active_domain=only) for turn in dialogue.turns)
            placed = replace(dialogue, split=folder.name, turns=tuple(turns))
            yield fitting.dialogue(replies.replied(placed))

    write_sgd(Schema(services=fitting.services), dialogues(), folder, writing)
    _merge(writing, report)
    return writing.dialogues, writing.turns


def _with_answers(services: tuple[Service, ...], project: RasaProject) -> tuple[Service, ...]:
    """Return the services with ``faq/hours`` beside ``faq``: here it is an intent of its own."""
    told = [step for story in project.stories for step in story.steps if type(step) is UserStep]
    said = [one.intent for one in project.nlu.examples]
    said += [step.intent for step in told if step.intent]

    def own(service: Service) -> list[str]:
        answers = (one for one in said if one.partition("/")[0] in service.intents)
        return list(dict.fromkeys([*service.intents, *answers]))

    return tuple(
        service.model_copy(update={"intents": tuple(own(service))}) for service in services
    )


def _merge(one: ReadReport, into: ReadReport) -> None:
    for note in one.notes.values():
        known = into.notes.setdefault(note.reason, note)
        if known is not note:
            known.count += note.count
