"""Whole files: writes a file wholly or not at all, so that nobody ever reads half of it.

Used wherever a checkpoint, a score or a report is saved: what is interrupted leaves the older file
as it was. Example: ``write_whole(Path("scores.json"), text)``.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a place to write to; what is written there takes the place of ``path`` at the end.

    An error inside the block leaves ``path`` untouched, and nothing else behind.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.unlink(missing_ok=True)  # of a process that was killed, and whose number came again
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
