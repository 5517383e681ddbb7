"""The console: everything that ``tod`` says in a terminal goes through here.

Whatever it is given may hold what a stranger wrote, a server's answer or a line of a log, so
control characters are shown instead of obeyed: an escape sequence could recolour, move or hide what
stands on the screen. Example: ``say("ready", style="green")``; ``escaped(chr(27) + "[2J")`` has
four plain characters in place of the first.
"""

import json
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

STANDARD_OUTPUT = Path("-")

# Signs without width that turn the direction of what follows, or part a line where none ends.
_TREACHEROUS = {"Cc", "Zl", "Zp"}
_DIRECTIONS = {
    *"\u061c\u200e\u200f",
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
}


def escaped(text: str) -> str:
    """Return the text with every control character written out, line breaks included."""
    return "".join(_shown(character) for character in text)


def say(text: str = "", *, style: str = "") -> None:
    """Print a text to stdout; ``style`` colours it where stdout is a terminal."""
    _console(sys.stdout).print(Text(_lines(text), style=style), soft_wrap=True)


def say_text(text: Text) -> None:
    """Print a text that is styled piece by piece; whoever made it has escaped what it holds."""
    _console(sys.stdout).print(text, soft_wrap=True)


def complain(text: str) -> None:
    """Print a text to stderr."""
    _console(sys.stderr).print(Text(_lines(text)), soft_wrap=True)


def say_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their columns' names, as wide as they are."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(escaped(cell), overflow="fold") for cell in row))
    console = _console(sys.stdout)
    if not console.is_terminal:
        console.width = 400  # a pipe has no edge to wrap at
    console.print(table)


def write_json(content: object, path: Path) -> None:
    """Write a value as JSON into a file, or to stdout where the path is ``-``."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    if path == STANDARD_OUTPUT:
        # JSON escapes every control character of its texts by itself, except DEL and C1.
        print("\n".join(escaped(line) for line in text.splitlines()))
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
    return Console(file=stream, highlight=False, markup=False, emoji=False)


def _lines(text: str) -> str:
    return "\n".join(escaped(line) for line in text.split("\n"))


def _shown(character: str) -> str:
    if unicodedata.category(character) in _TREACHEROUS or character in _DIRECTIONS:
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return character
