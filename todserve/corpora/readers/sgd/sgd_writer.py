"""Dialogues in the layout of Schema-Guided Dialogue.

``tod data convert`` and the gateway's export call it; `sgd_reader` and the corpus's own tools read
what it writes: ``schema.json``, ``dialogues_001.json`` and so on. Example: act train / request /
day is ``{"act": "REQUEST", "slot": "day", "values": []}`` in the system's frame of service train.

The layout has no place for "not annotated": a missing state comes back empty, a missing intent as
none, missing acts as no acts. Nor for database matches, since results are the rows themselves, or
for the order of acts of different domains. A turn needs a service: where the domain is unknown it
is the intent's, or the last one's, or the first of the schema. The layout's schema lists every
slot of acts and spans too, not only those of states; what is missing there is added.
"""

import json
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.value_places import grounded
from todserve.corpora.services import merged
from todserve.runtime.language.dialogue import (
    GENERAL,
    BeliefState,
    Dialogue,
    DialogueAct,
    Turn,
    state_update,
)
from todserve.runtime.language.schema import Schema, Service, Slot

PER_FILE = 128
"""Dialogues in one file; the publisher puts 64 or 128."""

_GENERAL_ACTS = {"bye": "GOODBYE", "reqmore": "REQ_MORE"}
# Slots of actions that no service has: how many there are, and which intent.
_ACTION_SLOTS = frozenset({"", "count", "intent"})
_PLACEHOLDER = re.compile(r"\[value_[^\]]+\]")


def write_sgd(
    schema: Schema, dialogues: Iterable[Dialogue], folder: Path, report: ReadReport
) -> None:
    """Write a split.

    Args:
        schema: its services; at least one.
        dialogues: read once.
        folder: is made; ``train`` or ``dev`` if `read_sgd` is to read its parent.
        report: counts what the layout cannot carry.
    """
    folder.mkdir(parents=True, exist_ok=True)
    writer = _Writer(schema, report)
    entries = map(writer.entry, dialogues)
    number = 0
    while part := list(islice(entries, PER_FILE)):
        number += 1
        text = json.dumps(part, ensure_ascii=False, indent=1)
        (folder / f"dialogues_{number:03d}.json").write_text(text + "\n", "utf-8")
    writer.schema().save(folder / "schema.json")


class _Writer:
    """Writes dialogues of one schema."""

    def __init__(self, schema: Schema, report: ReadReport) -> None:
        self._schema = schema
        self._report = report
        self._beyond: dict[str, dict[str, None]] = {}

    def schema(self) -> Schema:
        """Return the schema with everything that the written dialogues use."""
        used = (
            Service(name=name, slots=tuple(Slot(name=slot) for slot in slots))
            for name, slots in self._beyond.items()
        )
        return Schema(services=merged([*self._schema.services, *used]))

    def entry(self, dialogue: Dialogue) -> dict[str, Any]:
        """Return a dialogue as the layout's JSON object."""
        self._report.dialogue(len(dialogue.turns))
        turns: list[dict[str, Any]] = []
        services: dict[str, None] = {}
        intents: dict[str, str] = {}
        state: BeliefState = {}
        service = ""
        for turn in dialogue.turns:
            self._count_losses(turn, dialogue.dialogue_id)
            service = self._service(turn, service)
            now = state if turn.belief_state is None else turn.belief_state
            user = _user_frames(turn, service, state, now, intents)
            frames = _system_frames(turn, service)
            for frame in (*user, *(frames if turn.system is not None else ())):
                services[frame["service"]] = None
                self._note(frame, dialogue.dialogue_id)
            state = now
            turns.append({"speaker": "USER", "utterance": turn.user, "frames": user})
            if turn.system is not None:
                turns.append({"speaker": "SYSTEM", "utterance": turn.system, "frames": frames})
        return {
            "dialogue_id": dialogue.dialogue_id,
            "services": [name for name in services if name != GENERAL],
            "turns": turns,
        }

    def _note(self, frame: Mapping[str, Any], where: str) -> None:
        service = frame["service"]
        slots = [one["slot"] for one in (*frame["slots"], *frame["actions"])]
        slots += frame.get("state", {}).get("slot_values", ())
        known = self._beyond.get(service, {})
        for slot in dict.fromkeys(slots):
            if slot in _ACTION_SLOTS or slot in known or self._schema.has(service, slot):
                continue
            self._beyond.setdefault(service, {})[slot] = None
            self._report.changed("slot: added to the schema", f"{where} {service} {slot}")
        if service not in self._schema.domains:
            self._beyond.setdefault(service, {})

    def _service(self, turn: Turn, last: str) -> str:
        if turn.active_domain is not None and turn.active_domain != GENERAL:
            return turn.active_domain
        offering = self._schema.intent_domains(turn.intent)
        return offering[0] if len(offering) == 1 else last or self._schema.domains[0]

    def _count_losses(self, turn: Turn, where: str) -> None:
        if turn.database_matches is not None:
            self._report.skipped("database_matches: the layout has rows only", where)
        if turn.system is None and turn.dialogue_acts:
            self._report.skipped("dialogue_acts: of a turn without a reply", where)
        for name in ("belief_state", "intent", "active_domain"):
            if getattr(turn, name) is None:
                self._report.changed(f"{name}: not annotated, written as none", where)


def _user_frames(
    turn: Turn, service: str, before: BeliefState, now: BeliefState, intents: dict[str, str]
) -> list[dict[str, Any]]:
    """Return the frame of the turn's service, and of every other whose state changed."""
    intent = "NONE" if turn.intent in (None, GENERAL) else str(turn.intent)
    update = state_update(before, now)
    spans = grounded(turn.user, update)
    frames: list[dict[str, Any]] = []
    for name in dict.fromkeys([service, *update]):
        actions: list[dict[str, Any]] = []
        if name == service:
            if intent not in ("NONE", intents.get(name)):
                started = {"act": "INFORM_INTENT", "slot": "intent", "values": [intent]}
                actions = [started | {"canonical_values": [intent]}]
            intents[name] = intent
        frames.append(
            {
                "service": name,
                "actions": actions,
                "slots": [
                    {"slot": one.slot, "start": one.start, "exclusive_end": one.end}
                    for one in spans
                    if one.domain == name
                ],
                "state": {
                    "active_intent": intents.get(name, "NONE"),
                    "requested_slots": [],
                    "slot_values": {slot: [value] for slot, value in now.get(name, {}).items()},
                },
            }
        )
    return frames


def _system_frames(turn: Turn, service: str) -> list[dict[str, Any]]:
    """Return one frame for each domain of the acts; the first carries the reply's spans."""
    frames: dict[str, dict[str, Any]] = {}
    for act in turn.dialogue_acts or ():
        owner = service if act.domain == GENERAL and act.act in _GENERAL_ACTS else act.domain
        frame = frames.setdefault(owner, _empty(owner))
        frame["actions"].append(_action(act))
    if not frames:
        frames[service] = _empty(service)
    next(iter(frames.values()))["slots"] = _spans(turn)
    return list(frames.values())


def _empty(service: str) -> dict[str, Any]:
    return {"service": service, "actions": [], "slots": []}


def _action(act: DialogueAct) -> Mapping[str, Any]:
    general = act.domain == GENERAL
    name = _GENERAL_ACTS.get(act.act, act.act.upper()) if general else act.act.upper()
    return {"act": name, "slot": act.slot, "values": [], "canonical_values": []}


def _spans(turn: Turn) -> list[dict[str, Any]]:
    """Return where the placeholders' surfaces stand in the reply; none unless all of them do."""
    spans: list[dict[str, Any]] = []
    text = turn.system or ""
    template = turn.delexicalised_response or ""
    position = end = 0
    for match, (slot, surface) in zip(
        _PLACEHOLDER.finditer(template), turn.placeholders, strict=False
    ):
        position += match.start() - end
        spans.append({"slot": slot, "start": position, "exclusive_end": position + len(surface)})
        position += len(surface)
        end = match.end()
    filled = iter(turn.placeholders)
    back = _PLACEHOLDER.sub(lambda match: next(filled, ("", match[0]))[1], template)
    return spans if back == text else []
