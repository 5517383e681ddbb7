"""Rasa's Markdown of before version 3: stories, and NLU examples.

`rasa_project` reads ``stories.md`` and ``nlu.md`` with it; both are read only, and written as
today's YAML. Example: ``* inform{"city": "ely"}`` is a user step with intent ``inform``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.lookup_files import lookup_lines
from todserve.corpora.readers.rasa.rasa_markup import read_marked
from todserve.corpora.readers.rasa.rasa_nlu import MARK, marks_at
from todserve.corpora.readers.rasa.rasa_sources import read_loosely
from todserve.corpora.readers.rasa.rasa_types import (
    ActionStep,
    Place,
    RasaEntity,
    RasaExample,
    RasaNlu,
    RasaStep,
    RasaStory,
    RasaTable,
    SlotStep,
    UserStep,
)
from todserve.runtime.untrusted.json_text import parse_json

_SECTION = re.compile(r"##\s*(intent|synonym|regex|lookup)\s*:\s*(.+)")
_STORY_STEP = re.compile(
    r"\*\s*/?[\w./+-]+\s*(?:[{:]|OR\s|\Z).*|-\s*[\w./+-]+\s*(?:\{.*|\Z)|[>#].*"
)
_NO_UTF8 = "\ufffd"
_INTENT_END = re.compile(r"[{:]")
_BRACES_END = re.compile(r"\}\s*(?::|\Z)")
_EVENTS = frozenset({"form", "active_loop", "restart", "reset_slots", "rewind", "export"})


@dataclass(kw_only=True, slots=True)
class MarkdownContent:
    """What a Markdown file holds; either part may be empty."""

    stories: list[RasaStory] = field(default_factory=list)
    nlu: RasaNlu = RasaNlu()


def read_markdown(path: Path, report: ReadReport, faults: list[Fault]) -> MarkdownContent | None:
    """Return a file's stories or examples; None when it is some other Markdown."""
    text = "".join(_without_comments(read_loosely(path)))
    lines = [
        (line.strip(), Place(file=str(path), line=number))
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    wrong = next((place for line, place in lines if _NO_UTF8 in line), None)
    if any(_SECTION.fullmatch(line) for line, _ in lines):
        if wrong is not None:
            return _unreadable(wrong, faults)
        return MarkdownContent(nlu=_nlu(lines, faults))
    steps = [line for line, _ in lines if line[0] in "*->"]
    strange = [line for line, _ in lines if _STORY_STEP.fullmatch(line) is None]
    if (
        any(line.startswith("## ") for line, _ in lines)
        and any(line.startswith("* ") for line, _ in lines)
        # Prose with headings and lists is for people; a story may have a broken line.
        and len(strange) < len(steps)
    ):
        if wrong is not None:
            return _unreadable(wrong, faults)
        stories, broken = _stories(lines, report, faults)
        # Any Markdown has headings and lists; stories have actions below their messages.
        if any(isinstance(step, ActionStep) for story in stories for step in story.steps):
            for number in sorted(broken):
                # A story without one of its steps would say something else.
                name, place = stories[number].name, stories[number].place
                report.skipped(f"story: with a fault in it, {name}", f"{place.file}:{place.line}")
            kept = [story for number, story in enumerate(stories) if number not in broken]
            return MarkdownContent(stories=kept)
    return None


def _unreadable(place: Place, faults: list[Fault]) -> MarkdownContent:
    faults.append(_fault(place, "file", "no UTF-8", "a file in UTF-8"))
    return MarkdownContent()


def _without_comments(text: str) -> Iterator[str]:
    """Yield what is no comment; its line ends stay, so that lines keep their numbers."""
    position = 0
    while (start := text.find("<!--", position)) >= 0:
        end = text.find("-->", start)
        if end < 0:
            break
        yield text[position:start]
        yield "\n" * text.count("\n", start, end)
        position = end + len("-->")
    yield text[position:]


def _nlu(lines: list[tuple[str, Place]], faults: list[Fault]) -> RasaNlu:
    examples: list[RasaExample] = []
    tables: dict[str, dict[str, list[str]]] = {"synonym": {}, "regex": {}, "lookup": {}}
    places: dict[tuple[str, str], Place] = {}
    kind = name = ""
    for line, place in lines:
        section = _SECTION.fullmatch(line)
        if section is not None:
            kind, name = section[1], section[2].strip()
            places.setdefault((kind, name), place)
        elif line[0] in "-*+" and line[1:].strip() and kind:
            text = line[1:].strip()
            if kind == "intent":
                plain, entities = read_marked(text, marks_at(place, faults))
                examples.append(
                    RasaExample(text=plain, intent=name, entities=entities, place=place)
                )
            else:
                tables[kind].setdefault(name, []).append(text)
        elif kind == "lookup" and (listed := lookup_lines(line, place.file)) is not None:
            tables[kind].setdefault(name, []).extend(listed)
        elif not line.startswith("#"):
            faults.append(
                _fault(place, "example", "a line without '- '", "'- ' and the text below a '##'")
            )
    found = {
        kind: tuple(
            RasaTable(name=name, examples=tuple(texts), place=places[kind, name])
            for name, texts in one.items()
        )
        for kind, one in tables.items()
    }
    return RasaNlu(
        examples=tuple(examples),
        synonyms=found["synonym"],
        lookups=found["lookup"],
        regexes=found["regex"],
    )


def _stories(
    lines: list[tuple[str, Place]], report: ReadReport, faults: list[Fault]
) -> tuple[list[RasaStory], set[int]]:
    """Return the stories, and the places of those among them that have a fault."""
    parts: list[tuple[str, Place, list[RasaStep]]] = []
    opened: dict[int, list[str]] = {}
    closed: dict[int, list[str]] = {}
    broken: set[int] = set()
    for line, place in lines:
        before = len(faults)
        where = f"{place.file}:{place.line}"
        if line.startswith("##"):
            parts.append((line.lstrip("#").strip(), place, []))
        elif line.startswith("#"):
            continue
        elif line.startswith(">"):
            checkpoint, brace, rest = line[1:].partition("{")
            into = closed if parts and any(_told(parts[-1])) else opened
            into.setdefault(len(parts) - 1, []).append(checkpoint.strip())
            if brace and parts:
                # What must be set where a story goes on from it.
                keys = _keys(brace + rest, place, faults)
                parts[-1][2].extend(_set(keys, place))
        elif line[0] in "*-" and not parts:
            faults.append(_fault(place, "step", "a step before any story", "'## name' above it"))
        elif line.startswith("*"):
            messages = line[1:].strip().split(" OR ")
            if len(messages) > 1:
                report.changed("or: first branch kept", where)
            step = _user(messages[0].strip(), place, faults)
            branches = (_user(one.strip(), place, faults) for one in messages[1:])
            others = tuple(one for one in branches if isinstance(one, UserStep))
            parts[-1][2].extend([replace(step, others=others)] if step else [])
        elif line.startswith("-"):
            parts[-1][2].extend(_event(line[1:].strip(), place, report, faults))
        else:
            faults.append(_fault(place, "step", "an unknown line", "'##', '*', '-' or '>'"))
        if parts and any(one.what != MARK for one in faults[before:]):
            broken.add(len(parts) - 1)
    for name, place, steps in parts:
        if not steps:
            faults.append(_fault(place, f"story {name!r}", "no steps", "'* intent' below it"))
    stories = [
        RasaStory(
            name=name,
            steps=tuple(steps),
            opens=tuple(opened.get(number, ())),
            closes=tuple(closed.get(number, ())),
            place=place,
        )
        for number, (name, place, steps) in enumerate(parts)
    ]
    return stories, broken


def _told(part: tuple[str, Place, list[RasaStep]]) -> Iterator[bool]:
    """Yield for each step of a story whether it is one that happens in it."""
    return (not isinstance(step, SlotStep) for step in part[2])


def _user(message: str, place: Place, faults: list[Fault]) -> UserStep | None:
    parts = _parts(message.removeprefix("/"))
    if parts is None:
        faults.append(_fault(place, "message", "an unknown form", '* intent{"entity": "value"}'))
        return None
    intent, braces, said = parts
    if said:
        text, entities = read_marked(said, marks_at(place, faults))
        return UserStep(intent=intent, text=text, entities=entities, place=place)
    named = _keys(braces, place, faults)
    entities = tuple(
        RasaEntity(entity=name, value="" if value is None else _plain(value))
        for name, value in named.items()
    )
    return UserStep(intent=intent, entities=entities, place=place)


def _parts(message: str) -> tuple[str, str | None, str] | None:
    """Return intent, braces and text of ``intent{"a": "b"}: text``; None where it is none."""
    found = _INTENT_END.search(message)
    intent = message[: found.start() if found else None].strip()
    if not intent:
        return None
    if found is None:
        return intent, None, ""
    if found[0] == ":":
        return intent, None, message[found.end() :].strip()
    end = _BRACES_END.search(message, found.end())
    if end is None:
        return None
    return intent, message[found.start() : end.start() + 1], message[end.end() :].strip()


def _event(line: str, place: Place, report: ReadReport, faults: list[Fault]) -> list[RasaStep]:
    name, brace, rest = line.partition("{")
    name = name.strip()
    if not name or (brace and not rest.rstrip().endswith("}")):
        faults.append(_fault(place, "action", "an unknown form", "- action"))
        return []
    if name == "slot":
        return _set(_keys(brace + rest if brace else None, place, faults), place)
    if name in _EVENTS:
        report.skipped(f"step: {name}", f"{place.file}:{place.line}")
        return []
    return [ActionStep(name=name, place=place)]


def _set(keys: Mapping[str, object], place: Place) -> list[RasaStep]:
    return [
        SlotStep(slot=name, value=None if value is None else _plain(value), place=place)
        for name, value in keys.items()
    ]


def _keys(text: str | None, place: Place, faults: list[Fault]) -> dict[str, object]:
    try:
        keys = parse_json(text or "{}")
    except ValueError:
        faults.append(_fault(place, "entities", "no JSON in braces", '{"name": "value"}'))
        return {}
    return dict(keys)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _fault(place: Place, what: str, got: str, expected: str) -> Fault:
    return Fault(
        file=place.file,
        line=place.line,
        what=what,
        got=got,
        expected=expected,
        fix="correct the line",
    )
