"""Corpus rows: a corpus cut into pieces that can be labelled one by one, JSON lines or Parquet.

``tod label`` reads its corpus with it. The same file is cut at the same rows every time, so a run
that was killed finds its place. Nothing is held but the piece at hand.
Example: ``next(pieces([Path("said.jsonl")], rows=1000)).lines[0]`` is the first line's bytes.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from todserve.runtime.errors import CorpusError

if TYPE_CHECKING:
    import pyarrow as pa

LINES, TABLE = ".jsonl", ".parquet"
MOST_LINE_BYTES = 1 << 24
"""Of one line; a longer one is refused, and not read whole."""

_END_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Rows that follow one another in one file.

    Attributes:
        number: counted over all files, from 0.
        file: the file's name.
        first: the first row's place in the file, from 1; of JSON lines its line.
        lines: of JSON lines, each as it is, without its end.
        table: of Parquet.
    """

    number: int
    file: str
    first: int
    lines: tuple[bytes, ...] = ()
    table: "pa.Table | None" = None

    def __len__(self) -> int:
        return len(self.lines) if self.table is None else int(self.table.num_rows)


def corpus_files(source: Path) -> list[Path]:
    """Return the files of a corpus: one, or those of a folder by their names.

    Raises:
        CorpusError: there is none, or they are of both kinds.
    """
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    found = [one for one in files if one.suffix in (LINES, TABLE) and one.is_file()]
    if not found or len({one.suffix for one in found}) > 1:
        raise CorpusError(
            f"{source}: expected a {LINES} or {TABLE} file, or a folder of files of one of the two"
        )
    if found[0].suffix == TABLE and find_spec("pyarrow") is None:
        raise CorpusError(f"{found[0]}: reading Parquet needs pyarrow; install todserve[parquet]")
    return found


def count_rows(files: Sequence[Path]) -> int:
    """Return how many rows there are."""
    return sum(_rows_of(one) for one in files)


def fingerprint(file: Path) -> str:
    """Return what tells a file from another without reading all of it: size and both ends."""
    size = file.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with file.open("rb") as stream:
        digest.update(stream.read(_END_BYTES))
        stream.seek(max(0, size - _END_BYTES))
        digest.update(stream.read())
    return digest.hexdigest()[:16]


def pieces(files: Sequence[Path], *, rows: int) -> Iterator[Piece]:
    """Yield the pieces of a corpus, in order; a piece is of one file and has at most ``rows``."""
    number = 0
    for file in files:
        cut = _cut_lines if file.suffix == LINES else _cut_table
        first = 1
        for part in cut(file, rows):
            piece = Piece(number=number, file=file.name, first=first, **part)
            yield piece
            number += 1
            first += len(piece)


def _rows_of(file: Path) -> int:
    if file.suffix == TABLE:
        from pyarrow.parquet import ParquetFile

        with ParquetFile(file) as opened:
            return int(opened.metadata.num_rows)
    count, last = 0, b"\n"
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")


def _cut_lines(file: Path, rows: int) -> Iterator[dict[str, Any]]:
    with file.open("rb") as stream:
        lines: list[bytes] = []
        while line := stream.readline(MOST_LINE_BYTES + 1):
            lines.append(line.rstrip(b"\r\n"))
            while len(line) > MOST_LINE_BYTES and not line.endswith(b"\n"):
                line = stream.readline(MOST_LINE_BYTES + 1)
            if len(lines) == rows:
                yield {"lines": tuple(lines)}
                lines = []
        if lines:
            yield {"lines": tuple(lines)}


def _cut_table(file: Path, rows: int) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    with ParquetFile(file) as opened:
        left = opened.schema_arrow.empty_table()
        for batch in opened.iter_batches(batch_size=rows):
            left = pa.concat_tables([left, pa.Table.from_batches([batch])])
            while left.num_rows >= rows:
                yield {"table": left.slice(0, rows)}
                left = left.slice(rows)
        if left.num_rows:
            yield {"table": left}
