"""What rules and stories say about forms and actions: which intent leads where, and when.

The conversion of a Rasa project calls it before forms are converted, which it tells where they
begin and end. Example: the steps ``intent: book``, ``action: book_form``, ``active_loop: null``,
``action: action_book`` say that ``book`` begins ``book_form`` and that ``action_book`` ends it.

What begins with an action, stands under a condition or resumes a form says nothing about the
intent alone: it becomes a conditional rule, or is named. What only stories say is settled last,
by `story_agreement`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile

from todserve.bot.conversion.converted_fallback import asks_first
from todserve.bot.conversion.flow_rules import (
    Condition,
    Done,
    FlowRule,
    Meant,
    Named,
    Names,
    Seen,
    Told,
    conditioned,
)
from todserve.bot.conversion.rasa_assistant import Assistant
from todserve.bot.conversion.story_agreement import agreement, told_apart
from todserve.bot.rasa.two_stage_fallback import TWO_STAGE
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.entity_slots import EntitySlots
from todserve.corpora.readers.rasa.rasa_types import (
    ActionStep,
    Place,
    RasaEntity,
    RasaStory,
    SlotStep,
    UserStep,
)

AGREEING = frozenset({"affirm", "deny"})
"""Intents that mean nothing by themselves."""
RESTART = "action_restart"
"""Rasa's own, and every bot's."""
_DEACTIVATE = "action_deactivate_loop"
_LEAVING = (_DEACTIVATE, "action_deactivate_form")
"""The same under its name today and in Rasa 1."""
_LISTEN = "action_listen"
_SILENT = (_LISTEN, "action_session_start")
_REQUESTED = "requested_slot"
_UNSEEN = frozenset({"any", "unfeaturized"})
_SEEN_AS_SET = frozenset({"text", "list"})
"""Slots of which Rasa's policies see only whether they are set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flows:
    """Which intents begin forms, which actions follow them, and under which conditions.

    Attributes:
        begins: form -> the intents that begin it.
        openings: (form, intent that begins it) -> what is done before it asks.
        ends: form -> what is done once it is complete.
        branches: form -> what is done instead, each under a condition.
        answers: intent -> what is done outside forms.
        rules: what is done under conditions, the narrowest first.
    """

    begins: Mapping[str, Names]
    ends: Mapping[str, Names]
    answers: Mapping[str, Names]
    rules: tuple[FlowRule, ...] = ()
    openings: Mapping[tuple[str, str], Names] = field(default_factory=dict)
    branches: Mapping[str, tuple[tuple[Condition, Names], ...]] = field(default_factory=dict)

    @property
    def named(self) -> frozenset[str]:
        """Everything that is done anywhere: forms among it are begun there."""
        every = [*self.ends.values(), *self.answers.values(), *(one.names for one in self.rules)]
        every += [names for branches in self.branches.values() for _, names in branches]
        return frozenset(name for names in every for name in names)


def read_flows(assistant: Assistant, report: ReadReport) -> Flows:
    """Return what rules always do, and stories wherever they agree.

    A rule decides; a story leads somewhere where every story does the same after that intent, or
    after that intent and the action before it.
    """
    reading = _Reading(assistant, report)
    reading.join(assistant.project.stories)
    for rule in assistant.rules:
        if asks_first(rule):
            continue  # the fallback's own
        for branch in _branches(rule):
            reading.follow(branch, ruled=True)
    reading.trigger(assistant.triggers)
    for story in assistant.project.stories:
        for branch in _branches(story):
            reading.follow(branch, ruled=False)
    answers: dict[str, Names] = {}
    for intent, counted in reading.answers.items():
        answers[intent] = _most(counted)
        for other in counted:
            if other != answers[intent]:
                report.skipped(
                    "rule: says another thing after its intent",
                    f"{reading.places[intent, other]}: {', '.join(other)}",
                )
    agreed = agreement(reading.seen, frozenset(answers), AGREEING, report)
    answers = {**agreed.answers, **answers}
    for intent, names in assistant.retrieval_intents.items():
        if intent in answers:
            general = answers.pop(intent)
            for one in names:
                own = tuple(chosen_response(name, one, assistant) for name in general)
                answers.setdefault(one, own)
    begins = reading.settled_begins()
    ends, branches = reading.settled_ends()
    told = {(one.intent, one.condition) for one in reading.rules}
    rules = [
        one
        for one in dict.fromkeys(
            [
                *reading.rules,
                *(one for one in agreed.rules if (one.intent, one.condition) not in told),
            ]
        )
        # What always begins a form needs no rule for it.
        if one.intent not in begins.get(one.names[-1], ()) or one.condition.form is not None
    ]
    return Flows(
        begins=begins,
        openings=reading.openings,
        ends=ends,
        branches=branches,
        answers=answers,
        rules=tuple(sorted(rules, key=lambda one: -one.condition.weight())),
    )


def _most(counted: Counter[Names]) -> Names:
    return counted.most_common(1)[0][0]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Turn:
    """A message and what follows.

    ``before`` is the action that it answers, ``slots`` is what was set after that action, ``given``
    what the message itself set, and ``told`` what was set after each of the steps.
    """

    intent: str | None
    steps: list[ActionStep]
    told: list[dict[str, str | None]]
    before: str | None
    earlier: Names
    slots: dict[str, str | None]
    given: dict[str, str | None]
    entities: tuple[RasaEntity, ...]
    first: bool


class _Reading:
    def __init__(self, assistant: Assistant, report: ReadReport) -> None:
        self.answers: dict[str, Counter[Names]] = {}
        self.rules: list[FlowRule] = []
        self.openings: dict[tuple[str, str], Names] = {}
        self.seen: list[Seen] = []
        self.switches: list[FlowRule] = []
        # Where an answer or an end of a form is said first.
        self.places: dict[tuple[str, Names], str] = {}
        self._ends: dict[str, Counter[tuple[Condition, Names]]] = {}
        self._before: dict[str, dict[str, None]] = {}
        self._first: dict[str, dict[str, None]] = {}
        self._later: list[FlowRule] = []
        # What each intent leads to outside forms, whatever came before it.
        self._leads: dict[str, set[str]] = {}
        self._mapped = {one for pairs in assistant.intent_values.values() for one, _ in pairs}
        self._forms = assistant.forms
        self._slots = assistant.slots
        self._entity_slots = EntitySlots(assistant.project.domains)
        self._listed = listed_actions(assistant)
        self._left: str | None = None
        self._report = report

    def join(self, stories: Iterable[RasaStory]) -> None:
        """Note what is done last before each checkpoint."""
        for story in stories:
            done = [one.name for one in story.steps if isinstance(one, ActionStep)]
            for checkpoint in story.closes if done else ():
                self._before.setdefault(checkpoint, {})[done[-1]] = None

    def trigger(self, triggers: Mapping[str, tuple[str, Place]]) -> None:
        """Take in the actions that intents of Rasa 1 lead to by themselves."""
        for intent, (action, place) in triggers.items():
            if action in self._listed or action == RESTART:
                self.answers.setdefault(intent, Counter())[(action,)] += 1
                self.places.setdefault((intent, (action,)), f"{place.file}:{place.line}")
            else:
                self._report.skipped(
                    "intents: triggers an action that is nowhere listed",
                    f"{place.file}:{place.line} {action}",
                )

    def follow(self, story: RasaStory, *, ruled: bool) -> None:
        """Take in one rule or story."""
        where = f"{story.place.file}:{story.place.line}"
        condition = self._condition(story)
        opened = _opened(story)
        if opened in self._forms:
            condition = replace(condition, form=opened)
        inside = condition.form
        self._left = None
        begun = {condition.form} if condition.form else set[str]()
        said = [one for one in story.steps if getattr(one, "name", "") not in _SILENT]
        joined = tuple(dict.fromkeys(one for c in story.opens for one in self._before.get(c, ())))
        known = {one.slot: one.value for one in _set_first(story) if one.known}
        for turn in _turns(story):
            if story.opens and turn.first and turn.before is None:
                if len(joined) != 1:
                    told = "several others" if joined else "a checkpoint that no other reaches"
                    self._report.skipped(f"story: goes on from {told}, its first turn", where)
                    begun |= {one.name for one in turn.steps if one.name in self._forms}
                    continue
                turn = replace(turn, before=joined[0], slots=known)
            if condition.start and not turn.first:
                # Only the first message is the first; the others follow what was done after it.
                condition = replace(condition, start=False)
                self._report.changed("rule: of the start, its later turns hold at any time", where)
            inside = self._turn(turn, condition, inside, begun, where, ruled=ruled)
        if said and isinstance(said[0], ActionStep) and not ruled:
            self._report.changed("story: begins with an action, holds after it alone", where)

    def _turn(
        self,
        turn: _Turn,
        condition: Condition,
        inside: str | None,
        begun: set[str],
        where: str,
        *,
        ruled: bool,
    ) -> str | None:
        """Take in one turn, and return the form that is under way after it."""
        done: list[Done] = []
        form: str | None = None
        ended: dict[str, str | None] = {}
        left = False
        for step, told in zip(turn.steps, turn.told, strict=True):
            if step.name in self._forms:
                names = tuple(one.name for one in done)
                if form is not None and step.name != form:
                    # One form after another, in the same turn.
                    self._end(form, [*done, Done(name=step.name)], ended, condition, where)
                elif done and form is not None:
                    self._end(form, done, ended, condition, where)
                if form is None and step.name == inside and not left:
                    # Said before the form goes on, by a rule about what interrupts it.
                    if done and turn.intent is not None:
                        within = self._within(turn, condition, inside)
                        if ruled:
                            self._rule(turn.intent, within, names, where)
                        else:
                            self._saw(turn, inside, done, where)
                elif form is None and turn.intent is not None:
                    if inside is not None and step.name != inside:
                        self._switch(turn, (*names, step.name), condition, inside, where, left=left)
                    elif step.name not in begun or turn.before is not None:
                        self._begin(turn, step.name, condition, where, names, ruled=ruled)
                form, done, ended = step.name, [], told
                begun.add(step.name)
            elif step.name in self._listed or step.name == RESTART:
                done.append(Done(name=step.name, told=self._meant(told), raw=tuple(told.items())))
            elif step.name in _LEAVING:
                left = True
            elif step.name not in (_LISTEN, TWO_STAGE):
                self._report.skipped(f"action of Rasa's own: {step.name}", _at(step))
        if form is not None:
            if done:
                self._end(form, done, ended, condition, where)
            return None if done else form
        if turn.intent is None:
            if ruled or turn.before is not None or not done:
                return inside
            self._follows(done, where)
            return inside
        if left and inside is None:
            self._report.skipped(f"action of Rasa's own: {_DEACTIVATE}", where)
        if left and not done:
            self._report.skipped("form: is left in its middle, and nothing is said", where)
        if not done:
            return None if left else inside
        names = tuple(one.name for one in done)
        if inside is not None:
            if ruled:
                within = self._within(turn, condition, inside)
                self._rule(turn.intent, within, names, where, leave=left)
            else:
                self._saw(turn, inside, done, where, leave=left, again=False)
        else:
            self._answer(turn, condition, done, where, ruled=ruled)
        return None if left else inside

    def settled_begins(self) -> dict[str, Names]:
        """Return which intents always begin a form; the others become rules."""
        begins = {form: dict(intents) for form, intents in self._first.items()}
        self.rules += told_apart(self.switches, self._report)
        self._later = told_apart(self._later, self._report)
        for one in self._later:
            intent, form = one.intent or "", one.names[-1]
            always = (
                self._leads.get(intent) == {form}
                and intent not in AGREEING
                and intent not in self._mapped
            )
            if intent in begins.get(form, {}):
                continue
            if always:
                begins.setdefault(form, {})[intent] = None
                self.openings.setdefault((form, intent), one.names[:-1])
            else:
                self.rules.append(one)
                self._report.changed(
                    "form: begun by an intent after another action alone",
                    f"{one.where} {form} {intent}",
                )
        return {form: tuple(intents) for form, intents in begins.items()}

    def settled_ends(
        self,
    ) -> tuple[dict[str, Names], dict[str, tuple[tuple[Condition, Names], ...]]]:
        """Return what each form mostly ends with, and what it ends with under a condition."""
        ends: dict[str, Names] = {}
        branches: dict[str, tuple[tuple[Condition, Names], ...]] = {}
        for form, counted in self._ends.items():
            plain = Counter[Names]()
            for (condition, names), count in counted.items():
                if not condition.weight():
                    plain[names] += count
            every = Counter({names: count for (_, names), count in counted.items()})
            ends[form] = _most(plain or every)
            others: dict[Condition, Names] = {}
            for condition, names in counted:
                if names == ends[form]:
                    continue
                if condition.weight() and others.setdefault(condition, names) == names:
                    continue
                where = self.places[form, names]
                self._report.skipped(
                    "form: another end of it", f"{where} {form}: {', '.join(names)}"
                )
            narrow = sorted(others.items(), key=lambda one: -one[0].weight())
            branches[form] = tuple(narrow)
        return ends, branches

    def _begin(
        self,
        turn: _Turn,
        form: str,
        condition: Condition,
        where: str,
        opening: Names,
        *,
        ruled: bool,
    ) -> None:
        intent = turn.intent or ""
        self._leads.setdefault(intent, set()).add(form)
        found = self._after(turn, condition, given=ruled)
        if turn.first and not found.weight():
            self._first.setdefault(form, {})[intent] = None
            known = self.openings.setdefault((form, intent), opening)
            if known != opening:
                self._report.skipped(
                    "form: something else is done before it",
                    f"{where} {form}: {', '.join(opening)}",
                )
            return
        one = FlowRule(
            intent=intent,
            condition=found,
            names=(*opening, form),
            raw=tuple(turn.slots.items()),
            left=self._left,
            where=where,
        )
        if ruled or condition.weight() or turn.first:
            self.rules.append(one)
        else:
            self._later.append(one)

    def _switch(
        self,
        turn: _Turn,
        names: Names,
        condition: Condition,
        inside: str,
        where: str,
        *,
        left: bool,
    ) -> None:
        """Take in a turn that goes from one form to another."""
        self._left = inside
        self.switches.append(
            FlowRule(
                intent=turn.intent,
                condition=replace(self._after(turn, condition, given=False), form=inside),
                names=names,
                leave=left,
                raw=tuple(turn.slots.items()),
                where=where,
            )
        )

    def _answer(
        self, turn: _Turn, condition: Condition, done: list[Done], where: str, *, ruled: bool
    ) -> None:
        intent, names = turn.intent or "", tuple(one.name for one in done)
        self._leads.setdefault(intent, set()).add(names[0])
        if not ruled:
            self._saw(turn, None, done, where)
            return
        found = replace(self._after(turn, condition), entities=self._named(turn.entities))
        if not found.weight():
            self.answers.setdefault(intent, Counter())[names] += 1
            self.places.setdefault((intent, names), where)
        else:
            self._rule(intent, found, names, where)

    def _saw(
        self,
        turn: _Turn,
        inside: str | None,
        done: list[Done],
        where: str,
        *,
        leave: bool = False,
        again: bool = True,
    ) -> None:
        raw = {**turn.slots, **self._filled(turn, inside), **turn.given}
        self.seen.append(
            Seen(
                intent=turn.intent or "",
                form=inside,
                before=None if turn.before in self._forms else turn.before,
                earlier=turn.earlier,
                slots=self._meant(raw),
                raw=tuple(raw.items()),
                entities=self._named(turn.entities),
                said=tuple((one.entity, one.value or None) for one in turn.entities),
                done=tuple(done),
                leave=leave,
                again=again,
                where=where,
            )
        )

    def _filled(self, turn: _Turn, inside: str | None) -> dict[str, str | None]:
        """Return the slots that the entities of a message fill, whether a story says so or not."""
        return {
            slot: one.value
            for one in turn.entities
            if one.value
            for slot in self._entity_slots.of(one, intent=turn.intent, form=inside)
        }

    def _follows(self, done: list[Done], where: str) -> None:
        """Take in what follows an action where a slot has a value, whoever spoke before."""
        first, rest = done[0], tuple(one.name for one in done[1:])
        if not rest:
            return
        if not first.told:
            self._report.skipped("story: what follows an action under no condition", where)
            return
        found = conditioned(Condition(after=first.name), first.told)
        self._rule(None, found, rest, where)

    def _within(self, turn: _Turn, condition: Condition, inside: str) -> Condition:
        """Return a rule's condition inside a form."""
        found = self._after(turn, condition) if turn.first else condition
        return replace(found, form=inside, entities=self._named(turn.entities))

    def _after(self, turn: _Turn, condition: Condition, *, given: bool = True) -> Condition:
        """Return a condition with what came before a message, and what the message set."""
        told = self._meant({**turn.slots, **(turn.given if given else {})})
        before = None if turn.before in self._forms else turn.before
        return replace(conditioned(condition, told), after=before)

    def _rule(
        self,
        intent: str | None,
        condition: Condition,
        names: Names,
        where: str,
        leave: bool = False,
    ) -> None:
        same = [one for one in self.rules if (one.intent, one.condition) == (intent, condition)]
        if same and same[0].names != names:
            self._report.skipped(
                "rule: says another thing under one condition", f"{where}: {', '.join(names)}"
            )
            return
        one = FlowRule(intent=intent, condition=condition, names=names, leave=leave, where=where)
        self.rules.append(one)

    def _end(
        self,
        form: str,
        done: list[Done],
        ended: dict[str, str | None],
        condition: Condition,
        where: str,
    ) -> None:
        names = tuple(one.name for one in done)
        told = replace(condition, form=None, start=False) if condition.form == form else Condition()
        found = conditioned(told, self._meant(ended))
        self.places.setdefault((form, names), where)
        self._ends.setdefault(form, Counter())[found, names] += 1

    def _meant(self, told: Told) -> Meant:
        """Return what set slots mean to Rasa: of a text whether there is one, of others the value.

        A slot that does not influence the conversation means nothing.
        """
        found: dict[str, str | bool | None] = {}
        for name, value in told.items():
            slot = self._slots.get(name)
            if name == _REQUESTED or slot is None or slot.influences is False:
                continue
            if slot.type in _UNSEEN:
                continue
            found[name] = True if slot.type in _SEEN_AS_SET and value is not None else value
        return tuple(found.items())

    def _named(self, entities: tuple[RasaEntity, ...]) -> Named:
        """Return what a message names as Rasa's policies see it: a value only of closed slots."""
        found: dict[str, str | None] = {}
        for one in entities:
            slots = self._entity_slots.of(one)
            closed = any(self._slots[slot].values for slot in slots if slot in self._slots)
            found[one.entity] = one.value or None if closed else None
        return tuple(found.items())

    def _condition(self, story: RasaStory) -> Condition:
        """Return a rule's conditions, and the slots set before its first message."""
        told: dict[str, str | None] = {}
        known: dict[str, None] = {}
        for step in (*story.conditions, *_set_first(story)):
            if step.known:
                told[step.slot] = step.value
            else:
                known[step.slot] = None
        meant = self._meant(told)
        for name in set(told) - {one for one, _ in meant} - {_REQUESTED}:
            where = f"{story.place.file}:{story.place.line} {name}"
            self._report.skipped("rule: condition on a slot that influences nothing", where)
        plain = Condition(form=story.form or None, known=tuple(known), start=story.starts)
        return conditioned(plain, meant)


def _set_first(story: RasaStory) -> list[SlotStep]:
    """Return what is set before anybody does anything."""
    before = takewhile(lambda step: isinstance(step, SlotStep), story.steps)
    return [step for step in before if isinstance(step, SlotStep)]


def _opened(story: RasaStory) -> str | None:
    """Return the form that a story says is under way when it begins."""
    steps = story.written.get("steps") if story.written else None
    first = steps[0] if isinstance(steps, list) and steps else None
    return first.get("active_loop") if isinstance(first, Mapping) else None


def _branches(story: RasaStory) -> Iterable[RasaStory]:
    """Yield a story, and again for each other message that an ``or`` of it allows."""
    yield story
    for place, step in enumerate(story.steps):
        if not isinstance(step, UserStep):
            continue
        for other in step.others:
            steps = list(story.steps)
            steps[place] = other
            yield replace(story, steps=tuple(steps))


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
    told: list[dict[str, str | None]] = []
    before: str | None = None
    earlier: list[str] = []
    slots: dict[str, str | None] = {}
    given: dict[str, str | None] = {}
    entities: tuple[RasaEntity, ...] = ()
    spoken = 0

    def turn() -> _Turn:
        return _Turn(
            intent=intent,
            steps=actions,
            told=told,
            before=before,
            earlier=tuple(earlier),
            slots=slots if before is not None else {},
            given=given,
            entities=entities,
            first=spoken <= 1,
        )

    for step in story.steps:
        if isinstance(step, UserStep):
            if actions:
                yield turn()
            before = actions[-1].name if actions else None
            earlier += [one.name for one in actions]
            slots = told[-1] if told else {}
            given, entities = {}, step.entities
            intent, actions, told = step.intent, [], []
            spoken += 1
        elif isinstance(step, ActionStep) and step.name != _LISTEN:
            actions.append(step)
            told.append({})
        elif isinstance(step, SlotStep) and step.known and step.slot != _REQUESTED:
            if told:
                told[-1][step.slot] = step.value
            elif spoken:
                given[step.slot] = step.value
    if actions:
        yield turn()


def _at(step: ActionStep) -> str:
    return f"{step.place.file}:{step.place.line}"
