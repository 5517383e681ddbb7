"""Reads JSON that somebody else wrote, under limits: size, depth, digits and whole characters.

Every JSON file of a checkpoint, an archive or a corpus is read here, so that none of them can end
in anything but a plain message. Example: ``read_json(Path("schema.json"))``; a hundred thousand
brackets are refused.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from todserve.runtime.errors import DataError

MOST_BYTES = 1 << 26
"""Of one file, 64 MiB; a corpus's files may be larger."""

CORPUS_BYTES = 1 << 30
"""Of one file of a corpus."""

MOST_LEVELS = 64
"""Lists and objects inside one another; whatever walks what was read may call itself so deep."""

_MOST_BITS = 128
_ODD = re.compile(r"\\u[dD][89a-fA-F]|\d{19}")
_ODD_BYTES = re.compile(_ODD.pattern.encode())


def read_json(path: Path, *, most: int = MOST_BYTES) -> Any:
    """Return what a JSON file holds.

    Raises:
        OSError: it cannot be read.
        DataError: too large, no UTF-8, no JSON, or beyond the limits; also a ``ValueError``.
    """
    return parse_json(read_limited(path, most=most), most=most)


def read_limited(path: Path, *, most: int = MOST_BYTES) -> str:
    """Return the text of a file in UTF-8 that has at most so many bytes.

    Raises:
        OSError: it cannot be read.
        DataError: too large, or no UTF-8; also a ``ValueError``.
    """
    with path.open("rb") as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise DataError(f"got a file of more than {most} bytes; expected at most so many")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"got no UTF-8 (byte {error.start}); save the file in UTF-8", line=line
        ) from None


def parse_json(text: str | bytes, *, most: int = MOST_BYTES, levels: int = MOST_LEVELS) -> Any:
    """Return what a JSON text says.

    Raises:
        DataError: too large, no JSON, nested too deeply, a number of very many digits, or half of
            a surrogate pair; also a ``ValueError``.
    """
    if len(text) > most:
        raise DataError(f"got {len(text)} bytes of JSON; expected at most {most}")
    try:
        # Editors of Windows begin a file so.
        bare = text.removeprefix("\ufeff") if isinstance(text, str) else text
        value = json.loads(bare)
    except RecursionError:
        raise _too_deep(levels) from None
    except UnicodeDecodeError as error:
        raise DataError(f"got no UTF-8 (byte {error.start}); save the file in UTF-8") from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"not JSON: {error.msg} (column {error.colno})", line=error.lineno
        ) from None
    except ValueError:  # Python itself refuses an integer of thousands of digits
        raise _too_long() from None
    odd = _ODD.search(text) if isinstance(text, str) else _ODD_BYTES.search(text)
    if odd is not None or _openings(text) > levels:
        _walk(value, levels, scalars=odd is not None)
    return value


def _openings(text: str | bytes) -> int:
    if isinstance(text, str):
        return text.count("[") + text.count("{")
    return text.count(b"[") + text.count(b"{")


def _walk(value: object, levels: int, *, scalars: bool) -> None:
    # Level by level, not recursively: a deep text must not exhaust the stack.
    level = [value]
    for _ in range(levels):
        below: list[object] = []
        for one in level:
            inside = _inside(one)
            if scalars:
                for part in (*inside, *(one if isinstance(one, dict) else ()), one):
                    check_scalar(part)
            below += [part for part in inside if isinstance(part, dict | list)]
        if not below:
            return
        level = below
    raise _too_deep(levels)


def _inside(one: object) -> Iterable[object]:
    if isinstance(one, dict):
        return one.values()
    return one if isinstance(one, list) else ()


def check_scalar(one: object) -> None:
    """Refuse a number or a text that JSON can write and little else can take.

    Raises:
        DataError: a whole number of very many digits, or half of a surrogate pair.
    """
    if isinstance(one, int) and one.bit_length() > _MOST_BITS:
        raise _too_long()
    if isinstance(one, str) and not one.isascii():
        check_characters(one)


def check_characters(text: str) -> None:
    """Refuse a text that no file, terminal or tokenizer can take.

    Raises:
        DataError: it has half of a surrogate pair.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(
            "got half of a surrogate pair (U+D800 to U+DFFF) in a text; write whole characters"
        ) from None


def _too_deep(levels: int) -> DataError:
    return DataError(f"nested too deeply; expected at most {levels} levels")


def _too_long() -> DataError:
    return DataError(f"got a whole number of more than {_MOST_BITS} bits; expected a smaller one")
