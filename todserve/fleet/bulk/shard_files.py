"""Shard files: what became of one piece of a corpus, written whole or not at all.

``tod label`` writes them when the rows of a piece are answered. A shard holds the rows with their
answers; those that were refused lie in a file of their own with the reason and the row as it was.
The shard is written last: where it is there, its piece is done. Example: ``part-00003.jsonl`` and
``refused-00003.jsonl``.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from todserve.fleet.bulk.corpus_rows import LINES, MOST_LINE_BYTES, TABLE, Piece
from todserve.fleet.bulk.row_labels import ANSWER, RowLabel, RowLabeller
from todserve.runtime.errors import DataError
from todserve.runtime.untrusted.json_text import parse_json
from todserve.runtime.whole_files import write_whole, written_whole


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardCounts:
    """What became of a piece, in numbers."""

    rows: int = 0
    refused: int = 0
    turns: int = 0

    def __add__(self, other: "ShardCounts") -> "ShardCounts":
        return ShardCounts(
            rows=self.rows + other.rows,
            refused=self.refused + other.refused,
            turns=self.turns + other.turns,
        )


def shard_path(out: Path, number: int, *, suffix: str) -> Path:
    """Return where the shard of a piece lies."""
    return out / f"part-{number:05d}{suffix}"


def refused_path(out: Path, number: int) -> Path:
    """Return where the refused rows of a piece lie; there only where there are any."""
    return out / f"refused-{number:05d}{LINES}"


def label_piece(piece: Piece, labeller: RowLabeller, out: Path) -> ShardCounts:
    """Answer the rows of a piece and write its shard."""
    rows = _rows(piece)
    good = [row for row in rows if isinstance(row, Mapping)]
    found = iter(labeller.label(good))
    labels = [
        next(found) if isinstance(row, Mapping) else RowLabel(reason=str(row)) for row in rows
    ]
    refused = [
        _refused(piece, place, label.reason) for place, label in enumerate(labels) if label.reason
    ]
    if refused:
        write_whole(refused_path(out, piece.number), _lines(refused))
    if piece.table is None:
        kept = [
            {**row, label.key: label.answer}
            for row, label in zip(rows, labels, strict=True)
            if isinstance(row, Mapping) and not label.reason
        ]
        write_whole(shard_path(out, piece.number, suffix=LINES), _lines(kept))
    else:
        _write_table(piece.table, labels, shard_path(out, piece.number, suffix=TABLE))
    turns = sum(label.turns for label in labels)
    return ShardCounts(rows=len(rows), refused=len(refused), turns=turns)


def _rows(piece: Piece) -> list[Mapping[str, Any] | str]:
    """Return the rows of a piece; in the place of one that is none, why not."""
    if piece.table is not None:
        rows: list[Mapping[str, Any] | str] = piece.table.to_pylist()
        return rows
    return [_row(line) for line in piece.lines]


def _row(line: bytes) -> Mapping[str, Any] | str:
    if len(line) > MOST_LINE_BYTES:
        return f"the line has more than {MOST_LINE_BYTES} bytes; expected at most so many"
    try:
        row = parse_json(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"the line is no UTF-8 (byte {error.start}); save the file in UTF-8"
    except DataError as error:
        return f"the line is no JSON: {error.problem}"
    return row if isinstance(row, dict) else "the line is no JSON object; expected one a line"


def _refused(piece: Piece, place: int, reason: str) -> dict[str, Any]:
    told: dict[str, Any] = {"file": piece.file, "row": piece.first + place, "reason": reason}
    if piece.table is not None:
        return {**told, "content": piece.table.slice(place, 1).to_pylist()[0]}
    line = piece.lines[place]
    if len(line) > MOST_LINE_BYTES:
        return told
    try:
        return {**told, "content": line.decode("utf-8")}
    except UnicodeDecodeError:
        return {**told, "base64": base64.b64encode(line).decode("ascii")}


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    # default: what Parquet has and JSON has not, dates for instance.
    return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)


def _write_table(table: Any, labels: Sequence[RowLabel], path: Path) -> None:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    kept = [place for place, label in enumerate(labels) if not label.reason]
    texts = [json.dumps(labels[place].answer, ensure_ascii=False) for place in kept]
    key = labels[kept[0]].key if kept else ANSWER
    labelled = table.take(kept).append_column(key, pa.array(texts, pa.string()))
    with written_whole(path) as partial:
        write_table(labelled, partial)
