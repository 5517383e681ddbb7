"""Painted lines: what ``tod`` says in a terminal, in colour where that is wanted.

Whatever a line is given is escaped by ``runtime.console`` first, so that no text of somebody else's
speaks to the terminal; the colours are ours and go beneath the console's door.
Example: ``say("ready", style="green")``.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from todserve.runtime.console import beneath, escaped, one_line

STANDARD_OUTPUT = Path("-")


def say(text: str = "", *, style: str = "") -> None:
    """Print a text to stdout; ``style`` colours it where stdout is a terminal."""
    _console(sys.stdout).print(Text(escaped(text), style=style), soft_wrap=True)


def say_text(text: Text) -> None:
    """Print a text that is styled piece by piece; whoever made it has escaped what it holds."""
    _console(sys.stdout).print(text, soft_wrap=True)


def complain(text: str) -> None:
    """Print a text to stderr."""
    _console(sys.stderr).print(Text(escaped(text)), soft_wrap=True)


def say_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their columns' names, as wide as they are."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(one_line(cell), overflow="fold") for cell in row))
    console = _console(sys.stdout)
    if not console.is_terminal:
        console.width = 400  # a pipe has no edge to wrap at
    console.print(table)


def write_json(content: object, path: Path) -> None:
    """Write a value as JSON into a file, or to stdout where the path is ``-``."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    if path == STANDARD_OUTPUT:
        print(text)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")


@contextmanager
def json_file(path: Path | None) -> Iterator[Path | None]:
    """Give the file that a verb shall write its figures to.

    For ``-`` that is a temporary one, which is printed in the end; what else the verb prints
    meanwhile goes to stderr, so that a script reads the figures alone.
    """
    if path != STANDARD_OUTPUT:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="tod-json-") as folder:
        file = Path(folder) / "figures.json"
        with redirect_stdout(sys.stderr):
            yield file
        if file.is_file():
            print(file.read_text(encoding="utf-8").rstrip())


def _console(stream: TextIO) -> Console:
    # Made for each print: a stream may be another one by now, in a test or behind a redirection.
    return Console(file=beneath(stream), highlight=False, markup=False, emoji=False)
