"""Stories to hold a bot against, from Rasa's test stories or from dialogues of one's own.

The story report reads them with it before a bot is tested on them. Example:
``read_bot_stories(Path("tests/test_stories.yml"), forms)``.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from todserve.bot.trials.bot_story import UNTOLD, BotStory, StoryTurn
from todserve.corpora.corpus_faults import Fault, refuse
from todserve.corpora.files.dialogue_layouts import Layout, layout_of, open_dialogues
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_project import rasa_files, read_project
from todserve.corpora.readers.rasa.rasa_sources import is_test
from todserve.corpora.readers.rasa.rasa_types import (
    ActionStep,
    RasaEntity,
    RasaStep,
    RasaStory,
    SlotStep,
    UserStep,
)
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue

_LEAVING = ("action_deactivate_loop", "action_deactivate_form")  # today, and in Rasa 1
_SILENT = (
    "action_listen",
    "action_session_start",
    *_LEAVING,
    "action_extract_slots",
)
_REQUESTED = "requested_slot"


def read_bot_stories(path: Path, forms: frozenset[str]) -> list[BotStory]:
    """Return the stories at ``path``.

    Args:
        path: a file of Rasa's stories, a folder with such (of a whole project its test stories),
            or dialogues in a layout of one's own.
        forms: names of the bot's forms.

    Raises:
        CorpusError: nothing that can be read, or a fault in it.
    """
    files = _rasa_files(path)
    if not files and layout_of(path) is not Layout.RASA:
        return [_of_dialogue(one) for one in open_dialogues(path, fit=False)[1]]
    faults: list[Fault] = []
    found = [
        _of_story(story, forms)
        for file in files or [path]
        for story in read_project(file, ReadReport(), faults).stories
    ]
    if not found:
        refuse(faults, path)
        raise CorpusError(
            f"{path}: got no story; expected Rasa's stories, or dialogues; name their file or "
            "folder"
        )
    return found


def _rasa_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix in (".yml", ".yaml", ".md") else []
    return [one for one in rasa_files(path) if is_test(one, path) and one.suffix != ".json"]


def _of_dialogue(dialogue: Dialogue) -> BotStory:
    return BotStory(
        name=dialogue.dialogue_id,
        turns=tuple(
            StoryTurn(
                user=turn.user,
                intent=turn.intent,
                state=turn.belief_state,
                done=tuple(one.act for one in turn.dialogue_acts or ()),
                where=dialogue.dialogue_id,
            )
            for turn in dialogue.turns
        ),
        where=dialogue.dialogue_id,
    )


def _of_story(story: RasaStory, forms: frozenset[str]) -> BotStory:
    turns: list[StoryTurn] = []
    before: list[str] = []
    user: UserStep | None = None
    rest: list[tuple[str, Any]] = []

    def turn(step: UserStep) -> StoryTurn:
        return _turn(step, rest, forms)

    for kind, given in _events(story):
        if kind == "user":
            if user is not None:
                turns.append(turn(user))
            user, rest = given, []
        elif user is None:
            before += [given] if kind == "action" and given not in _SILENT else []
        else:
            rest.append((kind, given))
    if user is not None:
        turns.append(turn(user))
    return BotStory(
        name=story.name,
        turns=tuple(turns),
        after=before[-1] if before else None,
        where=f"{story.place.file}:{story.place.line}",
    )


def _events(story: RasaStory) -> Iterator[tuple[str, Any]]:
    """Yield a story's steps, forms that begin and end among them."""
    steps = iter(story.steps)
    written = story.written.get("steps") if story.written else None
    if not isinstance(written, list):
        for step in steps:
            yield from _event(step)
        return
    for entry in written:
        keys = entry if isinstance(entry, Mapping) else {}
        if "active_loop" in keys or "form" in keys:
            loop = keys.get("active_loop", keys.get("form"))
            name = loop.get("name") if isinstance(loop, Mapping) else loop
            yield "form", None if name is None else str(name)
        elif "checkpoint" in keys or not ({"metadata", "condition"} ^ keys.keys()):
            continue
        elif "slot_was_set" in keys:
            for step in islice(steps, _slot_count(keys["slot_was_set"])):
                yield from _event(step)
        elif keys:
            for step in islice(steps, 1):
                yield from _event(step)


def _slot_count(given: object) -> int:
    entries = given if isinstance(given, list) else [given]
    return sum(len(one) if isinstance(one, Mapping) else 1 for one in entries)


def _event(step: RasaStep) -> Iterator[tuple[str, Any]]:
    if isinstance(step, UserStep):
        yield "user", step
    elif isinstance(step, SlotStep):
        if step.known and step.slot != _REQUESTED:
            yield "slot", (step.slot, step.value)
    elif isinstance(step, ActionStep):
        yield "action", step.name


def _turn(step: UserStep, rest: Sequence[tuple[str, Any]], forms: frozenset[str]) -> StoryTurn:
    done: list[str] = []
    slots: dict[str, str | None] = {}
    effects: list[tuple[str, dict[str, str | None]]] = []
    form: str | None = UNTOLD
    told = False
    for kind, given in rest:
        if kind == "slot":
            (effects[-1][1] if effects else slots)[given[0]] = given[1]
        elif kind == "form":
            form, told = given, True
        elif given in forms:
            effects.append((given, {}))
            form, told = given, False
        elif given not in _SILENT:
            # What follows a form without a word about it says that the form is over.
            if form in forms and not told:
                form = None
            effects.append((given, {}))
            done.append(given)
        elif given in _LEAVING:
            form = None
    return StoryTurn(
        user=step.text,
        intent=step.intent,
        entities=_valued(step.entities),
        slots=slots,
        done=tuple(done),
        effects=tuple(effects),
        form=form,
        where=f"{step.place.file}:{step.place.line}",
    )


def _valued(entities: tuple[RasaEntity, ...]) -> tuple[RasaEntity, ...]:
    return tuple(one for one in entities if one.value)
