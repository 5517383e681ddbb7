"""Sheet dialogues: turns the rows of a call centre's sheet into dialogues with their labels.

``tod data convert`` calls it with the rows that `sheet_rows` read. Rows of one dialogue become
turns: a user's row and the system's rows after it. A state is what the slots of the user's rows
have said so far.
Example: rows "customer, a loan of 20 euros, apply, amount=20" and "agent, For how long?" are one
turn with intent ``apply``, state ``bank: amount 20`` and that reply.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.read_report import ReadReport
from todserve.corpora.readers.exchanges import exchanges
from todserve.corpora.readers.label_names import label
from todserve.corpora.readers.sheet.sheet_map import SheetMap
from todserve.corpora.readers.sheet.sheet_rows import sheet_rows
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue, Turn
from todserve.runtime.language.schema import Service, Slot
from todserve.runtime.untrusted.json_text import parse_json

_UNCHANGED = "unchanged"
_PAIR = re.compile(r"\s*([^=:]+?)\s*[=:]\s*(.*?)\s*", re.DOTALL)
_BETWEEN = re.compile(r"[;\n]")
_SHOWN = 5


def read_sheet(
    path: Path, sheet: SheetMap, report: ReadReport
) -> tuple[tuple[Service, ...], tuple[Dialogue, ...]]:
    """Return the services and dialogues of a sheet.

    Args:
        path: a CSV file, or one of JSON lines.
        sheet: what its columns are.
        report: counts what is left out.

    Raises:
        CorpusError: with every fault of its first lines.
    """
    reading = _Reading(path=path, sheet=sheet, report=report)
    dialogues = tuple(reading.dialogues())
    faults = reading.faults
    if not dialogues and not faults:
        raise CorpusError(
            f"{path}: got no row of the user; expected some; say in the map which speakers are "
            "`user`"
        )
    if faults:
        shown = "\n".join(map(str, faults[:_SHOWN]))
        more = f"\nand {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise CorpusError(f"{shown}{more}")
    return reading.services(), dialogues


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """One row."""

    line: int
    is_user: bool
    text: str
    reply: str | None
    intent: str | None
    domain: str | None
    slots: Mapping[str, str | None] | None


@dataclass(kw_only=True, slots=True)
class _Reading:
    path: Path
    sheet: SheetMap
    report: ReadReport
    faults: list[Fault] = field(default_factory=list)
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = field(default_factory=dict)

    @property
    def service(self) -> str:
        return self.sheet.service or label(self.path.stem) or "service"

    def services(self) -> tuple[Service, ...]:
        return tuple(
            Service(
                name=name, slots=tuple(Slot(name=slot) for slot in slots), intents=tuple(intents)
            )
            for name, (slots, intents) in self.found.items()
        )

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield the dialogues in the order of their first rows."""
        columns = self.sheet.columns
        groups: dict[str, list[_Said]] = {}
        number = 1
        ended = False
        for line, row in sheet_rows(self.path, self.sheet, self.faults):
            if not row:
                ended = True
                continue
            said = self._said(line, row)
            if columns.dialogue is not None:
                name = _cell(row.get(columns.dialogue))
                if not name:
                    self._fault(line, columns.dialogue, "nothing", "a dialogue's id")
                    continue
            else:
                alone = columns.speaker is None and columns.turns is None
                number += bool(groups) and (ended or alone)
                name = str(number)
            ended = False
            if said is not None:
                groups.setdefault(name, []).append(said)
        for name, rows in groups.items():
            turns = tuple(self._turns(name, rows))
            if not turns:
                self.report.skipped("dialogue: nothing by the user", f"{self.path}:{rows[0].line}")
                continue
            self.report.dialogue(len(turns))
            yield Dialogue(
                dialogue_id=name,
                corpus=self.report.corpus or label(self.path.stem),
                split=self.sheet.split,
                turns=turns,
            )

    def _said(self, line: int, row: Mapping[str, Any]) -> _Said | None:
        columns, where = self.sheet.columns, f"{self.path}:{line}"
        is_user = True
        if columns.speaker is not None:
            speaker = _cell(row.get(columns.speaker)).lower()
            if speaker in _lower(self.sheet.ignored):
                self.report.skipped("row: of a speaker that the map ignores", where)
                return None
            is_user = speaker in _lower(self.sheet.user)
            known = _lower(self.sheet.system)
            if not speaker or (known and not is_user and speaker not in known):
                names = [*self.sheet.user, *self.sheet.system, *self.sheet.ignored]
                self._fault(
                    line,
                    columns.speaker,
                    repr(speaker[:40]) if speaker else "nothing",
                    f"one of {', '.join(names)}",
                    "add it in the map to user, system or ignored",
                )
                return None
        text = _cell(row.get(columns.text))
        if not text:
            self.report.skipped("row: nothing said", where)
            return None
        for what in ("intent", "slots"):
            column = getattr(columns, what)
            if not is_user and isinstance(column, str) and _cell(row.get(column)):
                self.report.skipped(f"{what}: of a row that is not the user's", where)
        slots = self._slots(line, row) if is_user else None
        intent = _cell(row.get(columns.intent)) if columns.intent and is_user else ""
        domain = _cell(row.get(columns.domain)) if columns.domain and is_user else ""
        return _Said(
            line=line,
            is_user=is_user,
            text=text,
            reply=(_cell(row.get(columns.reply)) or None) if columns.reply else None,
            intent=intent or None,
            domain=domain or None,
            slots=slots,
        )

    def _slots(self, line: int, row: Mapping[str, Any]) -> Mapping[str, str | None] | None:
        """Return slot -> value of a row, None for a value that is taken back; None for no label."""
        columns = self.sheet.columns.slots
        if columns is None:
            return None
        if isinstance(columns, str):
            raw = row.get(columns)
            if raw is None or raw == "" or (isinstance(raw, str) and not raw.strip()):
                return {} if self.sheet.empty_slots == _UNCHANGED else None
            found = raw if isinstance(raw, dict) else _pairs(str(raw))
            if found is None:
                self._fault(
                    line,
                    columns,
                    "something without a name",
                    "`name=value; name=value` or a JSON object",
                )
                return None
        else:
            found = {name: row.get(column) for name, column in columns.items()}
            found = {name: one for name, one in found.items() if _cell(one)}
            if not found and self.sheet.empty_slots != _UNCHANGED:
                return None
        slots: dict[str, str | None] = {}
        for name, one in found.items():
            if isinstance(one, list):
                self.report.changed("value: first of several kept", f"{self.path}:{line} {name}")
                one = one[0] if one else None
            if isinstance(one, dict):
                self._fault(line, f"slot {name!r}", "an object", "a text or a number")
                continue
            slots[str(name)] = _cell(one) or None
        return slots

    def _turns(self, name: str, rows: list[_Said]) -> Iterator[Turn]:
        state: dict[str, dict[str, str]] = {}
        for said, reply in exchanges(_joined(rows), name, self.report):
            domain = said.domain or self.service
            slots, intents = self.found.setdefault(domain, ({}, {}))
            if said.intent is not None:
                intents[said.intent] = None
            for slot, value in (said.slots or {}).items():
                slots[slot] = None
                if value is None:
                    state.get(domain, {}).pop(slot, None)
                else:
                    state.setdefault(domain, {})[slot] = value
            known = {service: dict(of) for service, of in state.items() if of}
            yield Turn(
                user=said.text,
                belief_state=None if said.slots is None else known,
                intent=said.intent,
                active_domain=said.domain,
                system=said.reply if reply is None else reply.text,
            )

    def _fault(
        self, line: int, what: str, got: str, expected: str, fix: str = "correct the row"
    ) -> None:
        self.faults.append(
            Fault(file=str(self.path), line=line, what=what, got=got, expected=expected, fix=fix)
        )


def _joined(rows: list[_Said]) -> Iterator[tuple[bool, _Said]]:
    """Yield the rows, those of the system that follow one another as one."""
    pending: _Said | None = None
    for row in rows:
        if row.is_user:
            if pending is not None:
                yield False, pending
                pending = None
            yield True, row
        elif pending is None:
            pending = row
        else:
            pending = replace(pending, text=f"{pending.text} {row.text}")
    if pending is not None:
        yield False, pending


def _pairs(text: str) -> dict[str, Any] | None:
    """Return the pairs of a cell; None where it holds something else."""
    if text.lstrip().startswith("{"):
        try:
            found = parse_json(text)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None
    parts = _BETWEEN.split(text)
    if len(parts) == 1 and all(_PAIR.fullmatch(one) for one in text.split(",")):
        parts = text.split(",")
    pairs = [_PAIR.fullmatch(one) for one in parts if one.strip()]
    if not all(pairs):
        return None
    return {one[1]: one[2] for one in pairs if one is not None}


def _cell(raw: object) -> str:
    """Return what a cell says, without spaces around it; a JSON true is ``true``."""
    if raw is None:
        return ""
    return str(raw).lower() if isinstance(raw, bool) else str(raw).strip()


def _lower(names: list[str]) -> list[str]:
    return [name.lower() for name in names]
