"""What rules and stories say about forms and actions: which intent leads where, and when.

On the way of a conversion, between the project and the forms of bot.yml. Example: the steps
``intent: book``, ``action: book_form``, ``active_loop: null``, ``action: action_book`` say that
``book`` begins ``book_form`` and that ``action_book`` ends it.

What begins with an action, stands under a condition or resumes a form says nothing about the
intent alone: it becomes a conditional rule, or is named.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_types import ActionStep, RasaStory, SlotStep, UserStep

Names = tuple[str, ...]

_AGREEING = frozenset({"affirm", "deny"})
_DEACTIVATE = "action_deactivate_loop"
_LISTEN = "action_listen"
_REQUESTED = "requested_slot"


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """What a conditional rule depends on beside its intent.

    Attributes:
        after: the action before the message.
        form: the form under way.
        slots: (slot, value) pairs; None for no value.
        known: slots that have some value.
        start: whether only the first message counts.
    """

    after: str | None = None
    form: str | None = None
    slots: tuple[tuple[str, str | None], ...] = ()
    known: Names = ()
    start: bool = False

    def weight(self) -> int:
        """Return how much it asks for: the more, the sooner it is looked at."""
        parts = (self.after, self.form, *self.slots, *self.known, self.start or None)
        return sum(one is not None for one in parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowRule:
    """What follows an intent under a condition.

    Attributes:
        intent: of the message.
        condition: what else must be so.
        names: what is done; a form alone where it is begun.
        leave: whether the form under way is left.
        where: file and line.
    """

    intent: str
    condition: Condition
    names: Names
    leave: bool = False
    where: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Flows:
    """What leads where.

    Attributes:
        begins: form -> the intents that begin it.
        ends: form -> what is done once it is complete.
        answers: intent -> what is done outside forms.
        rules: what is done under conditions, the narrowest first.
    """

    begins: Mapping[str, Names]
    ends: Mapping[str, Names]
    answers: Mapping[str, Names]
    rules: tuple[FlowRule, ...] = ()


def read_flows(assistant: Assistant, report: ReadReport) -> Flows:
    """Return what rules always and stories mostly do.

    A rule decides; a story leads to an action outside forms only where every story does the same
    after that intent, since the others are left to the model.
    """
    reading = _Reading(assistant, report)
    reading.join(assistant.project.stories)
    for rule in assistant.rules:
        for branch in _branches(rule):
            reading.follow(branch, ruled=True)
    ruled = dict(reading.answers)
    reading.answers = {}
    for story in assistant.project.stories:
        for branch in _branches(story):
            reading.follow(branch, ruled=False)
    answers: dict[str, Names] = {}
    for intent, counted in ruled.items():
        answers[intent] = _most(counted)
        for other in counted:
            if other != answers[intent]:
                report.skipped(
                    "rule: says another thing after its intent",
                    f"{reading.places[intent, other]}: {', '.join(other)}",
                )
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
                where = reading.places[form, other]
                report.skipped("form: another end of it", f"{where} {form}: {', '.join(other)}")
    for intent, names in assistant.retrieval_intents.items():
        if intent in answers:
            general = answers.pop(intent)
            for one in names:
                own = tuple(chosen_response(name, one, assistant) for name in general)
                answers.setdefault(one, own)
    begins = reading.settled_begins()
    rules = [
        one
        for one in dict.fromkeys(reading.rules)
        # What always begins a form needs no rule for it.
        if one.intent not in begins.get(one.names[0], ()) or one.condition.form is not None
    ]
    return Flows(
        begins=begins,
        ends=ends,
        answers=answers,
        rules=tuple(sorted(rules, key=lambda one: -one.condition.weight())),
    )


def _most(counted: Counter[Names]) -> Names:
    return counted.most_common(1)[0][0]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Turn:
    """A message and what follows.

    ``before`` is the action that it answers, ``slots`` is what was set after that action.
    """

    intent: str | None
    steps: list[ActionStep]
    before: str | None
    slots: tuple[tuple[str, str | None], ...]
    first: bool


class _Reading:
    def __init__(self, assistant: Assistant, report: ReadReport) -> None:
        self.ends: dict[str, Counter[Names]] = {}
        self.answers: dict[str, Counter[Names]] = {}
        self.rules: list[FlowRule] = []
        # Where an answer or an end of a form is said first.
        self.places: dict[tuple[str, Names], str] = {}
        self._before: dict[str, dict[str, None]] = {}
        self._first: dict[str, dict[str, None]] = {}
        self._later: list[FlowRule] = []
        # What each intent leads to outside forms, whatever came before it.
        self._leads: dict[str, set[str]] = {}
        self._mapped = {one for pairs in assistant.intent_values.values() for one, _ in pairs}
        self._forms = assistant.forms
        self._listed = listed_actions(assistant)
        self._report = report

    def join(self, stories: Iterable[RasaStory]) -> None:
        """Note what is done last before each checkpoint."""
        for story in stories:
            done = [one.name for one in story.steps if isinstance(one, ActionStep)]
            if story.closes is not None and done:
                self._before.setdefault(story.closes, {})[done[-1]] = None

    def follow(self, story: RasaStory, *, ruled: bool) -> None:
        """Take in one rule or story."""
        where = f"{story.place.file}:{story.place.line}"
        condition = _condition(story)
        begun = {condition.form} if condition.form else set[str]()
        starts_with_user = bool(story.steps) and not isinstance(story.steps[0], ActionStep)
        joined = tuple(self._before.get(story.opens or "", ()))
        for turn in _turns(story):
            if story.opens is not None and turn.first and turn.before is None:
                if len(joined) != 1:
                    self._report.skipped(
                        "story: goes on from several others, its first turn", where
                    )
                    begun |= {one.name for one in turn.steps if one.name in self._forms}
                    continue
                turn = replace(turn, before=joined[0])
            names: list[str] = []
            form: str | None = None
            left = False
            resumed = False
            for step in turn.steps:
                if step.name in self._forms:
                    if names and form is None and step.name not in begun:
                        self._report.skipped("step: before a form", _at(step))
                    elif names and form is not None:
                        self._end(form, names, where)
                    if form is None and step.name in begun:
                        resumed = True
                        # Said before the form goes on, by a rule about what interrupts it.
                        if names and ruled and turn.intent is not None:
                            inside = Condition(form=step.name)
                            self._rule(turn.intent, inside, names, where)
                    elif turn.intent is not None and step.name not in begun:
                        self._begin(turn, step.name, condition, where, ruled=ruled)
                    form, names = step.name, []
                    begun.add(step.name)
                elif step.name in self._listed:
                    names.append(step.name)
                elif step.name == _DEACTIVATE:
                    left = True
                elif step.name != _LISTEN:
                    self._report.skipped(f"action of Rasa's own: {step.name}", _at(step))
            if form is not None and names:
                self._end(form, names, where)
            if form is not None or resumed or turn.intent is None:
                continue
            if left and not condition.form and not begun:
                self._report.skipped(f"action of Rasa's own: {_DEACTIVATE}", where)
            if not names:
                continue
            if condition.form and turn.first:
                self._rule(turn.intent, condition, names, where, leave=left)
            # Inside a form an intent means something else than outside.
            elif not begun:
                after = turn.before if turn.first else None
                self._answer(turn.intent, condition, after, names, where, ruled=ruled)
            elif left and ruled:
                self._report.skipped("rule: leaves a form in its middle", where)
        if not starts_with_user and not ruled:
            self._report.changed("story: begins with an action, holds after it alone", where)

    def settled_begins(self) -> dict[str, Names]:
        """Return which intents always begin a form; the others become rules."""
        begins = {form: dict(intents) for form, intents in self._first.items()}
        for one in self._later:
            always = (
                self._leads.get(one.intent) == {one.names[0]}
                and one.intent not in _AGREEING
                and one.intent not in self._mapped
            )
            if one.intent in begins.get(one.names[0], {}):
                continue
            other = [
                rule
                for rule in self._later
                if (rule.intent, rule.condition) == (one.intent, one.condition)
                and rule.names != one.names
            ]
            if other:
                self._report.skipped(
                    "form: stories begin several under one condition",
                    f"{one.where} {one.names[0]} {one.intent}",
                )
            elif always:
                begins.setdefault(one.names[0], {})[one.intent] = None
            else:
                self.rules.append(one)
                self._report.changed(
                    "form: begun by an intent after another action alone",
                    f"{one.where} {one.names[0]} {one.intent}",
                )
        return {form: tuple(intents) for form, intents in begins.items()}

    def _begin(
        self, turn: _Turn, form: str, condition: Condition, where: str, *, ruled: bool
    ) -> None:
        intent = turn.intent or ""
        self._leads.setdefault(intent, set()).add(form)
        if turn.first and turn.before is None and not condition.weight():
            self._first.setdefault(form, {})[intent] = None
            return
        found = _with_after(condition, turn.before, turn.slots)
        one = FlowRule(intent=intent, condition=found, names=(form,), where=where)
        if ruled or condition.weight() or turn.first:
            self.rules.append(one)
        else:
            self._later.append(one)

    def _answer(
        self,
        intent: str,
        condition: Condition,
        after: str | None,
        names: list[str],
        where: str,
        *,
        ruled: bool,
    ) -> None:
        self._leads.setdefault(intent, set()).add(names[0])
        found = _with_after(condition, after)
        if not found.weight():
            self.answers.setdefault(intent, Counter())[tuple(names)] += 1
            self.places.setdefault((intent, tuple(names)), where)
        elif ruled or any(not one.startswith("utter_") for one in names):
            self._rule(intent, found, names, where)

    def _rule(
        self, intent: str, condition: Condition, names: list[str], where: str, leave: bool = False
    ) -> None:
        same = [one for one in self.rules if (one.intent, one.condition) == (intent, condition)]
        if same and same[0].names != tuple(names):
            self._report.skipped(
                "rule: says another thing under one condition", f"{where}: {', '.join(names)}"
            )
            return
        one = FlowRule(
            intent=intent, condition=condition, names=tuple(names), leave=leave, where=where
        )
        self.rules.append(one)

    def _end(self, form: str, names: list[str], where: str) -> None:
        self.places.setdefault((form, tuple(names)), where)
        self.ends.setdefault(form, Counter())[tuple(names)] += 1


def _branches(story: RasaStory) -> Iterable[RasaStory]:
    """Yield a story, and again for each other intent that an ``or`` of it allows."""
    yield story
    for place, step in enumerate(story.steps):
        if not isinstance(step, UserStep):
            continue
        for intent in step.others:
            steps = list(story.steps)
            steps[place] = UserStep(intent=intent, place=step.place)
            yield replace(story, steps=tuple(steps))


def _with_after(
    condition: Condition, after: str | None, slots: tuple[tuple[str, str | None], ...] = ()
) -> Condition:
    return Condition(
        after=after,
        form=condition.form,
        slots=(*condition.slots, *slots),
        known=condition.known,
        start=condition.start,
    )


def _condition(story: RasaStory) -> Condition:
    """Return a rule's conditions, and the slots set before its first message."""
    slots: dict[str, str | None] = {}
    known: dict[str, None] = {}
    before = []
    for step in story.steps:
        if not isinstance(step, SlotStep):
            break
        before.append(step)
    for step in (*story.conditions, *before):
        if not step.known:
            known[step.slot] = None
        else:
            slots[step.slot] = step.value
    return Condition(
        form=story.form or None,
        slots=tuple(slots.items()),
        known=tuple(known),
        start=story.starts,
    )


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


def _turns(story: RasaStory) -> Iterable[_Turn]:
    """Yield each message with the actions after it; those before any have no intent."""
    intent: str | None = None
    actions: list[ActionStep] = []
    before: str | None = None
    slots: dict[str, str | None] = {}
    set_since: dict[str, str | None] = {}
    spoken = 0

    def turn() -> _Turn:
        given = tuple(slots.items()) if before is not None else ()
        return _Turn(intent=intent, steps=actions, before=before, slots=given, first=spoken <= 1)

    for step in story.steps:
        if isinstance(step, UserStep):
            if actions:
                yield turn()
            before = actions[-1].name if actions else None
            intent, actions = step.intent, []
            slots, set_since = set_since, {}
            spoken += 1
        elif isinstance(step, ActionStep) and step.name != _LISTEN:
            actions.append(step)
            set_since = {}
        elif isinstance(step, SlotStep) and step.known and step.slot != _REQUESTED and actions:
            set_since[step.slot] = step.value
    if actions:
        yield turn()


def _at(step: ActionStep) -> str:
    return f"{step.place.file}:{step.place.line}"
