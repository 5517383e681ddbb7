"""Export: remembered dialogues and examples as files.

The export routes and the commands about dialogues call it. Example:
``for line in sgd_lines(remembered, corrected=True): ...``.

JSON lines show everything as the API does. Schema-Guided Dialogue's layout is for other people's
tools; it has no place for "not labelled". A zip of the kit's own layout (``corpora.jsonlines``)
carries everything, and ``tod train`` and ``tod replay`` read it once it is unpacked.
"""

import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from todserve.corpora.files.dialogue_layouts import ANSWERED, SCHEMA
from todserve.corpora.files.jsonlines import SUFFIX, write_lines
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.rasa.rasa_project import write_project
from todserve.corpora.readers.rasa.rasa_writer import dialogues_project
from todserve.corpora.readers.sgd.sgd_writer import PER_FILE, write_sgd
from todserve.corpora.services import described, merged
from todserve.gateway.api.response_bodies import TurnView
from todserve.gateway.conversations.corrected_dialogue import (
    as_answered,
    as_corrected,
    vouched,
    worded,
)
from todserve.gateway.store.dialogue_filters import of_person
from todserve.gateway.store.dialogue_store import Store
from todserve.gateway.store.labelled_examples import ExampleRecord
from todserve.gateway.store.records import DialogueRecord, TurnRecord
from todserve.runtime.language.dialogue import GENERAL, Dialogue, Turn
from todserve.runtime.language.formats import BOOKING
from todserve.runtime.language.schema import Schema, Service, Slot
from todserve.runtime.wire.model_description import ModelDescription

_PAGE = 100
"""Dialogues read at once."""
CORPUS = "gateway"
SPLIT = "train"

Remembered = tuple[DialogueRecord, tuple[TurnRecord, ...]]


def everything(
    store: Store,
    *,
    conditions: Sequence[sa.ColumnElement[bool]] = (),
    owner: str | None = None,
) -> Iterator[Remembered]:
    """Yield every dialogue, the newest first; what is deleted meanwhile is left out.

    Args:
        store: of the dialogues.
        conditions: only those that fulfil all of them, see ``dialogue_filters``.
        owner: only this one's.
    """
    before = None
    while found := store.page(limit=_PAGE, before=before, conditions=conditions, owner=owner):
        for record in found:
            turns = store.turns(record.dialogue_id)
            # The record still holds the last thing said, after its dialogue is gone.
            if turns or not record.turns:
                yield record, turns
        before = found[-1].place


def person_lines(store: Store, user_id: str, *, owner: str | None = None) -> Iterator[str]:
    """Yield every dialogue of a person as one line of JSON, with all that was made of it.

    Args:
        store: of the dialogues.
        user_id: whose, on Rasa's channels the sender.
        owner: only this one's of them.
    """
    return json_lines(
        everything(store, conditions=[of_person(user_id)], owner=owner), corrected=False
    )


def json_lines(remembered: Iterable[Remembered], *, corrected: bool) -> Iterator[str]:
    """Yield each dialogue as the API shows it, corrections beside the model's answers.

    Args:
        remembered: dialogues with their turns.
        corrected: only dialogues in which something stands corrected or judged.
    """
    for record, turns in remembered:
        if not corrected or any(turn.correction for turn in turns):
            view = record.view() | {"user_id": record.user_id}
            shown = [TurnView.model_validate(one.view()).model_dump(mode="json") for one in turns]
            line = view | {"turns": shown}
            yield json.dumps(line, ensure_ascii=False) + "\n"


def sgd_lines(
    remembered: Iterable[Remembered], examples: Iterable[ExampleRecord] = (), *, corrected: bool
) -> Iterator[str]:
    """Yield each dialogue and example as one line in SGD's layout; arguments as `dialogues`."""
    waiting: list[Dialogue] = []
    for dialogue in dialogues(remembered, examples, corrected=corrected):
        turns = tuple(map(worded, dialogue.turns))
        waiting.append(replace(dialogue, turns=turns))
        if len(waiting) == PER_FILE:
            yield from _written(waiting)
            waiting = []
    yield from _written(waiting)


def dialogues(
    remembered: Iterable[Remembered], examples: Iterable[ExampleRecord], *, corrected: bool
) -> Iterator[Dialogue]:
    """Yield what is remembered as the corpora know it; what has no turn is left out.

    Args:
        remembered: dialogues with their turns.
        examples: each becomes a dialogue of one turn without a reply.
        corrected: what people stand for, as they left it; see `standing`. Otherwise all
            dialogues, as the model answered.
    """
    for record, turns in remembered:
        found = tuple(as_corrected(vouched(turns)) if corrected else as_answered(turns))
        if found:
            yield _dialogue(record.dialogue_id, found)
    for example in examples:
        turn = Turn(user=example.text, intent=example.intent, belief_state=example.belief_state)
        yield _dialogue(example.example_id, (turn,))


def folder_archive(
    remembered: Iterable[Remembered],
    examples: Iterable[ExampleRecord],
    known: ModelDescription | None,
    *,
    corrected: bool,
) -> IO[bytes]:
    """Return an open zip of ``schema.json`` and ``train.jsonl``; arguments as `dialogues`.

    Of what people corrected, the folder ``answered`` has the same dialogues as the model answered
    them at first, so that a later one can be held against both.

    Args:
        remembered: dialogues with their turns.
        examples: labelled utterances.
        known: the model's labels for the schema; what the dialogues use is added.
        corrected: only what people stand for.
    """
    used: dict[str, Service] = {}

    def noting(found: Iterable[Dialogue]) -> Iterator[Dialogue]:
        for dialogue in found:
            for service in _services(dialogue):
                used[service.name] = merged([used.get(service.name, service), service])[0]
            yield dialogue

    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder)]
        if corrected:
            remembered = [(one, kept) for one, turns in remembered if (kept := vouched(turns))]
            places.append(places[0] / ANSWERED)
            places[1].mkdir()
            first = dialogues(remembered, (), corrected=False)
            write_lines(noting(first), places[1] / f"{SPLIT}{SUFFIX}")
        found = dialogues(remembered, examples, corrected=corrected)
        write_lines(noting(found), places[0] / f"{SPLIT}{SUFFIX}")
        schema = Schema(services=merged([*(described(known) if known else ()), *used.values()]))
        for place in places:
            schema.save(place / SCHEMA)
        return _packed(places[0])


def rasa_archive(
    remembered: Iterable[Remembered], examples: Iterable[ExampleRecord], *, corrected: bool
) -> IO[bytes]:
    """Return an open zip of a Rasa project: domain, NLU examples and stories; as `dialogues`."""
    found = [*dialogues(remembered, examples, corrected=corrected)]
    services = merged(service for one in found for service in _services(one))
    report = ReadReport(corpus=CORPUS, split=SPLIT)
    with tempfile.TemporaryDirectory() as folder:
        write_project(dialogues_project(services, found, report), Path(folder), report)
        return _packed(Path(folder))


def _packed(folder: Path) -> IO[bytes]:
    archive = tempfile.TemporaryFile()  # noqa: SIM115 - whoever streams it closes it
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            packed.write(path, path.relative_to(folder))
    archive.seek(0)
    return archive


def _dialogue(dialogue_id: str, turns: tuple[Turn, ...]) -> Dialogue:
    return Dialogue(dialogue_id=dialogue_id, corpus=CORPUS, split=SPLIT, turns=turns)


def _services(dialogue: Dialogue) -> Iterator[Service]:
    """Yield what a dialogue uses: slots of its states, intents of its domains, domains of acts."""
    for turn in dialogue.turns:
        for act in turn.dialogue_acts or ():
            if act.domain not in (GENERAL, BOOKING):
                yield Service(name=act.domain)
        for domain, slots in (turn.belief_state or {}).items():
            yield Service(name=domain, slots=tuple(Slot(name=slot) for slot in slots))
        owner = turn.active_domain or next(iter(turn.belief_state or {}), GENERAL)
        if owner != GENERAL:
            intents = (turn.intent,) if turn.intent not in (None, GENERAL) else ()
            yield Service(name=owner, intents=tuple(filter(None, intents)))


def _written(dialogues: list[Dialogue]) -> Iterator[str]:
    """Yield what the corpora's own writer makes of the dialogues, a line each."""
    if not dialogues:
        return
    services: Mapping[str, Service] = {
        service.name: service for one in dialogues for service in _services(one)
    }
    # The writer needs one service at least; it finds the slots by itself.
    names = list(services) or [GENERAL]
    schema = Schema(services=tuple(Service(name=name) for name in names))
    with tempfile.TemporaryDirectory() as folder:
        write_sgd(schema, dialogues, Path(folder), ReadReport(corpus=CORPUS, split=SPLIT))
        for path in sorted(Path(folder).glob("dialogues_*.json")):
            for entry in json.loads(path.read_text("utf-8")):
                yield json.dumps(entry, ensure_ascii=False) + "\n"
