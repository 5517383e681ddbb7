"""SheetRows: the rows of a CSV file, or the lines of a JSON one, each with its place in the file.

`sheet_dialogues` makes dialogues of them. What programs of offices write is read for what it is: a
byte order mark, UTF-16, ``;`` or tabs between columns, ``sep=;`` in the first line, Windows' line
ends. Text in another coding is named with its line.
"""

import csv
import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from todserve.corpora.corpus_faults import Fault
from todserve.corpora.readers.sheet.sheet_map import SheetMap
from todserve.runtime.errors import CorpusError
from todserve.runtime.untrusted.json_text import CORPUS_BYTES, parse_json

JSON_SUFFIXES = (".jsonl", ".ndjson")
SUFFIXES = (".csv", ".tsv", ".txt", *JSON_SUFFIXES)

Row = tuple[int, Mapping[str, Any]]
"""Line, counted from 1, and column -> cell; no cell at all for an empty row."""

_DELIMITERS = ",;\t|"
_SEPARATOR = "sep="  # Excel's own first line
_LONGEST_CELL = 1 << 20


def sheet_rows(path: Path, sheet: SheetMap, faults: list[Fault]) -> Iterator[Row]:
    """Yield the rows of a sheet; what is no row is added to ``faults``.

    Raises:
        CorpusError: no such file, or not of these kinds.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise CorpusError(
            f"{path}: got a {path.suffix or 'file without an ending'}; expected a sheet as "
            f"{', '.join(SUFFIXES)}; save it as CSV in UTF-8"
        )
    text = _decoded(path, sheet, faults)
    if text is None:
        return
    if path.suffix.lower() in JSON_SUFFIXES:
        yield from _json_rows(path, text, sheet, faults)
    else:
        yield from _csv_rows(path, text, sheet, faults)


def _decoded(path: Path, sheet: SheetMap, faults: list[Fault]) -> str | None:
    try:
        with path.open("rb") as stream:
            content = stream.read(CORPUS_BYTES + 1)
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > CORPUS_BYTES:
        raise CorpusError(f"{path}: got over {CORPUS_BYTES} bytes; expected less; split the file")
    coding = sheet.encoding
    if coding is None:
        wide = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
        coding = "utf-16" if wide else "utf-8-sig"
    elif coding.lower().replace("_", "-") in ("utf-8", "utf8"):
        coding = "utf-8-sig"
    try:
        return content.decode(coding)
    except LookupError:
        raise CorpusError(
            f"{path}: got encoding {coding!r} in the map; expected a coding's name, such as "
            "utf-8, cp1252 or utf-16; correct it"
        ) from None
    except UnicodeDecodeError as error:
        known = "UTF-8" if sheet.encoding is None else sheet.encoding
        faults.append(
            Fault(
                file=str(path),
                line=content.count(b"\n", 0, error.start) + 1,
                what="line",
                got=f"a byte of another coding than {known}",
                expected=known,
                fix="say which it is in the map, from Windows perhaps `encoding: cp1252`",
            )
        )
        return None


def _csv_rows(path: Path, text: str, sheet: SheetMap, faults: list[Fault]) -> Iterator[Row]:
    first, _, rest = text.partition("\n")
    skipped = 0
    delimiter = sheet.delimiter
    if first.lower().startswith(_SEPARATOR):
        delimiter = delimiter or first[len(_SEPARATOR) :].rstrip("\r")[:1] or None
        text, skipped, first = rest, 1, rest.partition("\n")[0]
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=first.count)
    csv.field_size_limit(_LONGEST_CELL)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1 + skipped
    try:
        header = [name.strip() for name in next(rows, [])]
        if not any(header):
            faults.append(_empty(path))
            return
        if not _has_columns(path, line, header, sheet, faults):
            return
        empty = True
        line = rows.line_num + 1 + skipped
        for cells in rows:
            filled = any(cell.strip() for cell in cells)
            if filled and len(cells) > len(header):
                faults.append(
                    Fault(
                        file=str(path),
                        line=line,
                        what="row",
                        got=f"{len(cells)} cells",
                        expected=f"{len(header)}, as the first row has",
                        fix="put cells that hold the delimiter in quotes",
                    )
                )
            else:
                yield line, dict(zip(header, cells, strict=False)) if filled else {}
            empty &= not filled
            line = rows.line_num + 1 + skipped
    except csv.Error as error:
        faults.append(
            Fault(
                file=str(path),
                line=line,
                what="row",
                got=f"no CSV ({error})",
                expected="cells, those with quotes in quotes",
                fix="save the sheet as CSV once more",
            )
        )
        return
    if empty:
        faults.append(_empty(path))


def _json_rows(path: Path, text: str, sheet: SheetMap, faults: list[Fault]) -> Iterator[Row]:
    empty = True
    for line, written in enumerate(text.split("\n"), start=1):
        if not written.strip():
            yield line, {}
            continue
        empty = False
        try:
            found = parse_json(written)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            got = "no JSON" if found is None else "no object"
            faults.append(
                Fault(
                    file=str(path),
                    line=line,
                    what="line",
                    got=got,
                    expected="a JSON object",
                    fix="correct the line",
                )
            )
            continue
        inner = [found]
        if sheet.columns.turns is not None:
            turns = found.get(sheet.columns.turns)
            if not isinstance(turns, list) or not all(isinstance(one, dict) for one in turns):
                faults.append(
                    Fault(
                        file=str(path),
                        line=line,
                        what=sheet.columns.turns,
                        got="something else",
                        expected="a list of objects, as the map says",
                        fix="correct the line, or the map",
                    )
                )
                continue
            above = {key: one for key, one in found.items() if key != sheet.columns.turns}
            inner = [{**above, **one} for one in turns]
        for row in inner:
            if _has_columns(path, line, [*row], sheet, faults, needed=(sheet.columns.text,)):
                yield line, row
        if sheet.columns.turns is not None:
            yield line, {}
    if empty:
        faults.append(_empty(path))


def _has_columns(
    path: Path,
    line: int,
    header: Sequence[str],
    sheet: SheetMap,
    faults: list[Fault],
    *,
    needed: Sequence[str] | None = None,
) -> bool:
    columns = sheet.columns
    if needed is None:
        one_each = columns.slots.values() if isinstance(columns.slots, dict) else [columns.slots]
        named = (columns.text, columns.speaker, columns.reply, columns.dialogue, columns.intent)
        needed = [one for one in (*named, columns.domain, *one_each) if one is not None]
    missing = [name for name in needed if name not in header]
    if missing:
        faults.append(
            Fault(
                file=str(path),
                line=line,
                what="columns",
                got=", ".join(header[:12]),
                expected=f"one named {missing[0]!r}, as the map says",
                fix="correct the map, or the first row",
            )
        )
    return not missing


def _empty(path: Path) -> Fault:
    return Fault(
        file=str(path),
        line=1,
        what="file",
        got="no row",
        expected="one for each utterance",
        fix="write some, or take the file out",
    )
