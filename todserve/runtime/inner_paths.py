"""Inner paths: joins a file name that somebody else wrote to a folder it may not leave.

Whoever opens a folder or an archive that others made calls it: names in ``export.json``, in the
index of sharded weights, in an archive's manifest and entries and in corpora were chosen by whoever
wrote the file. Every one of them is joined here, before anything is read or written. Example:
``inner_path(folder, "onnx/encoder.onnx", said_by="export.json")``; ``../x`` is refused.
"""

import os
from pathlib import Path
from unicodedata import category

from todserve.runtime.errors import ConfigError, TodError

_LONGEST = 255  # bytes of one part, on every file system that Linux knows


def inner_path(
    folder: Path,
    name: str,
    *,
    said_by: str,
    one: bool = False,
    links: bool = False,
    error: type[TodError] = ConfigError,
) -> Path:
    """Return ``folder / name``, which lies below ``folder`` whatever ``name`` is.

    Args:
        folder: what may not be left.
        name: parts separated by ``/``.
        said_by: where the name stands, for the message.
        one: whether it must be a single part.
        links: whether a link on the way may lead out of the folder, as those do in a cache of
            downloads that its owner laid out; never for what is written.
        error: what to raise.

    Raises:
        TodError: ``error``, for a name that is empty, absolute or not in plain form, that has a
            backslash, a control character, ``.`` or ``..``, or that a link leads out.
    """
    problem = _problem(name, one=one)
    path = folder if problem else folder.joinpath(*name.split("/"))
    if not problem and not links:
        inside, base = os.path.realpath(path), os.path.realpath(folder)
        if os.path.commonpath((inside, base)) != base or inside == base:
            problem = "a link leads out of the folder"
    if problem:
        kind = "one plain name" if one else "a plain path"
        raise error(
            f"{said_by}: got {name[:_LONGEST]!r} ({problem}); expected {kind} inside {folder}; "
            "do not use the file unless you trust who wrote it"
        )
    return path


def _problem(name: str, *, one: bool) -> str:
    if not name:
        return "empty"
    if any(category(letter) in {"Cc", "Cs"} for letter in name):  # NUL among them
        return "a control character"
    if "\\" in name:
        return "a backslash"
    parts = name.split("/")
    if not parts[0]:
        return "absolute"
    if {"", ".", ".."} & set(parts):
        return "a part that is empty, '.' or '..'"
    if one and len(parts) > 1:
        return "a '/'"
    if any(len(part.encode()) > _LONGEST for part in parts):
        return "too long"
    return ""
