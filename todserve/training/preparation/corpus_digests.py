"""Corpus digests: the corpora's files as they were prepared, so that a later change is noticed.

A run compares them with those of its prepared folder. Corrections are exported into the folder they
came from: the next run must train on them, not on what was prepared before.
Example: ``digests(("./our-bot",), None)`` is ``{"./our-bot": "9f86d081884c7d65"}``.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from todserve.corpora.registry import CORPORA, find
from todserve.runtime.errors import CorpusError

_LENGTH = 16  # hexadecimal digits


def digests(names: Iterable[str], root: Path | None) -> dict[str, str]:
    """Return a digest of the files of every corpus that is at hand.

    Args:
        names: corpora, ``corpus/split``, or paths, as a configuration names them.
        root: where published corpora are; TOD_DATA when None.

    Returns:
        By name without the split. A corpus that is not there is left out: a machine without the
        corpora trains on prepared folders too.
    """
    found: dict[str, str] = {}
    for name in names:
        corpus = name.partition("/")[0]
        if corpus not in CORPORA:
            corpus, place = name, Path(name)
        else:
            try:
                place = find(corpus, root).location
            except CorpusError:
                continue
        if corpus not in found and place.exists():
            found[corpus] = _digest(place)
    return found


def _digest(place: Path) -> str:
    whole = hashlib.sha256()
    for file in _files(place):
        # Names count, places do not: a corpus may be moved.
        whole.update(str(file.relative_to(place)).encode() + b"\0")
        with file.open("rb") as stream:
            whole.update(hashlib.file_digest(stream, "sha256").digest())
    return whole.hexdigest()[:_LENGTH]


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    for file in sorted(place.rglob("*")):
        parts = file.relative_to(place).parts
        if file.is_file() and not any(part.startswith(".") for part in parts):
            yield file
