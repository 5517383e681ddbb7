"""Export: remembered dialogues as JSON lines, raw or in SGD's layout.

Beside the way of a message. Example: ``for line in sgd_lines(store.dialogues(), True): ...``.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from todserve.corpora.report import ReadReport
from todserve.corpora.sgd_write import PER_FILE, write_sgd
from todserve.gateway.records import DialogueRecord, TurnRecord
from todserve.runtime.dialogue import GENERAL, Dialogue, DialogueAct, Turn
from todserve.runtime.knowledge import DatabaseResult
from todserve.runtime.lexicalise import lexicalise
from todserve.runtime.schema import Schema, Service

CORPUS = "gateway"

Remembered = tuple[DialogueRecord, tuple[TurnRecord, ...]]


def json_lines(remembered: Iterable[Remembered], *, corrected: bool) -> Iterator[str]:
    """Yield each dialogue as the API shows it, corrections beside the model's answers.

    Args:
        remembered: dialogues with their turns.
        corrected: only dialogues in which something stands corrected.
    """
    for record, turns in _chosen(remembered, corrected):
        view = record.view() | {"user_id": record.user_id}
        line = view | {"turns": [turn.view() for turn in turns]}
        yield json.dumps(line, ensure_ascii=False) + "\n"


def sgd_lines(remembered: Iterable[Remembered], *, corrected: bool) -> Iterator[str]:
    """Yield each dialogue as one line in SGD's layout.

    Args:
        remembered: dialogues with their turns; those without turns are left out.
        corrected: only dialogues in which something stands corrected, as corrected; otherwise
            all of them, as the model answered.
    """
    waiting: list[Dialogue] = []
    for record, turns in _chosen(remembered, corrected):
        if turns:
            waiting.append(as_dialogue(record, turns, corrected=corrected))
        if len(waiting) == PER_FILE:
            yield from _written(waiting)
            waiting = []
    yield from _written(waiting)


def as_dialogue(
    record: DialogueRecord, turns: Iterable[TurnRecord], *, corrected: bool
) -> Dialogue:
    """Return a remembered dialogue as the corpora know it, from which training examples come."""
    return Dialogue(
        dialogue_id=record.dialogue_id,
        corpus=CORPUS,
        split="train",
        turns=tuple(_turn(turn, turn.correction if corrected else {}) for turn in turns),
    )


def _chosen(remembered: Iterable[Remembered], corrected: bool) -> Iterator[Remembered]:
    for record, turns in remembered:
        if not corrected or any(turn.correction for turn in turns):
            yield record, turns


def _turn(turn: TurnRecord, correction: Mapping[str, Any]) -> Turn:
    answer = correction.get("answer") or turn.answer
    acts = correction.get("dialogue_act", answer.get("dialogue_act"))
    state = correction.get("belief_state", answer.get("belief_state"))
    plain = {
        domain: {
            slot: str(value["value"]) if isinstance(value, Mapping) else str(value)
            for slot, value in slots.items()
        }
        for domain, slots in (state or {}).items()
    }
    domain = (answer.get("domain") or {}).get("active")
    response = answer.get("response") or {}
    text, template = response.get("text"), response.get("delexicalised")
    if "response" in correction:
        template = correction["response"]
        text = _filled(template, domain or GENERAL, plain, answer)
    return Turn(
        user=turn.user,
        belief_state=None if state is None else plain,
        intent=correction.get("intent", (answer.get("intent") or {}).get("name")),
        active_domain=domain,
        dialogue_acts=None
        if acts is None
        else tuple(
            DialogueAct(domain=one["domain"], act=one["act"], slot=one.get("slot", ""))
            for one in acts
        ),
        system=text,
        delexicalised_response=template,
    )


def _filled(
    template: str,
    domain: str,
    state: Mapping[str, Mapping[str, str]],
    answer: Mapping[str, Any],
) -> str:
    """Return a corrected reply with the values that this turn's look-up found."""
    found = answer.get("database") or {}
    result = DatabaseResult(
        domain=domain,
        matches=found.get("matches") or 0,
        results=tuple(found.get("results") or ()),
    )
    return lexicalise(template, domain=domain, state=state, result=result).text


def _written(dialogues: list[Dialogue]) -> Iterator[str]:
    """Yield what the corpora's own writer makes of the dialogues, a line each."""
    if not dialogues:
        return
    schema = Schema(services=tuple(Service(name=name) for name in _domains(dialogues)))
    with tempfile.TemporaryDirectory() as folder:
        write_sgd(schema, dialogues, Path(folder), ReadReport(corpus=CORPUS, split="train"))
        for path in sorted(Path(folder).glob("dialogues_*.json")):
            for entry in json.loads(path.read_text("utf-8")):
                yield json.dumps(entry, ensure_ascii=False) + "\n"


def _domains(dialogues: Iterable[Dialogue]) -> list[str]:
    """Return every domain spoken of; the writer needs at least one."""
    found: dict[str, None] = {}
    for dialogue in dialogues:
        for turn in dialogue.turns:
            found.update(dict.fromkeys(turn.belief_state or {}))
            found.update({turn.active_domain: None} if turn.active_domain else {})
    return list(found) or [GENERAL]
