"""A split folder of Schema-Guided Dialogue, as the challenge's metrics need it.

The benchmark calls it before its rollout: it reads ``schema.json`` and ``dialogues_*.json`` of any
split, also one that the corpus reader (`sgd_reader`) has never heard of, and keeps every spelling
of every value, of which training keeps one. Example:
``read_split(Path("dstc8/test")).services["Hotels_2"]``.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from todserve.corpora.files.folder_files import folder_files
from todserve.evaluation.suites.sgd.sgd_metrics import ReferenceFrame
from todserve.runtime.errors import ConfigError, CorpusError
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.schema import Schema, Service
from todserve.runtime.untrusted.json_text import read_json

CHECKSUM_LENGTH = 12
"""Hexadecimal digits of the sha256 of a split's files that name it in a signature."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceTurn:
    """A user turn, the reply to it ("" without one), and the frames of the user turn."""

    user: str
    system: str
    frames: tuple[ReferenceFrame, ...]


@dataclass(frozen=True, kw_only=True)
class SgdSplit:
    """A split that was read.

    Attributes:
        name: of its folder.
        checksum: of its files.
        schema: its services.
        dialogues: dialogue id -> its user turns.
    """

    name: str
    checksum: str
    schema: Schema
    dialogues: Mapping[str, tuple[ReferenceTurn, ...]]

    @cached_property
    def services(self) -> Mapping[str, Service]:
        """Name -> service."""
        return {service.name: service for service in self.schema.services}

    def plain_dialogues(self) -> Iterator[Dialogue]:
        """Yield the dialogues with texts alone: nothing that a rollout could peep at."""
        for dialogue_id, turns in self.dialogues.items():
            yield Dialogue(
                dialogue_id=dialogue_id,
                corpus="sgd",
                split=self.name,
                turns=tuple(Turn(user=one.user, system=one.system) for one in turns),
            )


def read_split(folder: Path) -> SgdSplit:
    """Read a folder in the publisher's layout.

    Raises:
        CorpusError: no such folder, no such files, or a file that is not in that layout; the
            message names the file, the dialogue and the turn.
    """
    paths = folder_files(folder, "dialogues_*.json")
    if not paths or not (folder / "schema.json").is_file():
        raise CorpusError(
            f"{folder} is no split of Schema-Guided Dialogue; expected a folder with schema.json "
            "and dialogues_001.json, dialogues_002.json, ..."
        )
    try:
        schema = Schema.load(folder / "schema.json")
    except ConfigError as error:
        raise CorpusError(str(error)) from error
    dialogues: dict[str, tuple[ReferenceTurn, ...]] = {}
    for path in paths:
        for number, entry in enumerate(_entries(path)):
            where = f"{path}, dialogue {number}"
            dialogue_id = entry.get("dialogue_id") if isinstance(entry, dict) else None
            if not isinstance(dialogue_id, str):
                raise CorpusError(f"{where} has no dialogue_id; expected the publisher's layout")
            where = f"{path}, dialogue {dialogue_id}"
            if dialogue_id in dialogues:
                raise CorpusError(f"{where} stands in the split twice; take one of them out")
            dialogues[dialogue_id] = tuple(_turns(entry.get("turns"), schema.domains, where))
    return SgdSplit(
        name=folder.resolve().name,
        checksum=_checksum([folder / "schema.json", *paths]),
        schema=schema,
        dialogues=dialogues,
    )


def service_names(schema_file: Path) -> frozenset[str]:
    """Return the names of the services of a ``schema.json``.

    Raises:
        ConfigError: the file is missing or is no such schema.
    """
    return frozenset(Schema.load(schema_file).domains)


def _entries(path: Path) -> list[Any]:
    try:
        entries = read_json(path)
    except ValueError as error:
        raise CorpusError(f"{path} is not JSON: {error}; fetch the file again") from error
    if not isinstance(entries, list):
        raise CorpusError(f"{path} holds a {type(entries).__name__}; expected a list of dialogues")
    return entries


def _turns(log: Any, services: tuple[str, ...], where: str) -> Iterator[ReferenceTurn]:
    """Pair each user turn with the system turn after it."""
    if not isinstance(log, list) or not log:
        raise CorpusError(f"{where} has no list of turns; expected at least one")
    pending: tuple[str, tuple[ReferenceFrame, ...]] | None = None
    for number, turn in enumerate(log):
        place = f"{where}, turn {number}"
        match turn:
            case {"speaker": "USER", "utterance": str(text), "frames": [*frames]} if text.strip():
                if pending is not None:
                    yield ReferenceTurn(user=pending[0], system="", frames=pending[1])
                pending = text, tuple(_frame(one, services, place) for one in frames)
            case {"speaker": "SYSTEM", "utterance": str(text)} if pending is not None:
                yield ReferenceTurn(user=pending[0], system=text, frames=pending[1])
                pending = None
            case _:
                raise CorpusError(
                    f"{place} is neither a user turn (speaker USER, an utterance, frames) nor a "
                    "system turn after one (speaker SYSTEM, utterance)"
                )
    if pending is not None:
        yield ReferenceTurn(user=pending[0], system="", frames=pending[1])


def _frame(frame: Any, services: tuple[str, ...], where: str) -> ReferenceFrame:
    match frame:
        case {
            "service": str(service),
            "state": {
                "active_intent": str(intent),
                "requested_slots": [*requested],
                "slot_values": dict(values),
            },
        } if all(_is_texts(one) and one for one in values.values()) and _is_texts(requested):
            if service not in services:
                raise CorpusError(f"{where}: service {service!r} is not in the split's schema.json")
            return ReferenceFrame(
                service=service,
                active_intent=intent,
                requested_slots=tuple(requested),
                slot_values={slot: tuple(spellings) for slot, spellings in values.items()},
            )
        case _:
            raise CorpusError(
                f"{where}: a frame lacks service or state; expected active_intent, "
                "requested_slots (a list) and slot_values (slot -> a list of at least one value)"
            )


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _checksum(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        # The length keeps bytes from wandering unseen from one file into the next.
        digest.update(f"{path.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:CHECKSUM_LENGTH]
