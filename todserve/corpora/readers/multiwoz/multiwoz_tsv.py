"""Read MultiWOZ 2.1 from DST-STAR's tsv files: texts and 30-slot belief states.

`multiwoz_reader` calls it for every split. Nothing else is annotated there, so acts and intents
stay None. Example row: ``PMUL1635.json  0  False  ""  "i need a hotel ."  none  none ...``.
"""

import csv
from collections.abc import Iterator
from itertools import groupby, pairwise

from todserve.corpora.corpus_source import CorpusSource
from todserve.corpora.read_report import ReadReport, with_progress
from todserve.corpora.readers.detokenisation import detokenise, repair_clock_times
from todserve.corpora.readers.dialogue_frame import begun
from todserve.corpora.readers.multiwoz.multiwoz_names import state_slot, state_value
from todserve.runtime.errors import CorpusError
from todserve.runtime.language.dialogue import Dialogue, Turn

_FIXED = ("# Dialogue ID", "Turn Index", "Last Turn", "System Response", "User Utterance")
_DIALOGUES = {"train": 7904, "dev": 1000, "test": 999}

Row = tuple[int, list[str]]
"""Line number (from 1) and fields of one user turn."""


def read_tsv(
    source: CorpusSource,
    split: str,
    *,
    report: ReadReport | None = None,
    progress: bool = False,
) -> Iterator[Dialogue]:
    """Stream the dialogues of ``{split}.tsv``.

    A row carries the system turn BEFORE its user turn, so the reply to turn t is read from row
    t + 1 and the reply to a dialogue's last turn is unknown (None).

    Args:
        source: the corpus.
        split: ``train``, ``dev`` or ``test``.
        report: counts everything skipped or changed.
        progress: show a progress bar.

    Raises:
        CorpusError: no such split or the header is not DST-STAR's.
    """
    source.publisher.check(split)
    report = begun(report, source, split)
    path = f"{split}.tsv"
    # The file quotes nothing: a quotation mark, were there one, would be the speaker's.
    rows = csv.reader(source.text(path), delimiter="\t", quoting=csv.QUOTE_NONE)
    columns = _columns(next(rows, []), path)
    numbered = _whole_rows(enumerate(rows, start=2), len(_FIXED) + len(columns), path, report)
    grouped = groupby(numbered, key=lambda row: row[1][0])
    for dialogue_id, group in with_progress(
        grouped, progress=progress, label=path, total=_DIALOGUES[split]
    ):
        turns = _turns(list(group), columns, path, report)
        report.dialogue(len(turns))
        yield Dialogue(
            dialogue_id=dialogue_id.removesuffix(".json"),
            corpus=source.publisher.name,
            split=split,
            turns=turns,
        )


def _columns(header: list[str], path: str) -> list[tuple[str, str]]:
    """Return (domain, slot) of each state column."""
    if tuple(header[: len(_FIXED)]) != _FIXED:
        raise CorpusError(
            f"{path} starts with {header[:5]}; expected the columns {', '.join(_FIXED)}; "
            f"take the tsv files of DST-STAR's MultiWOZ 2.1 pre-processing"
        )
    names = [name for name in header[len(_FIXED) :] if name]
    pairs = [name.partition("-") for name in names]
    return [(domain, state_slot(slot)) for domain, _, slot in pairs]


def _whole_rows(rows: Iterator[Row], width: int, path: str, report: ReadReport) -> Iterator[Row]:
    for number, fields in rows:
        if not fields:
            continue
        if len(fields) < width:
            report.skipped("row: too few columns", f"{path}:{number}")
            continue
        yield number, fields


def _turns(
    rows: list[Row], columns: list[tuple[str, str]], path: str, report: ReadReport
) -> tuple[Turn, ...]:
    for (_, before), (number, after) in pairwise(rows):
        if int(after[1]) != int(before[1]) + 1:
            report.changed("dialogue: turn indices are not consecutive", f"{path}:{number}")
    replies: list[str | None] = []
    for number, fields in rows[1:]:
        replies.append(_text(fields[3], f"{path}:{number}", report) or None)
        if replies[-1] is None:
            report.missing("reply: empty", f"{path}:{number}")
    return tuple(
        Turn(
            user=_text(fields[4], f"{path}:{number}", report),
            belief_state=_state(fields[len(_FIXED) :], columns, f"{path}:{number}", report),
            system=reply,
        )
        for (number, fields), reply in zip(rows, [*replies, None], strict=True)
    )


def _text(raw: str, where: str, report: ReadReport) -> str:
    repaired = repair_clock_times(raw)
    if repaired != raw:
        report.changed("text: a price, count or house number written as a clock time", where)
    return detokenise(repaired)


def _state(
    values: list[str], columns: list[tuple[str, str]], where: str, report: ReadReport
) -> dict[str, dict[str, str]]:
    state: dict[str, dict[str, str]] = {}
    for (domain, slot), raw in zip(columns, values, strict=False):
        if raw == "none":
            continue
        value, change = state_value(slot, raw)
        if change:
            report.changed(change, f"{where} {domain}-{slot} {raw!r}")
        if value is not None:
            state.setdefault(domain, {})[slot] = value
    return state
