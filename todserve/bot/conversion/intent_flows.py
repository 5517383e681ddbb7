"""What rules and stories say about forms and actions: which intent leads where.

On the way of a conversion, between the project and the forms of bot.yml. Example: the steps
``intent: book``, ``action: book_form``, ``active_loop: null``, ``action: action_book`` say that
``book`` begins ``book_form`` and that ``action_book`` ends it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_types import ActionStep, RasaStory, UserStep

Names = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Flows:
    """What leads where.

    Attributes:
        begins: form -> the intents that begin it.
        ends: form -> what is done once it is complete.
        answers: intent -> what is done outside forms.
    """

    begins: Mapping[str, Names]
    ends: Mapping[str, Names]
    answers: Mapping[str, Names]


def read_flows(assistant: Assistant, report: ReadReport) -> Flows:
    """Return what rules always and stories mostly do.

    A rule decides; a story leads to an action outside forms only where every story does the same
    after that intent, since the others are left to the model.
    """
    reading = _Reading(assistant, report)
    for rule in assistant.rules:
        reading.follow(rule)
    ruled = dict(reading.answers)
    reading.answers = {}
    for story in assistant.project.stories:
        reading.follow(story)
    answers = {intent: _most(found) for intent, found in ruled.items()}
    for intent, found in reading.answers.items():
        custom = [one for names in found for one in names if not one.startswith("utter_")]
        if intent in answers or not custom:
            continue
        if len(found) == 1:
            answers[intent] = _most(found)
        else:
            for name in dict.fromkeys(custom):
                report.skipped("action: runs after an intent in some stories only", name)
    ends = {}
    for form, counted in reading.ends.items():
        ends[form] = _most(counted)
        for other in counted:
            if other != ends[form]:
                report.skipped("form: another end of it", f"{form}: {', '.join(other)}")
    for intent, names in assistant.retrieval_intents.items():
        if intent in answers:
            general = answers.pop(intent)
            for one in names:
                own = tuple(chosen_response(name, one, assistant) for name in general)
                answers.setdefault(one, own)
    return Flows(
        begins={form: tuple(intents) for form, intents in reading.begins.items()},
        ends=ends,
        answers=answers,
    )


def _most(counted: Counter[Names]) -> Names:
    return counted.most_common(1)[0][0]


class _Reading:
    def __init__(self, assistant: Assistant, report: ReadReport) -> None:
        self.begins: dict[str, dict[str, None]] = {}
        self.ends: dict[str, Counter[Names]] = {}
        self.answers: dict[str, Counter[Names]] = {}
        self._forms = assistant.forms
        self._listed = listed_actions(assistant)
        self._report = report

    def follow(self, story: RasaStory) -> None:
        begun: set[str] = set()
        for intent, steps in _turns(story):
            names: list[str] = []
            form = None
            for step in steps:
                if step.name in self._forms:
                    if names and form is None and step.name not in begun:
                        self._report.skipped("step: before a form", _at(step))
                    elif names and form is not None:
                        self.ends.setdefault(form, Counter())[tuple(names)] += 1
                    if intent is not None and step.name not in begun:
                        self.begins.setdefault(step.name, {})[intent] = None
                    form, names = step.name, []
                    begun.add(step.name)
                elif step.name in self._listed:
                    names.append(step.name)
                elif step.name != "action_listen":
                    self._report.skipped(f"action of Rasa's own: {step.name}", _at(step))
            if form is not None and names:
                self.ends.setdefault(form, Counter())[tuple(names)] += 1
            # Inside a form an intent means something else than outside.
            elif form is None and names and intent is not None and not begun:
                self.answers.setdefault(intent, Counter())[tuple(names)] += 1


def chosen_response(name: str, intent: str | None, assistant: Assistant) -> str:
    """Return ``utter_faq/hours`` for ``utter_faq`` after ``faq/hours``; any other name as it is."""
    own = f"utter_{intent}"
    return own if own in assistant.responses and own.partition("/")[0] == name else name


def listed_actions(assistant: Assistant) -> frozenset[str]:
    """Return the responses and custom actions of the project; Rasa's own stand in no domain."""
    domains = assistant.project.domains
    custom = {name for one in domains for name in one.actions}
    # What a grouping intent is answered with stands in no domain either.
    chosen = {f"utter_{intent}" for intent in assistant.retrieval_intents}
    return frozenset(custom | chosen | set(assistant.responses)) - frozenset(assistant.forms)


def _turns(story: RasaStory) -> Iterable[tuple[str | None, list[ActionStep]]]:
    """Yield each intent with the actions after it; None for those before any."""
    intent: str | None = None
    actions: list[ActionStep] = []
    for step in story.steps:
        if isinstance(step, UserStep):
            if actions:
                yield intent, actions
            intent, actions = step.intent, []
        elif isinstance(step, ActionStep):
            actions.append(step)
    if actions:
        yield intent, actions


def _at(step: ActionStep) -> str:
    return f"{step.place.file}:{step.place.line}"
