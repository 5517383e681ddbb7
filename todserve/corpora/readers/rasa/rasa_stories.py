"""Rasa's stories in YAML: what users and assistants do in turn.

`rasa_project` reads and writes ``stories.yml`` with it. Example: ``- intent: inform`` /
``- slot_was_set: [{city: ely}]`` / ``- action: utter_ask_day``.

Left out and counted: rules (single exchanges without a conversation), checkpoints in the middle of
a story, loops. Of an ``or`` the first branch is kept.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Any

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.files.located_values import Located
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_markup import quoted, read_marked, write_marked
from todserve.corpora.readers.rasa.rasa_nlu import MARK, marks_at
from todserve.corpora.readers.rasa.rasa_slots import value_text, written_value
from todserve.corpora.readers.rasa.rasa_types import (
    ActionStep,
    BotStep,
    Place,
    RasaEntity,
    RasaStep,
    RasaStory,
    SlotStep,
    UserStep,
)

_LEFT_OUT = ("checkpoint", "active_loop", "form", "metadata", "condition")


def read_stories(node: Located, report: ReadReport, faults: list[Fault]) -> tuple[RasaStory, ...]:
    """Return the stories under a file's key ``stories``; notes every fault."""
    stories: list[RasaStory] = []
    for entry in node.sequence("stories", faults):
        keys = entry.mapping("story", faults)
        if "story" not in keys:
            if keys:
                faults.append(
                    entry.fault("story", got="no name", expected="story: NAME", fix="name it")
                )
            continue
        name = keys["story"].text("story", faults)
        place = Place(file=entry.file, line=keys["story"].line)
        nodes = keys["steps"].sequence(f"steps of {name!r}", faults) if "steps" in keys else []
        before = len(faults)
        opening = list(takewhile(_checkpoint, nodes))
        closing = list(takewhile(_checkpoint, reversed(nodes[len(opening) :])))[::-1]
        inner = nodes[len(opening) : len(nodes) - len(closing)]
        known = (step for one in opening for step in _known(one, faults))
        steps = (*known, *(step for one in inner for step in _steps(one, report, faults)))
        if any(one.what != MARK for one in faults[before:]):
            # A story without one of its steps would say something else.
            report.skipped(f"story: with a fault in it, {name}", f"{place.file}:{place.line}")
            continue
        if not nodes:
            faults.append(
                entry.fault(f"story {name!r}", got="no steps", expected="steps", fix="add some")
            )
        stories.append(
            RasaStory(
                name=name,
                steps=steps,
                opens=tuple(map(_checkpoint, opening)),
                closes=tuple(map(_checkpoint, closing)),
                written=written_value(entry),
                place=place,
            )
        )
    return tuple(stories)


def _checkpoint(step: Located) -> str:
    """Return the checkpoint that a step names; "" where it is another step."""
    keys = step.value if isinstance(step.value, dict) else {}
    return str(keys["checkpoint"].value) if "checkpoint" in keys else ""


def _known(checkpoint: Located, faults: list[Fault]) -> Iterator[SlotStep]:
    """Yield what must be set where a story goes on from a checkpoint."""
    keys = checkpoint.mapping("step", faults)
    given = _each(keys["slot_was_set"], "slot_was_set", faults) if "slot_was_set" in keys else []
    for entry in given:
        yield from _slot(entry, faults)


def _steps(node: Located, report: ReadReport, faults: list[Fault]) -> Iterator[RasaStep]:
    keys = node.mapping("step", faults)
    place = Place(file=node.file, line=node.line)
    where = f"{node.file}:{node.line}"
    if "intent" in keys or "user" in keys:
        yield _user(keys, place, faults)
    elif "or" in keys:
        branches = keys["or"].sequence("or", faults)
        report.changed("or: first branch kept", where)
        others = tuple(
            step
            for one in branches[1:]
            if isinstance(one.value, dict) and "intent" in one.value
            for step in _steps(one, report, faults)
            if isinstance(step, UserStep)
        )
        for step in _steps(branches[0], report, faults) if branches else ():
            yield replace(step, others=others) if isinstance(step, UserStep) else step
    elif "action" in keys:
        yield ActionStep(name=keys["action"].text("action", faults), place=place)
    elif "bot" in keys:
        yield BotStep(text=keys["bot"].text("bot", faults), place=place)
    elif "slot_was_set" in keys and "checkpoint" not in keys:
        for entry in _each(keys["slot_was_set"], "slot_was_set", faults):
            yield from _slot(entry, faults)
    elif left := next((one for one in _LEFT_OUT if one in keys), None):
        report.skipped(f"step: {left}", where)
    elif keys:
        faults.append(
            node.fault(
                "step",
                got=f"keys {', '.join(keys)}",
                expected="intent, user, action, bot, slot_was_set, or, checkpoint or active_loop",
                fix="correct the key",
            )
        )


def _user(keys: dict[str, Located], place: Place, faults: list[Fault]) -> UserStep:
    # A user may say nothing that has an intent; Rasa then learns from the words.
    intent = keys["intent"].text("intent", faults).removeprefix("/") if "intent" in keys else None
    if "user" in keys:
        said = keys["user"].text("user", faults)
        text, entities = read_marked(said, marks_at(place, faults))
        return UserStep(intent=intent, text=text or None, entities=entities, place=place)
    named = _each(keys["entities"], "entities", faults) if "entities" in keys else []
    found = [entity for one in named if (entity := _named(one, faults)) is not None]
    return UserStep(intent=intent, entities=tuple(found), place=place)


def _each(node: Located, what: str, faults: list[Fault]) -> list[Located]:
    """Return the entries of a list; Rasa takes keys and values without one as well."""
    if not isinstance(node.value, dict):
        return node.sequence(what, faults)
    return [replace(one, value={name: one}) for name, one in node.value.items()]


def _named(node: Located, faults: list[Fault]) -> RasaEntity | None:
    if isinstance(node.value, str):
        return RasaEntity(entity=node.value, value="")
    keys = dict(node.mapping("entity", faults))
    role, group = (keys.pop(name, None) for name in ("role", "group"))
    if len(keys) != 1:
        if node.value:
            faults.append(
                node.fault(
                    "entity",
                    got=f"keys {', '.join(keys)}",
                    expected="one name with its value",
                    fix="write each entity as its own entry",
                )
            )
        return None
    ((name, value),) = keys.items()
    return RasaEntity(
        entity=name,
        value="" if value.value is None else str(value.value),
        role=None if role is None else str(role.value),
        group=None if group is None else str(group.value),
    )


def _slot(node: Located, faults: list[Fault]) -> Iterator[SlotStep]:
    if not isinstance(node.value, str):
        node.mapping("slot_was_set", faults)
    yield from set_slots(node, Place(file=node.file, line=node.line))


def set_slots(node: Located, place: Place) -> Iterator[SlotStep]:
    """Yield what an entry of ``slot_was_set`` says: a slot's name, or slots with values."""
    if isinstance(node.value, str):
        yield SlotStep(slot=node.value, known=False, place=place)
        return
    for name, value in node.value.items() if isinstance(node.value, dict) else ():
        place = Place(file=value.file, line=value.line)
        yield SlotStep(slot=name, value=value_text(value), place=place)


def story_tree(story: RasaStory) -> dict[str, Any]:
    """Return a story's keys."""
    if story.written:
        return dict(story.written)
    steps: list[dict[str, Any]] = [{"checkpoint": one} for one in story.opens]
    for step in story.steps:
        if isinstance(step, SlotStep):
            entry = {step.slot: step.value} if step.known else step.slot
            if steps and "slot_was_set" in steps[-1]:
                steps[-1]["slot_was_set"].append(entry)
            else:
                steps.append({"slot_was_set": [entry]})
        elif isinstance(step, UserStep):
            branches = [_user_tree(one) for one in (step, *step.others)]
            steps.append({"or": branches} if step.others else branches[0])
        elif isinstance(step, BotStep):
            steps.append({"bot": step.text})
        else:
            steps.append({"action": step.name})
    steps += [{"checkpoint": one} for one in story.closes]
    return {"story": story.name, "steps": steps}


def _user_tree(step: UserStep) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    if step.text is not None:
        # What Rasa cannot mark goes without its marks: the words matter more.
        tree["user"] = write_marked(step.text, step.entities) or quoted(step.text)
    if step.intent is not None:
        tree["intent"] = step.intent
    if step.text is None and step.entities:
        tree["entities"] = [
            {one.entity: one.value}
            | ({"role": one.role} if one.role is not None else {})
            | ({"group": one.group} if one.group is not None else {})
            for one in step.entities
        ]
    return tree or {"intent": ""}
