"""Console: prints text that others wrote so that no character of it can control the terminal.

Every verb of ``tod`` runs with it. Example: of an escape character ``one_line`` makes the four
characters that name it, so a reply that would have cleared the screen is read instead.

A reply, a name, a key or an id may hold escape sequences that move the cursor, change the window's
title or hide text, and marks that turn the order of letters round. While the door is open, all that
goes to standard output and standard error passes it. What we paint ourselves goes beneath it, and
is made of texts that were escaped before.
"""

import re
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TextIO, cast

_SPEAKS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    "\ufff9-\ufffb\ud800-\udfff]"
)
_BREAKS = re.compile(r"[\t\n]")
_TAGS = re.compile("[\U000e0000-\U000e007f]")


def escaped(text: str) -> str:
    """Return a text whose control characters are shown, not obeyed; lines and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return _TAGS.sub(_shown, _SPEAKS.sub(_shown, text))


def one_line(text: str) -> str:
    """Return the same in one line: somebody else's text makes no line that looks like ours."""
    return _BREAKS.sub(_shown, escaped(text))


def tell(text: object = "") -> None:
    """Print a line, or several, of what a run has found to standard output, at once.

    Rooms that a program may use print through this function alone, so that nothing they say can
    control a terminal, and so that one place decides where it goes.
    """
    print(escaped(str(text)), flush=True)


def warn(text: str) -> None:
    """Print what whoever reads the figures must know to standard error."""
    print(f"WARNING: {escaped(text)}", file=sys.stderr, flush=True)


def beneath(stream: TextIO) -> TextIO:
    """Return where lines with colours of ours go; the texts in them are escaped already."""
    below: TextIO = getattr(stream, "beneath", stream)
    return below


@contextmanager
def console_door() -> Iterator[None]:
    """Escape whatever is printed while the block runs."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, _Door(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def escape_tracebacks() -> None:
    """Escape what Python prints of an error that nobody caught: its message may be anybody's."""
    sys.excepthook = _told

    def of_thread(about: threading.ExceptHookArgs) -> None:
        if about.exc_value is not None:
            _told(about.exc_type, about.exc_value, about.exc_traceback)

    threading.excepthook = of_thread


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    lines = traceback.format_exception(kind, error, trace)
    beneath(sys.stderr).write("".join(escaped(line) for line in lines))


class _Door:
    """A stream in front of another."""

    def __init__(self, stream: TextIO) -> None:
        self.beneath = stream

    def write(self, text: str) -> int:
        """Write a text; a progress bar may begin its own line anew."""
        begun = "\r" if text.startswith("\r") else ""
        self.beneath.write(begun + escaped(text[len(begun) :]))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write several."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beneath, name)


def _shown(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
